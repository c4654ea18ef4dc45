import { readFile, writeFile } from 'node:fs/promises';
import { internal } from '../../../common/errors.ts';

/** Sets a value below /proc/sys unless it has it; true if it changed. A file that does not exist (no IPv6) changes nothing. */
export async function setSysctl(name: string, value: string): Promise<boolean> {
  const path = `/proc/sys/${name}`;
  try {
    if ((await readFile(path, 'utf8')).trim() === value) return false;
    await writeFile(path, value);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return false;
    throw internal(`Cannot set "${path}" to ${value}: ${code ?? 'unknown error'}`, { cause: error });
  }
}
