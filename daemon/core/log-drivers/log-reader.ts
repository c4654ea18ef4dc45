import { parseEntry } from '../logs/entry.ts';
import type { LogFile } from '../logs/contract.ts';
import { closeAll, openLogFiles, openNextFile } from '../logs/files.ts';
import { lineReader, type LineReader } from '../logs/line-reader.ts';
import type { LogUses } from '../logs/uses.ts';
import type { LogLine, Place } from './contract.ts';

/** Some lines in a row, and where the next one begins. */
export interface Batch {
  readonly lines: readonly LogLine[];
  readonly after: Place;
}

/** Reads a log onward from a place, over rotations. */
export interface LogReader extends AsyncDisposable {
  /** What was not read yet, `undefined` when that is all for now. */
  next(): Promise<Batch | undefined>;
  /** Whether lines behind the place were rotated away before they were read. */
  readonly hasGap: boolean;
}

/** So many at a time: what a killed daemon sends again, at most. */
const BATCH_LINES = 64;
const NEWLINE = 10;

interface Current {
  readonly file: LogFile;
  readonly reader: LineReader;
  birthNs: bigint | undefined;
  position: number;
}

export async function openLogReader(
  { path, uses }: { readonly path: string; readonly uses: LogUses },
  place: Place | undefined,
): Promise<LogReader> {
  const start = await openAt({ path, uses }, place);
  let current = start.current;
  let block: { lines: Buffer; at: number } | undefined;

  /** The next bytes with whole lines of this file or a later one. */
  const read = async (): Promise<Buffer | undefined> => {
    for (;;) {
      current ??= (await openAt({ path, uses }, undefined)).current;
      const lines = await current?.reader.next();
      if (lines !== undefined || current === undefined) return lines;
      const next = await openNextFile(path, current.file, uses);
      if (next === undefined) return undefined;
      // The old file is complete now, but may not have been when it was read.
      const rest = await current.reader.next();
      if (rest !== undefined) {
        await next[Symbol.asyncDispose]();
        return rest;
      }
      await current.file[Symbol.asyncDispose]();
      current = await readFrom(next, 0);
    }
  };
  return {
    hasGap: start.hasGap,
    next: async () => {
      if (block === undefined || block.at >= block.lines.length) {
        const lines = await read();
        if (lines === undefined || current === undefined) return undefined;
        block = { lines, at: 0 };
      }
      if (current === undefined) return undefined;
      const { lines, end } = take(block.lines, block.at);
      if (current.position === 0) current.birthNs ??= lines[0]?.timeNs;
      current.position += end - block.at;
      block.at = end;
      const { file, position, birthNs = 0n } = current;
      return { lines, after: { birthNs, inode: file.inode, position } };
    },
    [Symbol.asyncDispose]: async () => current?.file[Symbol.asyncDispose](),
  };
}

async function readFrom(file: LogFile, position: number): Promise<Current> {
  const { handle } = await file.load();
  return { file, position, birthNs: file.birthNs, reader: lineReader(handle, position) };
}

/** The oldest file from its start, unless the place's is there. */
async function openAt(
  { path, uses }: { readonly path: string; readonly uses: LogUses },
  place: Place | undefined,
): Promise<{ readonly current: Current | undefined; readonly hasGap: boolean }> {
  const files = await openLogFiles(path, uses);
  const found = place === undefined ? undefined : await findPlace(files, place);
  const file = found ?? files.at(-1);
  await closeAll(files.filter((each) => each !== file));
  const current =
    file === undefined ? undefined : await readFrom(file, found === undefined ? 0 : (place?.position ?? 0));
  return { current, hasGap: place !== undefined && found === undefined };
}

/** By inode and first line: an inode may have come to another file. One that was compressed has the first line only. */
async function findPlace(files: readonly LogFile[], place: Place): Promise<LogFile | undefined> {
  const born = files.filter(({ birthNs }) => birthNs === place.birthNs || place.birthNs === 0n);
  const file = born.find(({ inode }) => inode === place.inode) ?? born.find(({ inode }) => inode === 0n);
  return file !== undefined && (await file.load()).sizeBytes >= place.position ? file : undefined;
}

function take(block: Buffer, from: number): { readonly lines: readonly LogLine[]; readonly end: number } {
  const lines: LogLine[] = [];
  let at = from;
  while (at < block.length && lines.length < BATCH_LINES) {
    const newline = block.indexOf(NEWLINE, at);
    const end = newline < 0 ? block.length : newline + 1;
    const entry = parseEntry(block.toString('utf8', at, end));
    at = end;
    if (entry === undefined) continue;
    const isPartial = !entry.log.endsWith('\n');
    const text = isPartial ? entry.log : entry.log.slice(0, -1);
    lines.push({ stream: entry.stream, timeNs: entry.timeNs, text, isPartial });
  }
  return { lines, end: at };
}
