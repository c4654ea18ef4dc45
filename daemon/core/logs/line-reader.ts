import type { FileHandle } from 'node:fs/promises';

const BLOCK_BYTES = 256 << 10;
/** What is longer is no line of ours (a damaged disk, say): it is skipped. */
const LONGEST_BYTES = 4 << 20;
const NEWLINE = 10;

/**
 * Reads whole lines from a file that may still grow, in blocks of bounded size. What has no newline yet is kept for the next
 * call. One line longer than a block makes the block grow to hold it, up to 4 MiB.
 */
export interface LineReader {
  /** Whole lines with their newlines, valid until the next call; undefined at the end as it is now. */
  next(): Promise<Buffer | undefined>;
}

/** `end`: where to stop, for a file whose rest is somebody else's; undefined: its end as it grows. */
export function lineReader(file: FileHandle, start: number, end?: number): LineReader {
  let block: Buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  let position = start;
  let held = 0;
  let consumed = 0;

  const room = (): number => Math.min(block.length - held, end === undefined ? Infinity : end - position);
  const makeRoom = (): void => {
    block.copyWithin(0, consumed, held);
    held -= consumed;
    consumed = 0;
    if (held < block.length) return;
    if (block.length >= LONGEST_BYTES) {
      held = 0;
      return;
    }
    const larger = Buffer.allocUnsafe(block.length * 2);
    block.copy(larger);
    block = larger;
  };
  return {
    next: async () => {
      for (;;) {
        makeRoom();
        const wanted = room();
        if (wanted <= 0) return undefined;
        const { bytesRead } = await file.read(block, held, wanted, position);
        if (bytesRead === 0) return undefined;
        position += bytesRead;
        const last = block.lastIndexOf(NEWLINE, held + bytesRead - 1);
        const searched = held;
        held += bytesRead;
        if (last < searched) continue;
        consumed = last + 1;
        return block.subarray(0, consumed);
      }
    },
  };
}
