import { bool, int, list, type Values } from '../../../common/flags/flag.ts';
import { parseFlags } from '../../../common/flags/parse.ts';
import { formatDuration } from '../../../common/go-duration.ts';
import { INDEXES, MANIFESTS } from '../../../image/manifest.ts';
import type { Descriptor, Platform } from '../../../image/registry/contract.ts';
import type { Containerd } from '../../containerd/client.ts';
import { isAlreadyThere } from '../../containerd/errors.ts';
import { print } from '../../output.ts';
import { defineCommand } from '../command.ts';
import { writeBlob } from '../content/write.ts';
import { snapshotterFlag, snapshotterOf } from '../global-flags.ts';
import { leased } from '../leases/lease.ts';
import { pairs } from '../spec/make-spec.ts';
import { hasBlob } from './check.ts';
import {
  childrenOf,
  hostPlatform,
  partsFor,
  platformMatches,
  readPlatform,
  showPlatform,
  toWire,
} from './documents.ts';
import { labelChildren } from './import.ts';
import { openRemote, registryFlags, type Remote } from './registry.ts';
import { setLabel, unpack } from './unpack.ts';
import { Images } from '../../../daemon/api/containerd/gen/containerd/services/images/v1/images_pb.ts';

const DOWNLOADS = 3;

/** What is fetched, and from where. */
const fetchFlags = {
  ...registryFlags,
  label: list('labels to attach to the image'),
  platform: list('Pull content from a specific platform'),
  'all-platforms': bool('pull content and metadata from all platforms'),
  'all-metadata': bool('Pull metadata for all platforms'),
  'max-concurrent-downloads': int('Set the max concurrent downloads for each pull'),
};

export const pull = defineCommand({
  usage: '[flags] <ref>',
  flags: {
    ...fetchFlags,
    ...snapshotterFlag,
    'print-chainid': bool("Print the resulting image's chain ID"),
  },
  run: async ({ containerd, flags, args: [ref] }) => {
    if (ref === undefined) throw new Error('please provide an image reference to pull');
    const startedAt = performance.now();
    await leased(containerd, async (leasing) => {
      const { target, platforms } = await fetchImage(leasing, ref, flags);
      for (const platform of platforms) {
        print(`unpacking ${showPlatform(platform)} ${target.digest}...\n`);
        const chainId = await unpack(
          leasing,
          await partsFor(leasing, target, platform),
          snapshotterOf(flags.snapshotter),
        );
        if (flags['print-chainid']) print(`image chain ID: ${chainId}\n`);
      }
    });
    print(`done: ${formatDuration(Math.round((performance.now() - startedAt) * 1e6))}\n`);
    return 0;
  },
});

/** The same without the unpacking. */
export const fetchContent = defineCommand({
  usage: '[flags] <remote> <object>',
  flags: { ...fetchFlags, 'metadata-only': bool('Pull all metadata including manifests and configs') },
  run: async ({ containerd, flags, args: [ref] }) => {
    if (ref === undefined) throw new Error('please provide an image reference to pull');
    await leased(containerd, (leasing) => fetchImage(leasing, ref, flags));
    return 0;
  },
});

/** The same for this host's platform, where nobody has said how. */
export async function fetchPlainly(containerd: Containerd, ref: string): Promise<Descriptor> {
  const { values } = parseFlags(fetchFlags, [], false);
  return (await fetchImage(containerd, ref, values)).target;
}

/** Fetches an image and gives it its name. */
async function fetchImage(
  containerd: Containerd,
  ref: string,
  flags: Values<typeof fetchFlags> & { readonly 'metadata-only'?: boolean },
): Promise<{ readonly target: Descriptor; readonly platforms: readonly Platform[] }> {
  const platforms =
    flags.platform.length === 0 ? [hostPlatform()] : flags.platform.map((each) => readPlatform(each));
  const onlyMetadata = flags['metadata-only'] ?? false;
  const choice: Choice = {
    remote: await openRemote(ref, 'pull', flags),
    ...{ platforms, onlyMetadata },
    all: flags['all-platforms'] || onlyMetadata,
    metadata: flags['all-metadata'] || flags['all-platforms'] || onlyMetadata,
    downloads: flags['max-concurrent-downloads'] || DOWNLOADS,
  };
  const target = await resolve(containerd, ref, choice);
  await fetchTree(containerd, target, choice);
  await labelChildren(containerd, target);
  await record(containerd, { name: ref, target, labels: pairs(flags.label) });
  return { target, platforms };
}

