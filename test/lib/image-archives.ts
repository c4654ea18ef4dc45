import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { busyboxArchive as embedded } from '../../image/busybox.ts';
import { tarball, type Member } from './tarball.ts';

const run = promisify(execFile);
const CACHE = '/var/cache/wherry-test';

export type Squeeze = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** What goes into an archive of one image. */
export interface ImageParts {
  /** Tar files, lowest first. */
  readonly layers: readonly Uint8Array[];
  /** The `config` object. */
  readonly config?: object;
  readonly tags?: readonly string[];
  readonly created?: string;
}

/** The embedded image, as `docker load` reads it. */
export const busyboxArchive = async (): Promise<Uint8Array> => buffer(await embedded());

const byPython = (library: string, data: Uint8Array): Buffer =>
  execFileSync(
    'python3',
    ['-c', `import ${library}, sys; sys.stdout.buffer.write(${library}.compress(sys.stdin.buffer.read()))`],
    {
      input: data,
      maxBuffer: 2 ** 30,
    },
  );

/** By python's liblzma, as `xz` writes it. */
export const xzOf = (data: Uint8Array): Buffer => byPython('lzma', data);
export const bzip2Of = (data: Uint8Array): Buffer => byPython('bz2', data);

const SQUEEZE: Readonly<Record<Squeeze, (data: Uint8Array) => Uint8Array>> = {
  none: (data) => data,
  gzip: (data) => gzipSync(data),
  zstd: (data) => zstdCompressSync(data),
  bzip2: bzip2Of,
  xz: xzOf,
};

export const squeeze = (data: Uint8Array, how: Squeeze): Uint8Array => SQUEEZE[how](data);

const sha = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex');

/** An image's configuration, whose digest is the image's id. */
export function configOf(parts: ImageParts): Buffer {
  return Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      created: parts.created ?? '2024-01-02T03:04:05Z',
      config: parts.config ?? { Cmd: ['sh'] },
      rootfs: { type: 'layers', diff_ids: parts.layers.map((layer) => `sha256:${sha(layer)}`) },
      history: [],
    }),
  );
}

export const imageId = (parts: ImageParts): string => `sha256:${sha(configOf(parts))}`;

/** As docker before version 25 saved: a directory for each layer. `how` compresses the layers. */
export function dockerArchive(parts: ImageParts, how: Squeeze = 'none'): Buffer {
  const config = configOf(parts);
  const names = parts.layers.map((layer, index) => `${index}-${sha(layer)}/layer.tar`);
  const manifest = [{ Config: `${sha(config)}.json`, RepoTags: parts.tags ?? null, Layers: names }];
  return tarball([
    ...parts.layers.map((layer, index) => ({ name: names[index] ?? '', data: squeeze(layer, how) })),
    { name: `${sha(config)}.json`, data: config },
    { name: 'manifest.json', data: JSON.stringify(manifest) },
  ]);
}

export interface LayoutOptions {
  readonly how?: Squeeze;
  /** Puts the manifest into an index within the index, beside one for another platform that is not there. */
  readonly nested?: boolean;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Further fields of the manifest. */
  readonly manifest?: object;
  /** Docker 25 and later: a layout with a `manifest.json` beside. */
  readonly withDockerManifest?: boolean;
}

