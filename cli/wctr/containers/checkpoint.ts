import { create, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { bool } from '../../../common/flags/flag.ts';
import { CHECKPOINT_OPTIONS, CHECKPOINT_RUNTIME_OPTIONS } from '../../../image/checkpoint-types.ts';
import type { Descriptor } from '../../../image/registry/contract.ts';
import type { Containerd } from '../../containerd/client.ts';
import { isNotFound } from '../../containerd/errors.ts';
import { IMAGE_NAME, RUNTIME_NAME, SNAPSHOTTER_NAME } from '../checkpoints/annotations.ts';
import {
  dumpTask,
  imageOf,
  nameCheckpoint,
  packOptions,
  whilePaused,
  writePart,
  writtenLayer,
  type Packed,
} from '../checkpoints/make.ts';
import { defineCommand } from '../command.ts';
import { leased } from '../leases/lease.ts';
import { getContainer } from '../tasks/task.ts';
import type { Container } from '../../../daemon/api/containerd/gen/containerd/services/containers/v1/containers_pb.ts';
import { Tasks } from '../../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';
import type { Process } from '../../../daemon/api/containerd/gen/containerd/types/task/task_pb.ts';

export const checkpoint = defineCommand({
  usage: 'CONTAINER REF',
  flags: {
    rw: bool('include the rw layer in the checkpoint'),
    image: bool('include the image in the checkpoint'),
    task: bool('checkpoint container task'),
  },
  run: async ({ containerd, flags, args: [id = '', name = ''] }) => {
    if (id !== '' && name === '') throw new Error('ref must be provided');
    const container = await getContainer(containerd, id);
    const task = await taskOf(containerd, id);
    const act = (): Promise<void> =>
      leased(containerd, async (leasing) => {
        const image = await imageOf(leasing, container);
        const manifests = [
          ...(await runtimeOptions(leasing, container)),
          ...(flags.image ? [image] : []),
          ...(flags.rw ? [await writtenLayer(leasing, container)] : []),
          ...(flags.task ? await processes(leasing, id) : []),
        ];
        await nameCheckpoint(leasing, {
          ...{ name, manifests, ref: `${id}index`, labels: {} },
          annotations: {
            [RUNTIME_NAME]: container.runtime?.name ?? '',
            [SNAPSHOTTER_NAME]: container.snapshotter,
            [IMAGE_NAME]: container.image,
          },
        });
      });
    await (task === undefined ? act() : whilePaused(containerd, task, { mayEnd: false, act }));
    return 0;
  },
});

async function taskOf(containerd: Containerd, containerId: string): Promise<Process | undefined> {
  try {
    return (await containerd.service(Tasks).get({ containerId })).process;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function runtimeOptions(containerd: Containerd, { id, runtime }: Container): Promise<Descriptor[]> {
  if (runtime?.options === undefined) return [];
  const how = { ref: `${id}-runtime-options`, mediaType: CHECKPOINT_RUNTIME_OPTIONS };
  return [await writePart(containerd, packed(runtime.options), how)];
}

/** The task's, with how they were dumped. */
async function processes(containerd: Containerd, id: string): Promise<Descriptor[]> {
  const options = packOptions({ fileLocks: true });
  const how = { ref: `${id}-checkpoint-options`, mediaType: CHECKPOINT_OPTIONS };
  return [...(await dumpTask(containerd, id, options)), await writePart(containerd, packed(options), how)];
}

const packed = ({ typeUrl, value }: Packed): Uint8Array =>
  toBinary(AnySchema, create(AnySchema, { typeUrl, value }));
