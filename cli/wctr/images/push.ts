import { Readable } from 'node:stream';
import { bool, int, text } from '../../../common/flags/flag.ts';
import { INDEXES, MANIFESTS, OCI_MANIFEST } from '../../../image/manifest.ts';
import type { Descriptor } from '../../../image/registry/contract.ts';
import type { Containerd } from '../../containerd/client.ts';
import { print } from '../../output.ts';
import { defineCommand } from '../command.ts';
import { blobBytes, readBlob } from '../content/read.ts';
import { hasBlob } from './check.ts';
import { childrenOf, fromWire, partsFor, readPlatform } from './documents.ts';
import { openRemote, registryFlags, type Remote } from './registry.ts';
import { Images } from '../../../daemon/api/containerd/gen/containerd/services/images/v1/images_pb.ts';

const UPLOADS = 3;
const NON_DISTRIBUTABLE = /\.(foreign\.diff|nondistributable\.v1)\./;

export const push = defineCommand({
  usage: '[flags] <remote> [<local>]',
  flags: {
    ...registryFlags,
    manifest: text('digest of manifest'),
    'manifest-type': text('media type of manifest digest', {
      initial: OCI_MANIFEST,
      shown: `"${OCI_MANIFEST}"`,
    }),
    platform: text('push content from a specific platform'),
    'max-concurrent-uploaded-layers': int('Set the max concurrent uploaded layers for each push'),
    'allow-non-distributable-blobs': bool('Allow pushing blobs that are marked as non-distributable'),
  },
  run: async ({ containerd, flags, args: [ref, local] }) => {
    if (ref === undefined) throw new Error('please provide a remote image reference to push');
    const target =
      flags.manifest === ''
        ? await imageOf(containerd, local ?? ref, flags.platform)
        : { mediaType: flags['manifest-type'], digest: flags.manifest as Descriptor['digest'], size: 0 };
    const remote = await openRemote(ref, 'push', flags);
    const uploads = flags['max-concurrent-uploaded-layers'] || UPLOADS;
    const all = flags['allow-non-distributable-blobs'];
    await pushTree(containerd, target, { remote, reference: remote.reference, uploads, all });
    return 0;
  },
});

async function imageOf(containerd: Containerd, name: string, platform: string): Promise<Descriptor> {
  const { image } = await containerd.service(Images).get({ name });
  const target = fromWire(image?.target);
  return platform === '' ? target : (await partsFor(containerd, target, readPlatform(platform))).manifest;
}

interface Push {
  readonly remote: Remote;
  /** What the document is called there. */
  readonly reference: string;
  readonly uploads: number;
  /** Layers as well that their makers want to be fetched from themselves: another registry need not have them. */
  readonly all: boolean;
}

/** Sends what a document names, then the document: a registry takes none whose blobs it lacks. */
async function pushTree(
  containerd: Containerd,
  document: Descriptor,
  { remote, reference, uploads, all }: Push,
): Promise<void> {
  const blobs: Descriptor[] = [];
  for (const child of await childrenOf(containerd, document)) {
    if (!all && NON_DISTRIBUTABLE.test(child.mediaType)) continue;
    if (!INDEXES.has(child.mediaType) && !MANIFESTS.has(child.mediaType)) blobs.push(child);
    // An index may name platforms that were never fetched.
    else if (await hasBlob(containerd, child.digest))
      await pushTree(containerd, child, { remote, reference: child.digest, uploads, all });
  }
  const waiting = blobs.values();
  const lane = async (): Promise<void> => {
    for (const blob of waiting) await pushBlob(containerd, blob, remote);
  };
  await Promise.all(Array.from({ length: uploads }, lane));
  const bytes = await blobBytes(containerd, document.digest);
  const descriptor = { ...document, size: bytes.length };
  await remote.repository.putManifest(remote.ctx, reference, { descriptor, bytes });
  print(`${INDEXES.has(document.mediaType) ? 'index' : 'manifest'}-${document.digest}: done\n`);
}

async function pushBlob(
  containerd: Containerd,
  blob: Descriptor,
  { repository, ctx }: Remote,
): Promise<void> {
  const kind = blob.mediaType.endsWith('+json') ? 'config' : 'layer';
  if (await repository.hasBlob(ctx, blob.digest)) {
    print(`${kind}-${blob.digest}: exists\n`);
    return;
  }
  const open = (offset: number): Readable => Readable.from(readBlob(containerd, blob.digest, offset));
  await repository.uploadBlob(ctx, blob, open, () => undefined);
  print(`${kind}-${blob.digest}: done\n`);
}
