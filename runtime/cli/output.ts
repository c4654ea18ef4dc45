import { writeSync } from 'node:fs';

/** To stdout, whole: a command may end right after it. False: nobody reads. */
export const print = (text: string): boolean => writeAll(1, text);
export const printError = (text: string): boolean => writeAll(2, text);

function writeAll(fd: number, text: string): boolean {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.byteLength;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EAGAIN') return false; // there is nothing that could be said
    }
  }
  return true;
}
