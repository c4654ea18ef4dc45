import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { failpoint } from '../../../common/failpoints.ts';
import { parseTime } from '../time.ts';
import { firstTime } from './line-time.ts';
import { packedName, parsePackedName } from './packed-name.ts';
import type { LogUses } from './uses.ts';

export interface Packing {
  /** Of the current log file, which stays as it is. */
  readonly path: string;
  readonly uses: LogUses;
  /** Files kept, the current one included. */
  readonly maxFiles: number;
  /** Nobody deletes the log meanwhile; undefined: it is deleted. Held for moments. */
  readonly hold: () => Promise<Disposable | undefined>;
}

interface Rotated {
  readonly handle: FileHandle;
  readonly inode: bigint;
  readonly sizeBytes: number;
  readonly birthNs: bigint | undefined;
}

/**
 * Compresses a log's rotated files that nobody reads. The shim goes on renaming them meanwhile: so one is never replaced by its name.
 * The compressed form gets a name of its own, then the file that it was made from is emptied through its descriptor, and keeps its
 * number until it is rotated away. After a crash in between there are both, and readers take the plain one.
 */
export async function packRotated(packing: Packing): Promise<void> {
  const files = await openRotated(packing.path);
  try {
    for (const file of files) {
      const isAlone = files.filter(({ birthNs }) => birthNs === file.birthNs).length === 1;
      if (file.birthNs !== undefined && isAlone) await packOne(packing, file, file.birthNs);
    }
  } finally {
    await Promise.all(files.map(({ handle }) => handle.close()));
  }
  await dropOldest(packing);
}

/** Those with lines in them, the current file left out. */
async function openRotated(path: string): Promise<Rotated[]> {
  const files: Rotated[] = [];
  for (let number = 1; ; number += 1) {
    let handle: FileHandle;
    try {
      handle = await open(`${path}.${number}`, 'r+');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return files;
      await Promise.all(files.map((file) => file.handle.close()));
      throw error;
    }
    const { ino, size } = await handle.stat({ bigint: true });
    const isKnown = files.some(({ inode }) => inode === ino);
    if (size === 0n || isKnown) await handle.close();
    else {
      const time = await firstTime(handle);
      const birthNs = time === undefined ? undefined : parseTime(time);
      files.push({ handle, inode: ino, sizeBytes: Number(size), birthNs });
    }
  }
}

async function packOne({ path, uses, hold }: Packing, file: Rotated, birthNs: bigint): Promise<void> {
  if (uses.isHeld(file.inode)) return;
  const target = join(dirname(path), packedName(basename(path), birthNs));
  const temporary = `${target}.tmp`;
  if (!(await holdsAll(target, file))) {
    const out = await create(temporary, hold);
    if (out === undefined) return;
    // By number: a stream of the handle itself would keep it from being closed.
    const lines = createReadStream('', { fd: file.handle.fd, start: 0, autoClose: false });
    await pipeline(lines, createGzip(), out.createWriteStream({ flush: true }));
  }
  using held = await hold();
  using _lock = await uses.locks.acquire(path);
  if (held === undefined) return;
  if (uses.isHeld(file.inode)) {
    await rm(temporary, { force: true });
    return;
  }
  await rename(temporary, target).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await failpoint('log.pack.named');
  if (await holdsAll(target, file)) await file.handle.truncate(0);
}

async function create(path: string, hold: Packing['hold']): Promise<FileHandle | undefined> {
  using held = await hold();
  return held === undefined ? undefined : await open(path, 'w', 0o640);
}

/** Whether a compressed file is of as many bytes (RFC 1952, ISIZE): it was made from this one then. */
async function holdsAll(path: string, { sizeBytes }: Rotated): Promise<boolean> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  try {
    const { size } = await handle.stat();
    const tail = Buffer.alloc(4);
    await handle.read(tail, 0, 4, size - 4);
    return size > 18 && tail.readUInt32LE() === sizeBytes % 2 ** 32;
  } finally {
    await handle.close();
  }
}

async function dropOldest({ path, maxFiles }: Packing): Promise<void> {
  const directory = dirname(path);
  const rotated = await openRotated(path);
  await Promise.all(rotated.map(({ handle }) => handle.close()));
  const births = (await readdir(directory)).flatMap((name) => parsePackedName(basename(path), name) ?? []);
  const keep = Math.max(0, maxFiles - 1 - rotated.length);
  const oldest = births.toSorted((a, b) => (a < b ? 1 : -1)).slice(keep);
  for (const birthNs of oldest)
    await rm(join(directory, packedName(basename(path), birthNs)), { force: true });
}
