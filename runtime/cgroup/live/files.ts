import { constants } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { internal } from '../../../common/errors.ts';

/** What a gone cgroup answers: ENOENT for its directory, ENODEV for a file of it that was open. */
const GONE = ['ENOENT', 'ENODEV'];

export const codeOfErrno = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

/** The text of a cgroup's file; undefined when there is none. */
export async function readCgroupFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (GONE.includes(codeOfErrno(error))) return undefined;
    throw error;
  }
}

/** One write, which is what the kernel takes for one command. False when there is no such file. */
export async function writeCgroupFile(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: constants.O_WRONLY });
    return true;
  } catch (error) {
    if (GONE.includes(codeOfErrno(error))) return false;
    throw internal(`Cannot write "${text}" to ${path}: ${codeOfErrno(error)}`, { cause: error });
  }
}

/** Names of the cgroups right below one. */
export async function childCgroups(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (codeOfErrno(error) === 'ENOENT') return [];
    throw error;
  }
}

export const pause = async (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
