import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { pack, type Pack } from 'tar-stream';
import { bool, text } from '../../../common/flags/flag.ts';
import { complete, familiarName, parseReference } from '../../../image/reference.ts';
import { INDEXES, MANIFESTS } from '../../../image/manifest.ts';
import type { Descriptor } from '../../../image/registry/contract.ts';
import type { Containerd } from '../../containerd/client.ts';
import { defineCommand } from '../command.ts';
import { readBlob } from '../content/read.ts';
import { childrenOf, fromWire, hostPlatform, partsFor, platformMatches, readPlatform } from './documents.ts';
import { Images } from '../../../daemon/api/containerd/gen/containerd/services/images/v1/images_pb.ts';

const EPOCH = new Date(0);

export const exportImages = defineCommand({
  usage: '[flags] <out> <image> ...',
  flags: {
    'skip-manifest-json': bool('do not add Docker compatible manifest.json to archive'),
    'skip-non-distributable': bool('do not add non-distributable blobs such as Windows layers to archive'),
    platform: text('export content of a specific platform'),
    'all-platforms': bool('exports content from all platforms'),
  },
  run: async ({ containerd, flags, args: [out, ...names] }) => {
    if (out === undefined || names.length === 0)
      throw new Error('please provide both an output filename and an image reference to export');
    const images = await Promise.all(
      names.map(async (name) => {
        const { image } = await containerd.service(Images).get({ name });
        return { name, target: fromWire(image?.target) };
      }),
    );
    const platform = flags.platform === '' ? hostPlatform() : readPlatform(flags.platform);
    const blobs = new Map<string, Descriptor>();
    for (const { target } of images)
      await collect(containerd, target, { blobs, all: flags['all-platforms'], platform });
    const documents = await documentsOf(containerd, images, {
      platform,
      docker: !flags['skip-manifest-json'],
    });
    const archive = pack();
    const written = pipeline(archive, out === '-' ? process.stdout : createWriteStream(out));
    await write(containerd, archive, { blobs, documents });
    await written;
    return 0;
  },
});

interface NamedImage {
  readonly name: string;
  readonly target: Descriptor;
}

interface Choice {
  readonly blobs: Map<string, Descriptor>;
  readonly all: boolean;
  readonly platform: ReturnType<typeof hostPlatform>;
}

/** All blobs of an image; of an index only the platform's, unless all are wanted. */
async function collect(containerd: Containerd, descriptor: Descriptor, choice: Choice): Promise<void> {
  choice.blobs.set(descriptor.digest, descriptor);
  if (!INDEXES.has(descriptor.mediaType) && !MANIFESTS.has(descriptor.mediaType)) return;
  for (const child of await childrenOf(containerd, descriptor)) {
    const isOther = child.platform !== undefined && !platformMatches(choice.platform, child.platform);
    if (isOther && !choice.all) continue;
    await collect(containerd, child, choice);
  }
}

async function documentsOf(
  containerd: Containerd,
  images: readonly NamedImage[],
  { platform, docker }: { readonly platform: Choice['platform']; readonly docker: boolean },
): Promise<readonly (readonly [name: string, mode: number, value: unknown])[]> {
  const manifests = images.map(({ name, target }) => ({
    ...target,
    annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': tagOf(name) },
  }));
  const path = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
  const listed = await Promise.all(
    images.map(async ({ name, target }) => {
      const { config, layers } = await partsFor(containerd, target, platform);
      return {
        Config: path(config.digest),
        RepoTags: [shortName(name)],
        Layers: layers.map(({ digest }) => path(digest)),
      };
    }),
  );
  return [
    ['index.json', 0o644, { schemaVersion: 2, manifests }],
    ...(docker ? ([['manifest.json', 0o644, listed]] as const) : []),
    ['oci-layout', 0o444, { imageLayoutVersion: '1.0.0' }],
  ];
}

async function write(
  containerd: Containerd,
  archive: Pack,
  {
    blobs,
    documents,
  }: {
    readonly blobs: ReadonlyMap<string, Descriptor>;
    readonly documents: Awaited<ReturnType<typeof documentsOf>>;
  },
): Promise<void> {
  for (const name of ['blobs/', 'blobs/sha256/'])
    archive.entry({ name, type: 'directory', mode: 0o755, mtime: EPOCH });
  for (const { digest, size } of [...blobs.values()].toSorted((a, b) => (a.digest < b.digest ? -1 : 1))) {
    const entry = archive.entry({
      name: `blobs/${digest.replace(':', '/')}`,
      size,
      mode: 0o444,
      mtime: EPOCH,
    });
    await pipeline(Readable.from(readBlob(containerd, digest)), entry);
  }
  for (const [name, mode, value] of documents)
    archive.entry({ name, mode, mtime: EPOCH }, JSON.stringify(value));
  archive.finalize();
}

/** A name need not be docker's: then it stands for itself. */
function tagOf(name: string): string {
  try {
    const { tag, digest } = parseReference(name);
    return tag ?? digest ?? name;
  } catch {
    return name;
  }
}

function shortName(name: string): string {
  try {
    const reference = parseReference(name);
    return complete({ ...reference, name: familiarName(reference.name) });
  } catch {
    return name;
  }
}
