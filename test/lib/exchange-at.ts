import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { syscallNumber } from '../../native/ffi/numbers.ts';
import { syscallShape } from '../../native/ffi/syscall.ts';
import { at } from '../../scripts/lib/paths.ts';
import { findProgram } from './requires.ts';

/** What only the host has: it must be found nowhere else. */
export const SECRET = 'only the host has this';

/**
 * A volume with a directory `bait` and a link `hook` that leads to a directory of the host, whose names are exchanged: by
 * exchange-at.c, just before the system call that somebody wants it at.
 */
export interface Trap {
  readonly volume: string;
  readonly bait: string;
  readonly hook: string;
  readonly canary: string;
}

export const trapIn = (directory: string): Trap => {
  const volume = join(directory, 'volume');
  return {
    volume,
    bait: join(volume, 'bait'),
    hook: join(volume, 'hook'),
    canary: join(directory, 'canary'),
  };
};

/** Of the link: absolute, or up from wherever it is. */
export type LinkKind = 'absolute' | 'upwards';

/** Everything as at first, but for the canary. Returns whether the names were exchanged since. */
export function setTrap({ volume, bait, hook, canary }: Trap, kind: LinkKind): () => boolean {
  rmSync(volume, { recursive: true, force: true });
  for (const path of ['in', 'up', 'deep/er']) mkdirSync(join(bait, path), { recursive: true });
  for (const path of ['file', 'in/file', 'up/file', 'deep/er/file'])
    writeFileSync(join(bait, path), 'inside\n');
  symlinkSync(kind === 'absolute' ? canary : `${'../'.repeat(20)}${canary.slice(1)}`, hook);
  const { ino } = lstatSync(hook);
  return () => lstatSync(hook).ino !== ino;
}

/** To be done once. */
export function makeCanary({ canary }: Trap): void {
  for (const path of ['in', 'up', 'deep/er']) mkdirSync(join(canary, path), { recursive: true });
  for (const path of ['file', 'secret', 'in/file', 'up/file', 'deep/er/file'])
    writeFileSync(join(canary, path), SECRET);
}

/** The words before a command that runs with the names exchanged at its `call`th call, or at those that it arms itself. */
export function buildExchanger(directory: string): ({ bait, hook }: Trap, call: number) => readonly string[] {
  const program = join(directory, 'exchange-at');
  const built = spawnSync(findProgram('gcc') ?? '', ['-o', program, at('test/lib/exchange-at.c')], {
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(built.stderr);
  return ({ bait, hook }, call) => [program, String(call), bait, hook];
}

const ARMS = 0x4558;
const renameat2 = syscallShape<[number, number, number, number, number]>(
  'int64_t group, int64_t none, int64_t from, int64_t nothing, int64_t flags',
);

/**
 * In a command that `buildExchanger` started: the names are exchanged before this thread's `call`th call from now on; 0: never. Returns
 * how many calls it still waited for by the last one's `call`: 0 when it had come.
 */
export const exchangeAt = (call: number): number =>
  renameat2(syscallNumber('renameat2'), process.pid, 0, 0, 0, ARMS * 0x1_0000 + call);
