import type { LoadedFile, LogFile } from './contract.ts';

const BLOCK_BYTES = 64 << 10;
const NEWLINE = 10;

/** Where reading begins: in which of the files (newest first), and at which byte. */
export interface Start {
  readonly file: number;
  readonly position: number;
}

/** The start of the last `lines` lines over all files, found from the end backwards. An unfinished last line does not count. */
export async function tailStart(files: readonly LogFile[], lines: number): Promise<Start> {
  if (lines === Infinity) return { file: Math.max(0, files.length - 1), position: 0 };
  let missing = lines;
  for (const [index, file] of files.entries()) {
    const { position, found } = await lastLines(await file.load(), missing);
    missing -= found;
    if (missing === 0) return { file: index, position };
  }
  return { file: Math.max(0, files.length - 1), position: 0 };
}

/** The start of the last `wanted` lines of one file, or of all if it has fewer. */
async function lastLines(file: LoadedFile, wanted: number): Promise<{ position: number; found: number }> {
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  let seen = 0;
  for (let end = file.sizeBytes; end > 0;) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const { bytesRead } = await file.handle.read(block, 0, end - start, start);
    let at = bytesRead;
    while ((at = at === 0 ? -1 : block.lastIndexOf(NEWLINE, at - 1)) >= 0) {
      // The newline before the first line wanted.
      if (seen === wanted) return { position: start + at + 1, found: wanted };
      seen += 1;
    }
    end = start;
  }
  return { position: 0, found: seen };
}
