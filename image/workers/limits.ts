import { internal, invalidArgument } from '../../common/errors.ts';
import { spaceAt } from '../../native/sys/space.ts';

/** What an archive may make of a little. */
export interface UnpackLimits {
  /** It may be so many times as large as it was compressed; 0: as large as it likes. */
  readonly ratio: number;
  /** And so large in any case: a file of zeros, or a disk image, is no bomb. */
  readonly floorBytes: number;
  /** Left free on the file system, but never more than a fiftieth of it. */
  readonly reserveBytes: number;
}

export const UNPACK_LIMITS: UnpackLimits = { ratio: 100, floorBytes: 8 * 2 ** 30, reserveBytes: 2 ** 30 };

const RESERVE_SHARE = 50;
/** Asks the file system each time when so much has been written. */
const STEP_BYTES = 4 << 20;

/** What a job that unpacks gets of its worker. */
export interface Bounds {
  readonly signal: AbortSignal;
  readonly limits: UnpackLimits;
}

/** Watches one archive on its way from its compressed bytes to the disk. */
export interface UnpackGuard {
  /** So many compressed bytes went in. */
  took(bytes: number): void;
  /** So many are about to be written. Throws `invalid-argument` for a bomb, `internal` where the disk would get too full. */
  gave(bytes: number): void;
}

/** For what was unpacked before. */
export const UNGUARDED: UnpackGuard = { took: () => {}, gave: () => {} };

/** `path` exists, and is on the file system that is written to. */
export function guardUnpacking(limits: UnpackLimits, path: string): UnpackGuard {
  let [taken, given, asked] = [0, 0, 0];
  return {
    took: (bytes) => {
      taken += bytes;
    },
    gave: (bytes) => {
      given += bytes;
      const { ratio, floorBytes, reserveBytes } = limits;
      if (ratio > 0 && given > Math.max(floorBytes, taken * ratio)) {
        throw invalidArgument(
          `invalid archive: ${taken} bytes of it unpack to more than ${Math.max(floorBytes, taken * ratio)}, the daemon's option "image-max-ratio" is ${ratio}`,
        );
      }
      if (given < asked || reserveBytes === 0) return;
      asked = given + STEP_BYTES;
      keepReserve(path, reserveBytes);
    },
  };
}

/** Of bytes, and where the file system counts them, of inodes. */
function keepReserve(path: string, reserveBytes: number): void {
  const { totalBytes, freeBytes, inodes, freeInodes } = spaceAt(path);
  const reserve = Math.min(reserveBytes, totalBytes / RESERVE_SHARE);
  const lacks = freeBytes < reserve ? `${Math.round(reserve)} bytes` : undefined;
  const few = inodes > 0 && freeInodes < inodes / RESERVE_SHARE ? 'a fiftieth of its inodes' : undefined;
  if ((lacks ?? few) === undefined) return;
  throw internal(
    `Cannot write to "${path}": no space left on device but the ${lacks ?? few} that the daemon's option "image-reserve" keeps`,
  );
}
