import { constants as fs } from 'node:fs';
import { getSystemErrorMessage } from 'node:util';
import { invalidArgument } from '../../common/errors.ts';
import { SyscallError } from '../../native/ffi/syscall.ts';
import {
  AT_FDCWD,
  closeFd,
  O_PATH,
  openAt,
  openAt2,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
} from '../../native/sys/files.ts';
import { attach, cloneMountOf, cloneMountsAt, mount, mountOverlayAt } from '../../native/sys/mounts.ts';
import { mountLoopFile } from '../loop-file.ts';
import type { CopyMount } from './contract.ts';

/** For a thread with mounts of its own: with these goes what is mounted here. */
export function mountHostSide(mounts: readonly CopyMount[]): void {
  for (const { at, what } of mounts) {
    switch (what.kind) {
      case 'file-system': {
        const { type, device, flags, data } = what;
        const shown = data === '' ? '' : `, data: ${data}`;
        const action =
          `error while mounting volume '${at}': failed to mount local volume: ` +
          `mount ${device}:${at}, flags: 0x${flags.toString(16)}${shown}`;
        inWords(action, () => mount({ source: device, target: at, type, flags, data }));
        break;
      }
      case 'loop':
        attachOnce(mountLoopFile(at), at);
        break;
      case 'layers':
        // An overlay without an upper directory has two layers at least: what it is mounted on is empty.
        mountOverlayAt(at, { lower: [...what.layers, at] });
        break;
      case 'borrowed':
        attachOnce(cloneMountOf(what.pid, what.from), at);
    }
  }
}

function attachOnce(detached: number, at: string): void {
  try {
    attach(detached, at);
  } finally {
    closeFd(detached);
  }
}

/** A detached copy of a part of `source`, which others may write to. */
export function clonePart(source: string, subpath: string): number {
  return inWords(`cannot access path ${source}/${subpath}`, () => {
    const base = openAt(AT_FDCWD, source, { flags: O_PATH | fs.O_DIRECTORY });
    try {
      const resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
      const part = openAt2(base, subpath, { flags: O_PATH, resolve });
      try {
        return cloneMountsAt(part);
      } finally {
        closeFd(part);
      }
    } finally {
      closeFd(base);
    }
  });
}

/** Docker's words, as a start has them too. */
function inWords<T>(action: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const words = getSystemErrorMessage(-error.errno) ?? error.errnoName;
    throw invalidArgument(`${action}: ${words}`, { cause: error });
  }
}