/** An OCI layout. */
export function ociArchive(parts: ImageParts, options: LayoutOptions = {}): Buffer {
  const blobs = new Map<string, Uint8Array>();
  const add = (mediaType: string, data: Uint8Array): { mediaType: string; digest: string; size: number } => {
    blobs.set(sha(data), data);
    return { mediaType, digest: `sha256:${sha(data)}`, size: data.byteLength };
  };
  const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
  const { how = 'none' } = options;
  const suffix = how === 'none' ? '' : `+${how}`;
  const config = add('application/vnd.oci.image.config.v1+json', configOf(parts));
  const layers = parts.layers.map((layer) =>
    add(`application/vnd.oci.image.layer.v1.tar${suffix}`, squeeze(layer, how)),
  );
  const manifestType = 'application/vnd.oci.image.manifest.v1+json';
  const indexType = 'application/vnd.oci.image.index.v1+json';
  const manifest = add(
    manifestType,
    json({ schemaVersion: 2, mediaType: manifestType, config, layers, ...options.manifest }),
  );
  const absent = {
    ...manifest,
    digest: `sha256:${'0'.repeat(64)}`,
    platform: { os: 'linux', architecture: 's390x' },
  };
  const top =
    options.nested === true
      ? add(indexType, json({ schemaVersion: 2, mediaType: indexType, manifests: [absent, manifest] }))
      : manifest;
  const index = { schemaVersion: 2, manifests: [{ ...top, annotations: options.annotations ?? {} }] };
  const path = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
  const docker = [
    {
      Config: path(config.digest),
      RepoTags: parts.tags ?? null,
      Layers: layers.map(({ digest }) => path(digest)),
    },
  ];
  return tarball([
    { name: 'blobs/' },
    { name: 'blobs/sha256/' },
    ...[...blobs].map(([hex, data]) => ({ name: `blobs/sha256/${hex}`, data })),
    { name: 'index.json', data: JSON.stringify(index) },
    { name: 'oci-layout', data: '{"imageLayoutVersion":"1.0.0"}' },
    ...(options.withDockerManifest === true ? [{ name: 'manifest.json', data: JSON.stringify(docker) }] : []),
  ]);
}

/** One layer of these members. */
export const layer = (...members: Member[]): Buffer => tarball(members);

/** A docker archive whose one layer is a directory's content, owners and attributes included; any size. */
export async function archiveFromDirectory(
  directory: string,
  options: { readonly tags: readonly string[]; readonly config?: object },
): Promise<Readable> {
  const work = await mkdtemp(join(tmpdir(), 'archive-'));
  const path = join(work, 'layer.tar');
  const flags = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '--format=pax', '--sort=name'];
  await run('tar', ['-C', directory, ...flags, '-cf', path, '.']);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  const config = JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    created: '2024-01-02T03:04:05Z',
    config: options.config ?? { Cmd: ['sh'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${hash.digest('hex')}`] },
  });
  const manifest = [{ Config: 'config.json', RepoTags: options.tags, Layers: ['layer.tar'] }];
  const archive = pack();
  archive.entry({ name: 'config.json' }, config);
  archive.entry({ name: 'manifest.json' }, JSON.stringify(manifest));
  const entry = archive.entry({ name: 'layer.tar', size: (await stat(path)).size });
  const filled = pipeline(createReadStream(path), entry).then(() => archive.finalize());
  filled
    .catch((error: unknown) => archive.destroy(error as Error))
    .finally(() => void rm(work, { recursive: true }));
  return Readable.from(archive);
}

/**
 * Path of a docker archive of `debian:bookworm`, made by debootstrap from the mirror that apt uses. Made once a machine: it takes
 * a minute and root.
 */
export async function debianArchive(): Promise<string> {
  const path = join(CACHE, 'debian-bookworm.tar');
  if (await exists(path)) return path;
  await mkdir(CACHE, { recursive: true });
  const root = await mkdtemp(join(CACHE, 'root-'));
  const fresh = `${path}.${process.pid}`;
  try {
    const arguments_ = ['--variant=minbase', 'bookworm', root, await mirror()];
    await run('debootstrap', arguments_, { maxBuffer: 64 << 20 });
    await rm(join(root, 'var/cache/apt/archives'), { recursive: true, force: true });
    const config = {
      Cmd: ['bash'],
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    };
    await pipeline(
      await archiveFromDirectory(root, { tags: ['debian:bookworm'], config }),
      createWriteStream(fresh),
    );
    await rename(fresh, path);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  return path;
}

/** The first Debian mirror in apt's lists, old style or deb822. */
async function mirror(): Promise<string> {
  for (const list of ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list']) {
    const text = await readFile(list, 'utf8').catch(() => '');
    const found = /^(?:URIs:|deb(?:\s+\[[^\]]*\])?)\s+(\S+)/m.exec(text)?.[1];
    if (found !== undefined) return found;
  }
  return 'http://deb.debian.org/debian';
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
