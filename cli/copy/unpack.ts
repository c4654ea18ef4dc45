import { createWriteStream } from 'node:fs';
import { chmod, lchown, link, lstat, lutimes, mkdir, rm, symlink, utimes } from 'node:fs/promises';
import { posix } from 'node:path';
import { geteuid } from 'node:process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { invalidArgument } from '../../common/errors.ts';
import { renamed, type Unpacking } from './target.ts';

/**
 * Unpacks what a container sent. The archive is not trusted: no name leaves the directory, and nothing is written through a symbolic
 * link that lies in it, whoever made it.
 */
export async function unpackHere(
  archive: AsyncIterable<Uint8Array>,
  { directory, rename }: Unpacking,
  options: { readonly owners: boolean },
): Promise<void> {
  const times: { path: string; mtime: Date }[] = [];
  const reader = extract();
  const fed = pipeline(Readable.from(archive, { objectMode: false }), reader);
  fed.catch(() => {});
  for await (const entry of reader) {
    const header = { ...entry.header, name: renamed(entry.header.name, rename) };
    const parts = partsOf(header.name);
    const path = posix.join(directory, ...parts);
    await makeParents(directory, parts);
    await clear(path, header);
    await make(path, header, { data: entry as unknown as Readable, directory, rename });
    await setAttributes(path, header, options.owners);
    if (header.type === 'directory') times.push({ path, mtime: header.mtime });
  }
  await fed;
  for (const { path, mtime } of times.reverse()) await utimes(path, mtime, mtime);
}

function partsOf(name: string): string[] {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw invalidArgument(`the archive holds "${name}", which leads out of it`);
  return parts;
}

async function makeParents(directory: string, parts: readonly string[]): Promise<void> {
  let at = directory;
  for (const part of parts.slice(0, -1)) {
    at = posix.join(at, part);
    const found = await lstat(at).catch(() => undefined);
    if (found === undefined) await mkdir(at);
    else if (!found.isDirectory()) {
      throw invalidArgument(`cannot write below "${at}": it is no directory`);
    }
  }
}

/** Source of the texts: moby pkg/archive, Unpack. */
async function clear(path: string, { name, type }: Header): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  const isDirectory = type === 'directory';
  if (found.isDirectory() && !isDirectory) {
    throw invalidArgument(`cannot overwrite directory "${path}" with non-directory "${name}"`);
  }
  if (!found.isDirectory() && isDirectory) {
    throw invalidArgument(`cannot overwrite non-directory "${path}" with directory "${name}"`);
  }
  if (!isDirectory) await rm(path);
}

interface Making extends Unpacking {
  readonly data: Readable;
}

async function make(path: string, header: Header, { data, directory, rename }: Making): Promise<void> {
  const { type, linkname } = header;
  switch (type) {
    case 'file':
    case 'contiguous-file':
      await pipeline(data, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
      return;
    case 'directory':
      data.resume();
      await mkdir(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      return;
    case 'symlink':
      data.resume();
      await symlink(linkname ?? '', path);
      return;
    case 'link': {
      data.resume();
      const parts = partsOf(renamed(linkname ?? '', rename));
      await makeParents(directory, parts);
      await link(posix.join(directory, ...parts), path);
      return;
    }
    case 'block-device':
    case 'character-device':
    case 'fifo':
      throw invalidArgument(`cannot make "${path}" (${type}): copy to "-" and unpack with tar instead`);
  }
}

async function setAttributes(path: string, header: Header, owners: boolean): Promise<void> {
  const { type, mode, uid, gid, mtime } = header;
  if (type === 'link') return;
  if (owners && geteuid?.() === 0) await lchown(path, uid, gid);
  if (type === 'symlink') await lutimes(path, mtime, mtime);
  else {
    await chmod(path, mode);
    await utimes(path, mtime, mtime);
  }
}
