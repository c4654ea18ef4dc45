import { randomBytes } from 'node:crypto';
import { chainIds } from '../../../image/digest.ts';
import type { Descriptor } from '../../../image/registry/contract.ts';
import type { DiffId } from '../../../image/snapshots.ts';
import type { Containerd } from '../../containerd/client.ts';
import { isAlreadyThere } from '../../containerd/errors.ts';
import { blobJson } from '../content/read.ts';
import { hasSnapshot } from '../snapshots/has-snapshot.ts';
import { childrenOf, toWire } from './documents.ts';
import { Content } from '../../../daemon/api/containerd/gen/containerd/services/content/v1/content_pb.ts';
import { Diff } from '../../../daemon/api/containerd/gen/containerd/services/diff/v1/diff_pb.ts';
import { Snapshots } from '../../../daemon/api/containerd/gen/containerd/services/snapshots/v1/snapshots_pb.ts';
import { DOCKER_MANIFEST } from '../../../image/manifest.ts';

/** Chain ids of a config's layers, the whole image's last (image-spec config.md). */
export async function chainOf(containerd: Containerd, config: Descriptor): Promise<readonly string[]> {
  return chainIds(await diffIdsOf(containerd, config));
}

async function diffIdsOf(containerd: Containerd, config: Descriptor): Promise<readonly DiffId[]> {
  const { rootfs } = (await blobJson(containerd, config.digest)) as { rootfs?: { diff_ids?: DiffId[] } };
  return rootfs?.diff_ids ?? [];
}

/** Unpacks the layers of a manifest that are not yet; `tell` gets what to print. */
export async function unpackManifest(
  containerd: Containerd,
  digest: string,
  { snapshotter, tell }: { readonly snapshotter: string; readonly tell: (text: string) => void },
): Promise<void> {
  // Both kinds of manifest read the same.
  const { mediaType = DOCKER_MANIFEST } = (await blobJson(containerd, digest)) as { mediaType?: string };
  const descriptor = { mediaType, digest: digest as Descriptor['digest'], size: 0 };
  const [config, ...layers] = await childrenOf(containerd, descriptor);
  if (config === undefined) throw new Error(`manifest ${digest} has no config`);
  tell(`unpacking ${digest} (${mediaType})...`);
  await unpack(containerd, { config, layers }, snapshotter);
  tell('done\n');
}

/** The same of an image's parts. */
export async function unpack(
  containerd: Containerd,
  { config, layers }: { readonly config: Descriptor; readonly layers: readonly Descriptor[] },
  snapshotter: string,
): Promise<string> {
  const diffIds = await diffIdsOf(containerd, config);
  const chain = chainIds(diffIds);
  for (const [index, name] of chain.entries()) {
    const layer = layers[index];
    if (layer === undefined)
      throw new Error(`image has ${layers.length} layers, and ${chain.length} diff ids`);
    if (await hasSnapshot(containerd, snapshotter, name)) continue;
    const applied = await apply(containerd, { layer, name, parent: chain[index - 1] ?? '', snapshotter });
    if (applied !== diffIds[index]) {
      throw new Error(
        `wrong diff id calculated on extraction "${applied}", expected "${diffIds[index] ?? ''}"`,
      );
    }
    await setLabel(containerd, layer.digest, { 'containerd.io/uncompressed': applied });
  }
  const last = chain.at(-1) ?? '';
  await setLabel(containerd, config.digest, { [`containerd.io/gc.ref.snapshot.${snapshotter}`]: last });
  return last;
}

interface Layer {
  readonly layer: Descriptor;
  readonly name: string;
  readonly parent: string;
  readonly snapshotter: string;
}

/** Makes one layer's snapshot; returns its diff id. */
async function apply(containerd: Containerd, { layer, name, parent, snapshotter }: Layer): Promise<string> {
  const snapshots = containerd.service(Snapshots);
  const key = `extract-${randomBytes(6).toString('base64url')} ${name}`;
  const { mounts } = await snapshots.prepare({ snapshotter, key, parent });
  try {
    const { applied } = await containerd.service(Diff).apply({ diff: toWire(layer), mounts });
    await snapshots.commit({ snapshotter, name, key });
    return applied?.digest ?? '';
  } catch (error) {
    await snapshots.remove({ snapshotter, key }).catch(() => undefined);
    // Somebody else was faster.
    if (isAlreadyThere(error) && (await hasSnapshot(containerd, snapshotter, name)))
      return diffIdOf(containerd, layer);
    throw error;
  }
}

async function diffIdOf(containerd: Containerd, layer: Descriptor): Promise<string> {
  const { info } = await containerd.service(Content).info({ digest: layer.digest });
  return info?.labels['containerd.io/uncompressed'] ?? '';
}

export async function setLabel(
  containerd: Containerd,
  digest: string,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  const paths = Object.keys(labels).map((name) => `labels.${name}`);
  await containerd
    .service(Content)
    .update({ info: { digest, labels: { ...labels } }, updateMask: { paths } });
}
