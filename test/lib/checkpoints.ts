import assert from 'node:assert/strict';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { env } from 'node:process';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { broughtNode } from '../../scripts/lib/paths.ts';
import { startDaemon, type Daemon } from './daemon.ts';
import { openBench } from './dropin.ts';
import { removeCgroups } from './owned.ts';
import { eventually } from './process.ts';
import { IMAGE, pairAt, type Pair } from './wctr.ts';

const PROCESS = fileURLToPath(new URL('./false-criu-process.ts', import.meta.url));

/** A `criu` that works on every kernel, and restores nothing but what a process was called. */
interface FalseCriu {
  /** A PATH where it is found first. */
  readonly path: string;
  /** From its next start on; undefined: it does its work. */
  set(mode: 'fails' | 'hangs' | undefined): Promise<void>;
}

async function falseCriu(directory: string): Promise<FalseCriu> {
  const mode = join(directory, 'mode');
  const words = [broughtNode(), '--disable-warning=ExperimentalWarning', PROCESS, directory];
  await writeFile(join(directory, 'criu'), `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`, { mode: 0o755 });
  return {
    path: `${directory}:${env['PATH'] ?? ''}`,
    set: (wanted) => (wanted === undefined ? rm(mode, { force: true }) : writeFile(mode, wanted)),
  };
}

/** What lies about of them in a daemon's data root. */
export const checkpointsIn = ({ dataRoot }: Daemon): Promise<string[]> =>
  readdir(join(dataRoot, 'checkpoints'));

export type Run = Pair['ctr'];

export interface Place {
  readonly daemon: Daemon;
  readonly criu: FalseCriu;
  readonly pair: Pair;
}

/** A daemon whose runtimes find the false CRIU, and both clients of its containerd API. */
export async function openWithCriu(t: TestContext): Promise<Place> {
  const bench = await openBench();
  const criu = await falseCriu(bench.directory);
  const daemon = await startDaemon(undefined, { busybox: false, path: criu.path });
  t.after(async () => {
    await daemon[Symbol.asyncDispose]();
    await bench[Symbol.asyncDispose]();
    for (const name of ['a', 'b']) await removeCgroups(`/of-${name}-${process.pid}`);
  });
  const pair = await pairAt(bench, join(daemon.execRoot, 'containerd.sock'));
  return { daemon, criu, pair };
}

export async function ok(client: Run, command: string): Promise<string> {
  const { code, stdout, stderr } = await client(...command.split(' '));
  assert.equal(code, 0, `${command}: ${stderr}`);
  return stdout;
}

/** A container that sleeps and has written something. */
export async function sleeping(client: Run, { archive }: Pair): Promise<void> {
  await ok(client, `images import ${archive}`);
  await ok(client, `run -d --null-io ${IMAGE} c1 sleep 4711`);
  await ok(client, 'tasks exec --exec-id x c1 touch /written');
}

/** Ends and removes one. */
export async function gone(client: Run, id: string): Promise<void> {
  await client('tasks', 'kill', '-s', 'KILL', id);
  await eventually(`${id} is gone`, async () => {
    await client('tasks', 'rm', id);
    return !(await client('tasks', 'ls')).stdout.includes(id);
  });
  await ok(client, `containers rm ${id}`);
}

export const collect = async (client: Run): Promise<void> => {
  await ok(client, 'leases create --id now');
  await ok(client, 'leases rm --sync now');
};

/** '' unless it runs. */
export const pidOf = async (client: Run, id: string): Promise<string> =>
  new RegExp(`^${id} +(\\d+) +RUNNING`, 'm').exec(await ok(client, 'tasks ls'))?.[1] ?? '';
