import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { sha256 } from '../../../image/digest.ts';
import { OCI_INDEX } from '../../../image/manifest.ts';
import type { Descriptor } from '../../../image/registry/contract.ts';
import type { Containerd } from '../../containerd/client.ts';
import { writeBlob } from '../content/write.ts';
import { compactJson } from '../go-json.ts';
import { fromWire, hostPlatform, toWire } from '../images/documents.ts';
import { logLine } from '../log-line.ts';
import { makeDiff } from '../snapshots/diff.ts';
import { CheckpointOptionsSchema } from '../../../daemon/api/containerd/gen/containerd/runtime/runc/options_pb.ts';
import type { Container } from '../../../daemon/api/containerd/gen/containerd/services/containers/v1/containers_pb.ts';
import { Images } from '../../../daemon/api/containerd/gen/containerd/services/images/v1/images_pb.ts';
import { Tasks } from '../../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';
import { Status, type Process } from '../../../daemon/api/containerd/gen/containerd/types/task/task_pb.ts';

const OPTIONS_TYPE = 'containerd.runc.v1.CheckpointOptions';

export type Packed = Pick<Any, 'typeUrl' | 'value'>;

export const packOptions = (options: MessageInitShape<typeof CheckpointOptionsSchema>): Packed => ({
  typeUrl: OPTIONS_TYPE,
  value: toBinary(CheckpointOptionsSchema, create(CheckpointOptionsSchema, options)),
});

/** Has a task stand still meanwhile, so that memory and files are of one moment. One that stands already is left so. */
export async function whilePaused<T>(
  containerd: Containerd,
  { id: containerId, status }: Process,
  { mayEnd, act }: { readonly mayEnd: boolean; readonly act: () => Promise<T> },
): Promise<T> {
  if (status === Status.PAUSED) return act();
  const tasks = containerd.service(Tasks);
  await tasks.pause({ containerId });
  try {
    return await act();
  } finally {
    await tasks.resume({ containerId }).catch((error: unknown) => {
      if (!mayEnd) logLine('error', 'error resuming task', error);
    });
  }
}

/** The processes as content; nothing where the options name a directory for them. */
export async function dumpTask(
  containerd: Containerd,
  containerId: string,
  options: Packed,
): Promise<readonly Descriptor[]> {
  const { descriptors } = await containerd.service(Tasks).checkpoint({ containerId, options });
  return descriptors.map((wire) => ({ ...fromWire(wire), platform: hostPlatform() }));
}

export async function imageOf(containerd: Containerd, { image: name }: Container): Promise<Descriptor> {
  const { image } = await containerd.service(Images).get({ name });
  return fromWire(image?.target);
}

/** What the container has written. */
export async function writtenLayer(
  containerd: Containerd,
  { snapshotter, snapshotKey: key }: Container,
): Promise<Descriptor> {
  const options = { snapshotter, mediaType: '', ref: `checkpoint-rw-${key}`, labels: {} };
  const layer = await makeDiff(containerd, { first: key, second: '' }, options);
  return { ...layer, platform: hostPlatform() };
}

export async function writePart(
  containerd: Containerd,
  bytes: Uint8Array,
  { ref, mediaType }: { readonly ref: string; readonly mediaType: string },
): Promise<Descriptor> {
  const [digest, size] = [sha256(bytes), bytes.byteLength];
  await writeBlob(containerd, [bytes], { ref, size, expected: digest });
  return { mediaType, digest, size, platform: hostPlatform() };
}

export interface CheckpointImage {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the transfer. */
  readonly ref: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** Puts an index of the parts there, which holds them, and an image of it, which holds the index. */
export async function nameCheckpoint(
  containerd: Containerd,
  { name, labels, ref, manifests, annotations }: CheckpointImage,
): Promise<void> {
  const index = Buffer.from(`${compactJson({ schemaVersion: 2, manifests, annotations })}\n`);
  const [digest, size] = [sha256(index), index.byteLength];
  const references = manifests.map(
    (each, at) => [`containerd.io/gc.ref.content.${at}`, each.digest] as const,
  );
  await writeBlob(containerd, [index], {
    ...{ ref, size, expected: digest },
    labels: Object.fromEntries(references),
  });
  const target = toWire({ mediaType: OCI_INDEX, digest, size });
  await containerd.service(Images).create({ image: { name, target, labels: { ...labels } } });
}
