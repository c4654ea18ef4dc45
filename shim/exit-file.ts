import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { internal } from '../common/errors.ts';
import type { Exit } from './contract.ts';
import { makeExit } from './frames.ts';

/** The record that a shim left in its directory when its process ended; undefined when there is none. */
export async function readExitFile(directory: string): Promise<Exit | undefined> {
  const path = join(directory, 'exit');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return parseExitFile(text, path);
}

/** Lines `key number`, then the kernel's out-of-memory text (native/c/shim.c, record_exit). Throws `internal` for anything else. */
export function parseExitFile(text: string, path: string): Exit {
  const match = /^pid (\d+)\ncode (\d+)\nsignal (\d+)\nstarted (\d+)\nfinished (\d+)\n([\s\S]*)$/.exec(text);
  if (match === null) throw internal(`Cannot read the exit record "${path}"`);
  const [, pid = '', code = '', signal = '', started = '', finished = '', oomText = ''] = match;
  return makeExit({
    pid: Number(pid),
    code: Number(code),
    signal: Number(signal),
    startedAtNs: BigInt(started),
    finishedAtNs: BigInt(finished),
    oomText,
  });
}
