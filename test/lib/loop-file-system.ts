import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './place.ts';
import { execOk } from './process.ts';

/** What is made in a file and mounted: with project quotas, or with blocks that files share. */
export type LoopFileSystem = 'ext4-projects' | 'xfs-projects' | 'xfs' | 'btrfs';
type Command = readonly [program: string, ...args: string[]];

/** mkfs.xfs makes none that is smaller. */
const BYTES = 320 * 2 ** 20;

const KINDS: Readonly<
  Record<LoopFileSystem, { readonly make: Command; readonly type: string; readonly options: string }>
> = {
  'ext4-projects': {
    make: ['mkfs.ext4', '-q', '-O', 'project,quota', '-E', 'quotatype=prjquota'],
    type: 'ext4',
    options: 'loop,prjquota',
  },
  'xfs-projects': { make: ['mkfs.xfs', '-q'], type: 'xfs', options: 'loop,prjquota' },
  xfs: { make: ['mkfs.xfs', '-q'], type: 'xfs', options: 'loop' },
  btrfs: { make: ['mkfs.btrfs', '-q'], type: 'btrfs', options: 'loop' },
};

function commands(kind: LoopFileSystem, image: string, at: string): [Command, Command, Command] {
  const { make, type, options } = KINDS[kind];
  return [
    ['truncate', '-s', String(BYTES), image],
    [...make, image],
    ['mount', '-t', type, '-o', options, image, at],
  ];
}

/** Makes one in the file `image` and mounts it at a directory that this makes. */
export async function mountLoop(kind: LoopFileSystem, image: string, at: string): Promise<AsyncDisposable> {
  mkdirSync(at);
  for (const command of commands(kind, image, at)) await execOk(command);
  return { [Symbol.asyncDispose]: async () => void (await execOk(['umount', at])) };
}

/** Puts the data root of a daemon that is about to start on one. */
export const onLoop =
  (kind: LoopFileSystem) =>
  (place: Place): Promise<AsyncDisposable> =>
    mountLoop(kind, join(place.directory, 'image'), place.dataRoot);

/** Why there is none here: kernels have the one and not the other part of it. Mounts one for a moment. */
export function lackOfLoop(kind: LoopFileSystem): string | undefined {
  const at = mkdtempSync('/tmp/w-loop-');
  try {
    for (const [program, ...args] of commands(kind, join(at, 'image'), at)) {
      const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
      if (status !== 0) return `${program} fails: ${error?.message ?? stderr.trim().split('\n')[0] ?? ''}`;
    }
    spawnSync('umount', [at]);
    return undefined;
  } finally {
    rmSync(at, { recursive: true });
  }
}
