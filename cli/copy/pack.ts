import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack, type Pack } from 'tar-stream';
import { invalidArgument } from '../../common/errors.ts';
import { renamed, type Unpacking } from './target.ts';
import { endsAsDirectory, splitPath, type PlaceInfo } from './place.ts';

/** What is at a path of this machine as a tar, names as docker's client gives them. A file that can't be read ends it with an error. */
export function packLocal(source: PlaceInfo, rename: Unpacking['rename']): AsyncIterable<Uint8Array> {
  const archive = pack();
  const base = splitPath(source.path)[1];
  const links = new Map<string, string>();
  void add(archive, { path: source.path, name: base, rename, links }).then(
    () => archive.finalize(),
    (error: unknown) => archive.destroy(error as Error),
  );
  return archive as AsyncIterable<Uint8Array>;
}

interface Member {
  readonly path: string;
  readonly name: string;
  readonly rename: Unpacking['rename'];
  /** Names of inodes that have several. */
  readonly links: Map<string, string>;
}

async function add(archive: Pack, member: Member): Promise<void> {
  const { path, rename, links } = member;
  const found = await lstat(endsAsDirectory(path) ? posix.join(path, '.') : path);
  const name = renamed(member.name, rename);
  const { uid, gid, mtime, ino, dev, nlink } = found;
  const header = { name, mode: found.mode & 0o7777, uid, gid, mtime };
  if (found.isDirectory()) {
    archive.entry({ ...header, name: `${name}/`, type: 'directory' });
    for (const child of (await readdir(path)).toSorted()) {
      await add(archive, { ...member, path: posix.join(path, child), name: `${member.name}/${child}` });
    }
    return;
  }
  const inode = `${dev}:${ino}`;
  const first = nlink > 1 ? links.get(inode) : undefined;
  if (first !== undefined) {
    archive.entry({ ...header, type: 'link', linkname: first });
    return;
  }
  if (nlink > 1) links.set(inode, name);
  if (found.isSymbolicLink()) archive.entry({ ...header, type: 'symlink', linkname: await readlink(path) });
  else if (found.isFile()) await addFile(archive, { ...header, size: found.size }, path);
  else if (found.isFIFO()) archive.entry({ ...header, type: 'fifo' });
  else if (!found.isSocket()) throw invalidArgument(`cannot copy "${path}": it is a device`);
}

/** One that grows meanwhile is copied as far as it was. */
async function addFile(archive: Pack, header: Parameters<Pack['entry']>[0], path: string): Promise<void> {
  const { size = 0 } = header;
  const entry = archive.entry(header);
  if (size === 0) {
    entry.end(Buffer.alloc(0));
    return;
  }
  await pipeline(createReadStream(path, { end: size - 1, highWaterMark: 256 * 1024 }), entry);
}
