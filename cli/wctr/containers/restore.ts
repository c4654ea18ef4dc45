import { fromBinary } from '@bufbuild/protobuf';
import { AnySchema, type Any } from '@bufbuild/protobuf/wkt';
import { bool } from '../../../common/flags/flag.ts';
import {
  CHECKPOINT,
  CHECKPOINT_CONFIG,
  CHECKPOINT_RUNTIME_OPTIONS,
} from '../../../image/checkpoint-types.ts';
import { documentOf } from '../../../image/manifest.ts';
import type { Descriptor } from '../../../image/registry/contract.ts';
import type { Containerd } from '../../containerd/client.ts';
import { isNotFound } from '../../containerd/errors.ts';
import { IMAGE_NAME, RUNTIME_NAME, SNAPSHOTTER_NAME } from '../checkpoints/annotations.ts';
import { defineCommand } from '../command.ts';
import { blobBytes, blobJson } from '../content/read.ts';
import { fromWire, hostPlatform, partsFor, toWire } from '../images/documents.ts';
import { unpack } from '../images/unpack.ts';
import { leased } from '../leases/lease.ts';
import { runTask } from '../tasks/start.ts';
import {
  Containers,
  type Container,
} from '../../../daemon/api/containerd/gen/containerd/services/containers/v1/containers_pb.ts';
import { Diff } from '../../../daemon/api/containerd/gen/containerd/services/diff/v1/diff_pb.ts';
import { Images } from '../../../daemon/api/containerd/gen/containerd/services/images/v1/images_pb.ts';
import { Snapshots } from '../../../daemon/api/containerd/gen/containerd/services/snapshots/v1/snapshots_pb.ts';

const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

export const restore = defineCommand({
  usage: 'CONTAINER REF',
  flags: {
    rw: bool('restore the rw layer from the checkpoint'),
    live: bool('restore the runtime and memory data from the checkpoint'),
  },
  run: async ({ containerd, flags, args: [id = '', ref = ''] }) => {
    if (id === '') throw new Error('container id must be provided');
    if (ref === '') throw new Error('ref must be provided');
    const { container, checkpoint } = await leased(containerd, async (leasing) => {
      const index = await readIndex(leasing, ref);
      // Before anything is made.
      const processes = flags.live ? index.part(CHECKPOINT) : undefined;
      if (flags.live && processes === undefined)
        throw new Error(`checkpoint not found in index ${index.digest}`);
      return {
        container: await makeContainer(leasing, id, { index, rw: flags.rw }),
        checkpoint: processes && toWire(processes),
      };
    });
    return runTask(containerd, container, {
      ...{ nullIo: false, logUri: '', fifoDirectory: '', detach: true, pidFile: '' },
      checkpoint,
    });
  },
});

/** What a checkpoint's image names. */
interface Index {
  readonly digest: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** The first of that media type. */
  readonly part: (mediaType: string) => Descriptor | undefined;
}

/** One that is not there is fetched. */
async function readIndex(containerd: Containerd, ref: string): Promise<Index> {
  const target = await targetOf(containerd, ref);
  const json = (await blobJson(containerd, target.digest)) as Partial<Index>;
  const document = documentOf(target, json);
  const manifests = document.kind === 'index' ? document.manifests : [];
  return {
    digest: target.digest,
    annotations: json.annotations ?? {},
    part: (mediaType) => manifests.find((each) => each.mediaType === mediaType),
  };
}

async function targetOf(containerd: Containerd, name: string): Promise<Descriptor> {
  try {
    return fromWire((await containerd.service(Images).get({ name })).image?.target);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    // It brings the client of registries, which nothing else here needs.
    const { fetchPlainly } = await import('../images/pull.ts');
    return fetchPlainly(containerd, name);
  }
}

interface Checkpoint {
  readonly index: Index;
  readonly rw: boolean;
}

/** With a snapshot of its image, and the checkpoint's own specification. A failure takes the snapshot away again. */
async function makeContainer(containerd: Containerd, id: string, checkpoint: Checkpoint): Promise<Container> {
  const { index } = checkpoint;
  const {
    [IMAGE_NAME]: image = '',
    [SNAPSHOTTER_NAME]: snapshotter,
    [RUNTIME_NAME]: name,
  } = index.annotations;
  if (image === '') throw new Error('image name not found in index');
  if (snapshotter === undefined) throw new Error('snapshotter not found in index');
  if (name === undefined) throw new Error('runtime not found in index');
  const config = index.part(CHECKPOINT_CONFIG);
  if (config === undefined) throw new Error('media type not found');
  const spec = await anyOf(containerd, config);
  const runtimeOptions = index.part(CHECKPOINT_RUNTIME_OPTIONS);
  const options = runtimeOptions && (await anyOf(containerd, runtimeOptions));
  await prepare(containerd, { image, snapshotter, key: id });
  try {
    if (checkpoint.rw) await applyLayer(containerd, index, { snapshotter, key: id });
    const runtime = { name, ...(options === undefined ? {} : { options }) };
    const { container } = await containerd.service(Containers).create({
      container: { id, image, snapshotter, snapshotKey: id, runtime, spec, labels: {}, extensions: {} },
    });
    if (container === undefined) throw new Error(`containerd made no container "${id}"`);
    return container;
  } catch (error) {
    await containerd.service(Snapshots).remove({ snapshotter, key: id });
    throw error;
  }
}

async function prepare(
  containerd: Containerd,
  { image: name, snapshotter, key }: { image: string; snapshotter: string; key: string },
): Promise<void> {
  const { image } = await containerd.service(Images).get({ name });
  const parts = await partsFor(containerd, fromWire(image?.target), hostPlatform());
  const parent = await unpack(containerd, parts, snapshotter);
  await containerd.service(Snapshots).prepare({ snapshotter, key, parent });
}

async function applyLayer(
  containerd: Containerd,
  index: Index,
  snapshot: { readonly snapshotter: string; readonly key: string },
): Promise<void> {
  const layer = index.part(LAYER);
  if (layer === undefined) throw new Error('media type not found');
  const { mounts } = await containerd.service(Snapshots).mounts(snapshot);
  await containerd.service(Diff).apply({ diff: toWire(layer), mounts });
}

const anyOf = async (containerd: Containerd, { digest }: Descriptor): Promise<Any> =>
  fromBinary(AnySchema, await blobBytes(containerd, digest));
