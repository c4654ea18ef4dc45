import { constants as fs } from 'node:fs';
import {
  closeFd,
  openAt2,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from '../../native/sys/files.ts';
import { bytesOf } from './attributes.ts';

const OPEN_DIRECTORY = fs.O_RDONLY | fs.O_DIRECTORY;
/** Below the kernel's PATH_MAX of 4096, which counts the NUL. */
const MAX_STEP_BYTES = 4000;

/**
 * Opens the directory at `parts` beneath `root`. The kernel resolves the path with `root` as its root (openat2): symbolic links are
 * followed as in the container, or not at all. What is deeper than a path can be long is walked in steps, and those behind the first
 * know no symbolic links, which would count from elsewhere.
 */
export function openBeneath(
  root: number,
  parts: readonly string[],
  symlinks: 'in-root' | 'no-symlinks',
): number {
  const [first = '.', ...further] = steps(parts);
  const resolve = symlinks === 'in-root' ? RESOLVE_NO_MAGICLINKS : RESOLVE_NO_SYMLINKS;
  let fd = openAt2(root, bytesOf(first), { flags: OPEN_DIRECTORY, resolve: RESOLVE_IN_ROOT | resolve });
  for (const step of further) {
    const above = fd;
    try {
      const how = { flags: OPEN_DIRECTORY, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS };
      fd = openAt2(above, bytesOf(step), how);
    } finally {
      closeFd(above);
    }
  }
  return fd;
}

function steps(parts: readonly string[]): string[] {
  const path = parts.join('/');
  if (path === '') return [];
  if (path.length <= MAX_STEP_BYTES) return [path];
  const found: string[] = [];
  let step = '';
  for (const part of parts) {
    if (step !== '' && step.length + part.length >= MAX_STEP_BYTES) {
      found.push(step);
      step = '';
    }
    step = step === '' ? part : `${step}/${part}`;
  }
  return [...found, step];
}