interface Choice {
  readonly remote: Remote;
  readonly platforms: readonly Platform[];
  readonly all: boolean;
  /** Manifests of other platforms, too, without their layers. */
  readonly metadata: boolean;
  /** No layers at all. */
  readonly onlyMetadata: boolean;
  readonly downloads: number;
}

async function resolve(containerd: Containerd, ref: string, { remote }: Choice): Promise<Descriptor> {
  try {
    const { descriptor, bytes } = await remote.repository.manifest(remote.ctx, remote.reference);
    print(`${ref}: resolved\n`);
    await save(containerd, descriptor, { source: [bytes], remote });
    return descriptor;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`failed to resolve reference "${ref}": ${message}`, { cause: error });
  }
}

/** Fetches what a document names, so much of it as is wanted. The document itself is there. */
async function fetchTree(containerd: Containerd, parent: Descriptor, choice: Choice): Promise<void> {
  const blobs: Descriptor[] = [];
  for (const child of await childrenOf(containerd, parent)) {
    const isDocument = INDEXES.has(child.mediaType) || MANIFESTS.has(child.mediaType);
    const isWanted =
      choice.all ||
      child.platform === undefined ||
      choice.platforms.some((each) => platformMatches(each, child.platform ?? each));
    if (!isDocument) {
      if (!choice.onlyMetadata || kindOf(child) === 'config') blobs.push(child);
    } else if (isWanted || choice.metadata) {
      if (!(await hasBlob(containerd, child.digest))) {
        const { bytes } = await choice.remote.repository.manifest(choice.remote.ctx, child.digest);
        await save(containerd, child, { source: [bytes], remote: choice.remote });
      }
      if (isWanted) await fetchTree(containerd, child, choice);
    }
  }
  const waiting = blobs.values();
  const lane = async (): Promise<void> => {
    for (const blob of waiting) await fetchBlob(containerd, blob, choice.remote);
  };
  await Promise.all(Array.from({ length: choice.downloads }, lane));
}

async function fetchBlob(containerd: Containerd, blob: Descriptor, remote: Remote): Promise<void> {
  if (await hasBlob(containerd, blob.digest)) {
    print(`${kindOf(blob)}-${blob.digest}: exists\n`);
    return;
  }
  await save(containerd, blob, { source: remote.repository.blob(remote.ctx, blob, 0), remote });
}

interface Content {
  readonly source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  readonly remote: Remote;
}

async function save(
  containerd: Containerd,
  descriptor: Descriptor,
  { source, remote }: Content,
): Promise<void> {
  const { digest, size } = descriptor;
  const labels = { [`containerd.io/distribution.source.${remote.host}`]: remote.path };
  await writeBlob(containerd, source, {
    ref: `${kindOf(descriptor)}-${digest}`,
    size,
    expected: digest,
    labels,
  });
  // One that was there already belongs to this repository, too.
  await setLabel(containerd, digest, labels);
  print(`${kindOf(descriptor)}-${digest}: done\n`);
}

function kindOf({ mediaType }: Descriptor): string {
  if (INDEXES.has(mediaType)) return 'index';
  if (MANIFESTS.has(mediaType)) return 'manifest';
  return mediaType.endsWith('+json') ? 'config' : 'layer';
}

async function record(
  containerd: Containerd,
  {
    name,
    target,
    labels,
  }: { readonly name: string; readonly target: Descriptor; readonly labels: Record<string, string> },
): Promise<void> {
  const images = containerd.service(Images);
  const image = { name, labels, target: toWire(target) };
  try {
    await images.create({ image });
  } catch (error) {
    if (!isAlreadyThere(error)) throw error;
    await images.update({ image, updateMask: { paths: ['target', 'labels'] } });
  }
}
