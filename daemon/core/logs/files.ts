import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parseTime } from '../time.ts';
import type { LoadedFile, LogFile } from './contract.ts';
import { firstTime } from './line-time.ts';
import { packedName, parsePackedName } from './packed-name.ts';
import { unpack } from './unpack.ts';
import type { LogUses } from './uses.ts';

/**
 * Opens the current log file and the rotated ones, newest first. Files only move to higher numbers, and are looked for in that order:
 * so a rotation meanwhile leaves out none, and what is met again under its next number is skipped. None of them is compressed or
 * emptied before it is let go.
 */
export async function openLogFiles(path: string, uses: LogUses): Promise<LogFile[]> {
  // Nobody replaces a file by its compressed form between the two lists.
  using _lock = await uses.locks.acquire(path);
  const current = await openPlainFile(path, uses);
  try {
    // Listed after: what is rotated from here on is open.
    const names = await readdir(dirname(path));
    const plain = await openPlainFiles(path, uses, { current, names });
    const births = new Set(plain.map(({ birthNs }) => birthNs));
    return [...plain, ...packedFiles(path, names).filter(({ birthNs }) => !births.has(birthNs))];
  } catch (error) {
    await current?.[Symbol.asyncDispose]();
    throw error;
  }
}

/** The current one, and then the others; on an error, closes these. */
async function openPlainFiles(
  path: string,
  uses: LogUses,
  { current, names }: { readonly current: PlainFile | undefined; readonly names: readonly string[] },
): Promise<PlainFile[]> {
  const first = current === undefined ? [] : [current];
  const start = `${basename(path)}.`;
  const rotated = names.filter((name) => name.startsWith(start));
  if (rotated.length === 0) return first;
  const highest = Math.max(...rotated.map((name) => Number(name.slice(start.length)) || 0));
  const files = [...first];
  let [absent, moved] = [1 - first.length, false];
  try {
    for (let number = 1; number <= highest || absent <= HOLES; number += 1) {
      const file = await openPlainFile(`${path}.${number}`, uses);
      if (file === undefined) {
        absent += 1;
        continue;
      }
      const isKnown = files.some(({ inode }) => inode === file.inode);
      moved ||= absent > 0 || isKnown;
      absent = 0;
      // One that was compressed is left empty, to keep its number.
      const isSpent = (await file.load()).sizeBytes === 0;
      if (isSpent || isKnown) await file[Symbol.asyncDispose]();
      else files.push(file);
    }
    return moved ? await inOrder(files) : files;
  } catch (error) {
    await closeAll(files.filter((file) => file !== current));
    throw error;
  }
}

/**
 * The shim renames one after another: where it is, there is a hole, and where it is next, when the reader gets there, another. Below the
 * highest number that was there there may be more of them, one for each rotation that passes a slow reader.
 */
const HOLES = 2;
/** Behind every time. */
const NEVER_NS = 2n ** 64n;

/** After rotations, a file that is newer than the first may have come under a higher number; and all but the newest have grown to their ends. */
async function inOrder(files: readonly PlainFile[]): Promise<PlainFile[]> {
  // The first may have been begun just now, without a line yet.
  let newer = NEVER_NS;
  const aged = files.map((file) => ({ file, ns: (newer = file.birthNs ?? newer) }));
  const ordered = aged.toSorted((a, b) => Number(b.ns - a.ns)).map(({ file }) => file);
  await Promise.all(ordered.slice(1).map((file) => file.measure()));
  return ordered;
}

interface PlainFile extends LogFile {
  /** Its size as it is now. */
  measure(): Promise<void>;
}

/** Undefined when there is none. */
async function openPlainFile(path: string, uses: LogUses): Promise<PlainFile | undefined> {
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

async function plainFile(handle: FileHandle, uses: LogUses): Promise<PlainFile> {
  const { ino, size } = await handle.stat({ bigint: true });
  let loaded = { handle, sizeBytes: Number(size) };
  const time = await firstTime(handle);
  const use = uses.hold(ino);
  return {
    birthNs: time === undefined ? undefined : parseTime(time),
    inode: ino,
    load: async () => loaded,
    measure: async () => void (loaded = { handle, sizeBytes: (await handle.stat()).size }),
    [Symbol.asyncDispose]: async () => {
      use[Symbol.dispose]();
      await handle.close();
    },
  };
}

/** Newest first. */
function packedFiles(path: string, names: readonly string[]): LogFile[] {
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
