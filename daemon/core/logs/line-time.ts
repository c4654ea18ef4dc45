import type { FileHandle } from 'node:fs/promises';

/** A line of 16 KiB whose every byte needs six in JSON, its attributes and its time fit in. */
export const LINE_BYTES = 128 << 10;
const FIRST_BYTES = 4 << 10;
const NEWLINE = 10;
const TIME_KEY = Buffer.from('"time":"');
/** How far from the end of a line its time begins, at most: docker leaves zeros at the end out, and an offset may follow. */
const TIME_AREA = 64;

/** The time of the line that ends (its newline) at `end`; undefined for a damaged one. The time is the last of a line's fields. */
export function timeOfLine(block: Buffer, start: number, end: number): string | undefined {
  const area = block.subarray(Math.max(start, end - TIME_AREA), end);
  const key = area.lastIndexOf(TIME_KEY);
  if (key < 0) return undefined;
  const from = key + TIME_KEY.length;
  const quote = area.indexOf('"', from);
  return quote < 0 ? undefined : area.toString('latin1', from, quote);
}

/** The time of a file's first line; undefined while it is not complete. */
export async function firstTime(file: FileHandle): Promise<string | undefined> {
  for (const bytes of [FIRST_BYTES, LINE_BYTES]) {
    const block = Buffer.allocUnsafe(bytes);
    const { bytesRead } = await file.read(block, 0, bytes, 0);
    const newline = block.subarray(0, bytesRead).indexOf(NEWLINE);
    if (newline >= 0) return timeOfLine(block, 0, newline);
    if (bytesRead < bytes) return undefined;
  }
  return undefined;
}
