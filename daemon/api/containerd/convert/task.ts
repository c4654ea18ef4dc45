import { fromBinary, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { CHECKPOINT } from '../../../../image/checkpoint-types.ts';
import { malformed } from '../../../../image/namespaces/errors.ts';
import type { Packed } from '../../../core/containerd/contract.ts';
import type {
  CheckpointTask,
  ProcessStatus,
  RestoreFrom,
  RuntimeOptions,
  TaskProcess,
} from '../../../core/tasks/contract.ts';
import { CheckpointOptionsSchema, OptionsSchema } from '../gen/containerd/runtime/runc/options_pb.ts';
import type { CreateTaskRequest } from '../gen/containerd/services/tasks/v1/tasks_pb.ts';
import { Status, type ProcessSchema } from '../gen/containerd/types/task/task_pb.ts';
import { nsToTimestamp } from './any.ts';
import { digestFromWire } from './descriptor.ts';

const STATUS = {
  created: Status.CREATED,
  running: Status.RUNNING,
  paused: Status.PAUSED,
  stopped: Status.STOPPED,
} as const satisfies Record<ProcessStatus, Status>;

export function processToWire(process: TaskProcess): MessageInitShape<typeof ProcessSchema> {
  const { id, execId, pid, status, stdio, exit } = process;
  return {
    containerId: id,
    id: execId ?? id,
    pid,
    status: STATUS[status],
    ...stdio,
    ...(exit === undefined ? {} : { exitStatus: exit.code, exitedAt: nsToTimestamp(exit.atNs) }),
  };
}

/** What is packed, if it is that; another runtime's options are none of ours. */
function unpack<Desc extends DescMessage>(
  schema: Desc,
  any: Any | Packed | undefined,
): MessageShape<Desc> | undefined {
  const name = any?.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1);
  return any === undefined || name !== schema.typeName ? undefined : fromBinary(schema, any.value);
}

/** The task's options, else the container's. */
export function runtimeOptions(any: Any | undefined, otherwise: Packed | undefined): RuntimeOptions {
  const options = unpack(OptionsSchema, any) ?? unpack(OptionsSchema, otherwise);
  return {
    binary: options?.binaryName ?? '',
    root: options?.root ?? '',
    noPivot: options?.noPivotRoot ?? false,
    noNewKeyring: options?.noNewKeyring ?? false,
    systemdCgroup: options?.systemdCgroup ?? false,
  };
}

/** What a task goes on from: a directory of its own options before content. Throws `invalid-argument`. */
export function restoreFrom({
  options,
  checkpoint,
}: Pick<CreateTaskRequest, 'options' | 'checkpoint'>): RestoreFrom | undefined {
  const path = unpack(OptionsSchema, options)?.criuImagePath ?? '';
  if (path !== '') return { kind: 'directory', path };
  if (checkpoint === undefined) return undefined;
  const { mediaType, digest } = checkpoint;
  if (mediaType !== CHECKPOINT) throw malformed(`unsupported checkpoint type ${JSON.stringify(mediaType)}`);
  return { kind: 'content', digest: digestFromWire(digest) };
}

/** `images`: where the client wants them; '' for content. */
export function checkpointOptions(
  any: Any | undefined,
): Omit<CheckpointTask, 'into'> & { readonly images: string } {
  const options = unpack(CheckpointOptionsSchema, any);
  return {
    images: options?.imagePath ?? '',
    work: options?.workPath || undefined,
    exit: options?.exit ?? false,
    openTcp: options?.openTcp ?? false,
    externalUnixSockets: options?.externalUnixSockets ?? false,
    shellJob: options?.terminal ?? false,
    fileLocks: options?.fileLocks ?? false,
    emptyNamespaces: options?.emptyNamespaces ?? [],
    cgroupsMode: options?.cgroupsMode ?? '',
  };
}
