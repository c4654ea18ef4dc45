import { statfsSync } from 'node:fs';
import { inCall } from '../ffi/beat.ts';

export interface Space {
  readonly totalBytes: number;
  /** For those who are not root. */
  readonly freeBytes: number;
  /** 0 where the file system does not count them. */
  readonly inodes: number;
  readonly freeInodes: number;
}

/** Of the file system that has `path`. For worker threads. man 2 statfs. */
export function spaceAt(path: string): Space {
  const { bavail, blocks, bsize, files, ffree } = inCall(() => statfsSync(path));
  return { totalBytes: blocks * bsize, freeBytes: bavail * bsize, inodes: files, freeInodes: ffree };
}
