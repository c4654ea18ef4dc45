import { createHash, type Hash } from 'node:crypto';
import { constants as fs } from 'node:fs';
import { invalidArgument } from '../../common/errors.ts';
import { AT_FDCWD, closeFd, openAt, writeAll } from '../../native/sys/files.ts';
import { layerPath } from '../layers/path.ts';
import { shownName, type TarEntry, type TarSink } from '../tar/entry.ts';
import { TarReader } from '../tar/reader.ts';
import { inflate } from './inflate.ts';
import { guardUnpacking, type Bounds } from './limits.ts';
import type { SpooledArchive, SpooledMember, SpoolJob } from './jobs.ts';

/** An image has some hundred blobs at most; each member costs memory until the archive is read. */
const MAX_MEMBERS = 20_000;
const NEW_FILE = fs.O_WRONLY | fs.O_CREAT | fs.O_EXCL | fs.O_NOFOLLOW;

interface OpenFile {
  readonly fd: number;
  readonly path: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly hash: Hash;
}

/**
 * Runs a SpoolJob. Files on disk are numbered, so no name of the archive ever is a path; links stay names to look up. What its
 * `manifest.json` refers to is known only when all members have passed, in whatever order they came.
 */
export async function spool(
  job: SpoolJob,
  input: AsyncIterable<Uint8Array>,
  { signal, limits }: Bounds,
): Promise<SpooledArchive> {
  const sink = memberSink(job.directory);
  try {
    const reader = new TarReader(sink);
    const guard = guardUnpacking(limits, job.directory);
    for await (const chunk of inflate(input, signal, guard)) reader.push(chunk);
    reader.finish();
    return { members: sink.members };
  } finally {
    sink.close();
  }
}

function memberSink(
  directory: string,
): TarSink & { readonly members: Map<string, SpooledMember>; close(): void } {
  const members = new Map<string, SpooledMember>();
  let files = 0;
  let open: OpenFile | undefined;
  const close = (): void => {
    if (open !== undefined) closeFd(open.fd);
    open = undefined;
  };
  return {
    members,
    close,
    entry: (entry) => {
      if (members.size >= MAX_MEMBERS) {
        throw invalidArgument(`invalid archive: more than ${MAX_MEMBERS} members`);
      }
      const name = shownName(layerPath(entry.name).join('/'));
      if (entry.type === 'file') open = openFile(`${directory}/${(files += 1)}`, name, entry);
      const target = linkTarget(entry);
      if (target !== undefined) members.set(name, { kind: 'link', target });
    },
    data: (chunk) => {
      if (open === undefined) return;
      open.hash.update(chunk);
      writeAll(open.fd, chunk);
    },
    end: () => {
      if (open !== undefined) members.set(open.name, finished(open));
      close();
    },
  };
}

function openFile(path: string, name: string, entry: TarEntry): OpenFile {
  const fd = openAt(AT_FDCWD, path, { flags: NEW_FILE, mode: 0o600 });
  return { fd, path, name, sizeBytes: entry.size, hash: createHash('sha256') };
}

const finished = ({ path, hash, sizeBytes }: OpenFile): SpooledMember => ({
  kind: 'file',
  path,
  digest: `sha256:${hash.digest('hex')}`,
  sizeBytes,
});

/** The name that a link stands for: a hard link counts from the root, a symbolic one from its own directory. */
function linkTarget(entry: TarEntry): string | undefined {
  if (entry.type !== 'hardlink' && entry.type !== 'symlink') return undefined;
  const from = entry.type === 'hardlink' || entry.linkName.startsWith('/') ? '' : `${entry.name}/../`;
  return shownName(layerPath(from + entry.linkName).join('/'));
}
