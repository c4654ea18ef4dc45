import assert from 'node:assert/strict';
import { basename } from 'node:path';
import type { TestContext } from 'node:test';
import { comparable, startBeside, type Beside } from './ctr.ts';
import type { DaemonOptions } from './daemon.ts';
import { removeCgroups } from './owned.ts';
import { eventually, type Result } from './process.ts';

/** ctr's tasks on our daemon and on a real containerd: each in a namespace of its own, since cgroups are the host's. */
export interface TasksBeside extends Pick<Beside, 'daemon' | 'bench' | 'addresses'> {
  readonly namespace: string;
  readonly names: { readonly ours: string; readonly theirs: string };
  readonly ours: (...args: string[]) => Promise<Result>;
  readonly theirs: (...args: string[]) => Promise<Result>;
  /** As `Beside.same`, process ids and the namespaces aside. */
  readonly same: (...args: string[]) => Promise<Result>;
  /** `same` of a command line without quotes in it. */
  readonly run: (command: string) => Promise<Result>;
  /** `ctr run` of a directory as the root. */
  readonly runs: (flags: readonly string[], id: string, ...command: string[]) => Promise<Result>;
  /** Resolves when no task of either runs. */
  readonly stopped: () => Promise<void>;
}

export async function startTasks(t: TestContext, options: DaemonOptions = {}): Promise<TasksBeside> {
  const { daemon, bench, addresses, ...beside } = await startBeside(t, { busybox: false, ...options });
  const suffix = basename(bench.directory);
  const names = { ours: `ours-${suffix}`, theirs: `theirs-${suffix}` };
  // After containerd has ended, which makes one for each namespace.
  t.after(async () => {
    for (const name of Object.values(names)) await removeCgroups(`/${name}`);
  });
  const ours = (...args: string[]): Promise<Result> => beside.ours('-n', names.ours, ...args);
  const theirs = (...args: string[]): Promise<Result> => beside.theirs('-n', names.theirs, ...args);
  const places = Object.values(names);
  const same = async (...args: string[]): Promise<Result> => {
    const [expected, actual] = [await theirs(...args), await ours(...args)];
    assert.deepEqual(comparable(actual, places), comparable(expected, places), `ctr ${args.join(' ')}`);
    return actual;
  };
  const noneRuns = async (ask: typeof ours): Promise<boolean> =>
    !/RUNNING|PAUSED/.test((await ask('tasks', 'ls')).stdout);
  return {
    ...{ daemon, bench, addresses, ours, theirs, same, names, namespace: names.ours },
    run: (command) => same(...command.split(' ')),
    runs: (flags, id, ...command) => same('run', ...flags, '--rootfs', bench.rootfs, id, ...command),
    stopped: async () =>
      void (await eventually('the tasks end', async () => (await noneRuns(ours)) && noneRuns(theirs))),
  };
}
