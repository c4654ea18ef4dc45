import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Paths } from './paths.ts';
import { AT_FDCWD, mknodAt, S_IFIFO } from '../../../native/sys/files.ts';

const DEFAULT_DIRECTORY = '/run/wherry/fifo';
const MODE = 0o700;

/** FIFOs in a directory of their own, which goes with the result. A terminal has no stderr. */
export function makeFifos(
  id: string,
  { directory, terminal }: { readonly directory: string; readonly terminal: boolean },
): Paths & Disposable {
  const own = join(directory || DEFAULT_DIRECTORY, randomBytes(6).toString('hex'));
  mkdirSync(own, { recursive: true, mode: MODE });
  const make = (name: string): string => {
    const path = join(own, `${id}-${name}`);
    mknodAt(AT_FDCWD, path, { mode: S_IFIFO | MODE, major: 0, minor: 0 });
    return path;
  };
  return {
    stdin: make('stdin'),
    stdout: make('stdout'),
    stderr: terminal ? '' : make('stderr'),
    [Symbol.dispose]: () => rmSync(own, { recursive: true, force: true }),
  };
}

/** Takes the FIFOs of a task away, once nobody needs them any more, and their directories when those are empty by then. */
export function removeFifos(paths: Paths): void {
  const fifos = [paths.stdin, paths.stdout, paths.stderr].filter((path) => path.startsWith('/'));
  for (const path of fifos)
    if (lstatSync(path, { throwIfNoEntry: false })?.isFIFO() === true) rmSync(path, { force: true });
  for (const directory of new Set(fifos.map((path) => dirname(path)))) {
    try {
      rmdirSync(directory);
    } catch {
      // Something else is in it, or it is gone.
    }
  }
}
