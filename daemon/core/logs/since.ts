import { parseTime } from '../time.ts';
import type { LoadedFile, LogFile } from './contract.ts';
import { LINE_BYTES, timeOfLine } from './line-time.ts';
import type { Start } from './tail.ts';

/** So much is read in a row rather than searched. */
const NEAR_BYTES = 256 << 10;
const NEWLINE = 10;

/**
 * A start before which every line is older than `sinceNs`, and not many behind it are: files by the time of their first lines,
 * then halving within one. Lines stand in the order of their times, but for a clock that was set back.
 */
export async function sinceStart(files: readonly LogFile[], sinceNs: bigint): Promise<Start> {
  for (const [index, file] of files.entries()) {
    if (file.birthNs === undefined || file.birthNs >= sinceNs) continue;
    return { file: index, position: await search(await file.load(), sinceNs) };
  }
  return { file: Math.max(0, files.length - 1), position: 0 };
}

async function search({ handle, sizeBytes }: LoadedFile, sinceNs: bigint): Promise<number> {
  const block = Buffer.allocUnsafe(2 * LINE_BYTES);
  let older = 0;
  let end = sizeBytes;
  while (end - older > NEAR_BYTES) {
    const middle = older + Math.floor((end - older) / 2);
    const { bytesRead } = await handle.read(block, 0, block.length, middle);
    const line = wholeLine(block.subarray(0, bytesRead));
    if (line !== undefined && line.timeNs < sinceNs) older = middle + line.end;
    else end = middle;
  }
  return older;
}

/** The first whole line with a time in a block that begins anywhere; `end` is behind its newline. */
function wholeLine(block: Buffer): { readonly timeNs: bigint; readonly end: number } | undefined {
  let start = block.indexOf(NEWLINE) + 1;
  while (start > 0) {
    const newline = block.indexOf(NEWLINE, start);
    if (newline < 0) return undefined;
    const time = timeOfLine(block, start, newline);
    const timeNs = time === undefined ? undefined : parseTime(time);
    if (timeNs !== undefined) return { timeNs, end: newline + 1 };
    start = newline + 1;
  }
  return undefined;
}
