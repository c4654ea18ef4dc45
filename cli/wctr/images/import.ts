import { createReadStream } from 'node:fs';
import { once } from 'node:events';
import { bool, text } from '../../../common/flags/flag.ts';
import type { Descriptor } from '../../../image/registry/contract.ts';
import { INDEXES, MANIFESTS } from '../../../image/manifest.ts';
import type { Containerd } from '../../containerd/client.ts';
import { isAlreadyThere } from '../../containerd/errors.ts';
import { print } from '../../output.ts';
import { defineCommand } from '../command.ts';
import { snapshotterFlag, snapshotterOf } from '../global-flags.ts';
import { leased } from '../leases/lease.ts';
import { readMembers } from './archive-members.ts';
import { imagesIn, type Named } from './archive-images.ts';
import { childrenOf, hostPlatform, partsFor, readPlatform, toWire } from './documents.ts';
import { hasBlob } from './check.ts';
import { setLabel, unpack } from './unpack.ts';
import { Images } from '../../../daemon/api/containerd/gen/containerd/services/images/v1/images_pb.ts';

export const importImages = defineCommand({
  usage: '[flags] <in>',
  flags: {
    ...snapshotterFlag,
    'base-name': text(
      'base image name for added images, when provided only images with this name prefix are imported',
    ),
    digests: bool('whether to create digest images'),
    'skip-digest-for-named': bool('skip applying --digests option to images named in the importing tar'),
    'index-name': text('image name to keep index as, by default index is discarded'),
    'all-platforms': bool('imports content for all platforms'),
    platform: text('imports content for specific platform'),
    'no-unpack': bool('skip unpacking the images'),
    'compress-blobs': bool('compress uncompressed blobs when creating manifest (Docker format only)'),
  },
  run: async ({ containerd, flags, args: [path = ''] }) => {
    const input = path === '-' ? process.stdin : createReadStream(path);
    if (input !== process.stdin) await once(input, 'open');
    const platform = flags.platform === '' ? hostPlatform() : readPlatform(flags.platform);
    await leased(containerd, async (leasing) => {
      const members = await readMembers(leasing, input);
      const images = await imagesIn(leasing, members, {
        ...{ baseName: flags['base-name'], digests: flags.digests, indexName: flags['index-name'] },
        ...{ skipDigestForNamed: flags['skip-digest-for-named'], compress: flags['compress-blobs'] },
      });
      for (const image of images) await keep(leasing, image);
      if (flags['no-unpack']) return;
      const snapshotter = snapshotterOf(flags.snapshotter);
      for (const { name, target } of images.filter(({ isIndex }) => !isIndex)) {
        print(`unpacking ${name} (${target.digest})...`);
        await unpack(leasing, await partsFor(leasing, target, platform), snapshotter);
        print('done\n');
      }
    });
    return 0;
  },
});

/** Labels what the image refers to, so that the garbage collection keeps it, and gives it its name. */
async function keep(containerd: Containerd, { name, target }: Named): Promise<void> {
  await labelChildren(containerd, target);
  const images = containerd.service(Images);
  const image = { name, target: toWire(target) };
  try {
    await images.create({ image });
  } catch (error) {
    if (!isAlreadyThere(error)) throw error;
    await images.update({ image, updateMask: { paths: ['target'] } });
  }
}

export async function labelChildren(containerd: Containerd, parent: Descriptor): Promise<void> {
  if (!(await hasBlob(containerd, parent.digest))) return;
  const children = await childrenOf(containerd, parent);
  if (children.length === 0) return;
  const labels: Record<string, string> = {};
  let [manifests, layers] = [0, 0];
  for (const { mediaType, digest } of children) {
    const isManifest = INDEXES.has(mediaType) || MANIFESTS.has(mediaType);
    const kind = isManifest
      ? `m.${manifests}`
      : mediaType.includes('config') || mediaType.includes('image.v1+json')
        ? 'config'
        : `l.${layers}`;
    if (isManifest) manifests += 1;
    else if (kind !== 'config') layers += 1;
    labels[`containerd.io/gc.ref.content.${kind}`] = digest;
  }
  await setLabel(containerd, parent.digest, labels);
  for (const child of children) await labelChildren(containerd, child);
}
