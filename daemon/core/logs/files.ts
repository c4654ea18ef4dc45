import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parseTime } from '../time.ts';
import type { LoadedFile, LogFile } from './contract.ts';
import { firstTime } from './line-time.ts';
import { packedName, parsePackedName } from './packed-name.ts';
import { unpack } from './unpack.ts';
import type { LogUses } from './uses.ts';

/**
 * Opens the current log file and the rotated ones, newest first. That order and the inodes make a rotation meanwhile harmless:
 * what moves is met again under its next number and skipped, and nothing is missed. None of them is compressed or emptied before
 * it is let go.
 */
export async function openLogFiles(path: string, uses: LogUses): Promise<LogFile[]> {
  // Nobody replaces a file by its compressed form between the two lists.
  using _lock = await uses.locks.acquire(path);
  const plain = await openPlainFiles(path, uses);
  const births = new Set(plain.map(({ birthNs }) => birthNs));
  const packed = (await packedFiles(path)).filter(({ birthNs }) => !births.has(birthNs));
  return [...plain, ...packed];
}

async function openPlainFiles(path: string, uses: LogUses): Promise<LogFile[]> {
  const files: LogFile[] = [];
  try {
    for (let number = 0; ; number += 1) {
      const file = await openPlainFile(number === 0 ? path : `${path}.${number}`, uses);
      // Between the rotation's rename and its new file there is no current one.
      if (file === undefined && number > 0) return files;
      if (file === undefined) continue;
      // One that was compressed is left empty, to keep its number.
      const isSpent = number > 0 && (await file.load()).sizeBytes === 0;
      if (isSpent || files.some(({ inode }) => inode === file.inode)) await file[Symbol.asyncDispose]();
      else files.push(file);
    }
  } catch (error) {
    await closeAll(files);
    throw error;
  }
}

/** Undefined when there is none. */
async function openPlainFile(path: string, uses: LogUses): Promise<LogFile | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return await plainFile(handle, uses);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function plainFile(handle: FileHandle, uses: LogUses): Promise<LogFile> {
  const { ino, size } = await handle.stat({ bigint: true });
  const loaded = { handle, sizeBytes: Number(size) };
  const time = await firstTime(handle);
  const use = uses.hold(ino);
  return {
    birthNs: time === undefined ? undefined : parseTime(time),
    inode: ino,
    load: async () => loaded,
    [Symbol.asyncDispose]: async () => {
      use[Symbol.dispose]();
      await handle.close();
    },
  };
}

/** Newest first. */
async function packedFiles(path: string): Promise<LogFile[]> {
  const names = await readdir(dirname(path));
  return names
    .flatMap((name) => parsePackedName(basename(path), name) ?? [])
    .toSorted((a, b) => (a < b ? 1 : -1))
    .map((birthNs) => packedFile(join(dirname(path), packedName(basename(path), birthNs)), birthNs));
}

function packedFile(path: string, birthNs: bigint): LogFile {
  let loading: Promise<LoadedFile> | undefined;
  return {
    birthNs,
    inode: 0n,
    load: () => (loading ??= unpack(path)),
    [Symbol.asyncDispose]: async () => {
      const loaded = await loading?.catch(() => undefined);
      await loaded?.handle.close();
    },
  };
}

export async function closeAll(files: readonly LogFile[]): Promise<void> {
  await Promise.all(files.map((file) => file[Symbol.asyncDispose]()));
}

/** The file that was begun when this one was rotated, opened; undefined while this one is current. */
export async function openNextFile(
  path: string,
  { inode, birthNs }: LogFile,
  uses: LogUses,
): Promise<LogFile | undefined> {
  const current = await stat(path, { bigint: true }).catch(() => undefined);
  if (current === undefined || current.ino === inode) return undefined;
  const files = await openLogFiles(path, uses);
  const index = files.findIndex((file) => (inode === 0n ? file.birthNs === birthNs : file.inode === inode));
  const next = index < 0 ? files.at(-1) : files[index - 1];
  await closeAll(files.filter((file) => file !== next));
  return next;
}
