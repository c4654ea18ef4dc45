import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { busyboxArchive } from '../lib/busybox.ts';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { openBench, type Bench } from '../lib/dropin.ts';
import { eventually, type Result } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

const IMAGE = 'docker.io/library/busybox:latest';

/** The daemon dies, or fails, at each step of a task's life: the next one knows what there is, and nothing is left of it. */
const FAILPOINTS = [
  'task.create.row',
  'task.create.bundle',
  'task.create.launched',
  'task.start.row',
  'task.start.started',
  'task.exec.row',
  'task.pause.frozen',
  'task.delete.begun',
  'task.delete.execs',
] as const;

interface Place {
  readonly daemon: Daemon;
  readonly bench: Bench;
  readonly ctr: (...args: string[]) => Promise<Result>;
}

async function open(t: TestContext): Promise<Place> {
  const bench = await openBench();
  t.after(() => bench[Symbol.asyncDispose]());
  const daemon = await startDaemon(t, { busybox: false });
  const address = join(daemon.execRoot, 'containerd.sock');
  const namespace = bench.directory.slice('/tmp/'.length);
  const ctr = (...args: string[]): Promise<Result> =>
    bench.run(['ctr', '-a', address, '-n', namespace, ...args]);
  const archive = join(bench.directory, 'busybox.tar');
  await writeFile(archive, await busyboxArchive());
  assert.equal((await ctr('images', 'import', archive)).code, 0);
  // What the import needed on its way.
  await ctr('leases', 'create', '--id', 'now');
  await ctr('leases', 'rm', '--sync', 'now');
  await daemon.mark();
  return { daemon, bench, ctr };
}

/** Goes through everything once, its root mounted from a snapshot; any step may fail. */
async function livesOnce({ ctr }: Place): Promise<number> {
  const steps = [
    ['run', '-d', IMAGE, 'box', 'sleep', '1000'],
    ['tasks', 'exec', '--exec-id', 'one', 'box', '/bin/true'],
    ['tasks', 'pause', 'box'],
    ['tasks', 'resume', 'box'],
    ['tasks', 'kill', '-s', 'KILL', 'box'],
    ['tasks', 'delete', 'box'],
  ];
  let failed = 0;
  for (const step of steps) failed += (await ctr(...step)).code === 0 ? 0 : 1;
  return failed;
}

/** Whatever there is by now can be ended and removed. */
async function clear({ daemon, ctr }: Place): Promise<void> {
  await ctr('tasks', 'kill', '-s', 'KILL', 'box');
  await eventually('the task can be removed', async () => {
    await ctr('tasks', 'rm', 'box');
    return !(await ctr('tasks', 'ls')).stdout.includes('box');
  });
  await ctr('containers', 'rm', 'box');
  await eventually('nothing is left', async () => {
    const left = await daemon.leftovers();
    if (left.length > 0) console.log(left);
    return left.length === 0;
  });
}

describe("tasks of containerd's API", requires('root', 'ctr', 'unshare', 'busybox'), () => {
  for (const action of ['kill', 'error'] as const) {
    test(`the daemon meets ${action} at every step, and nothing is left`, async (t) => {
      const place = await open(t);
      const { daemon } = place;
      for (const failpoint of FAILPOINTS) {
        await daemon.kill9();
        await daemon.restart({ failpoint: `${failpoint}=${action}` });
        const failed = await livesOnce(place);
        assert.ok(failed > 0, `${failpoint} was met`);
        if (action === 'kill') assert.equal(daemon.isAlive(), false, `${failpoint} has killed`);
        await daemon.kill9();
        await daemon.restart();
        await clear(place);
      }
    });
  }

  test('tasks outlive the daemon, and what ended meanwhile is known', async (t) => {
    const { daemon, bench, ctr } = await open(t);
    const run = (id: string, script: string) =>
      ctr('run', '-d', '--rootfs', bench.rootfs, id, '/bin/sh', '-c', script);
    const marker = join(bench.rootfs, 'tmp/go');
    await run('lives', 'while :; do sleep 0.1; done');
    await run('ends', 'until [ -e /tmp/go ]; do sleep 0.1; done; exit 9');
    await run('frozen', 'while :; do sleep 0.1; done');
    await ctr('tasks', 'pause', 'frozen');
    const before = (await ctr('tasks', 'ls')).stdout;

    await daemon.kill9();
    await bench.run(['touch', marker]);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await daemon.restart();
    assert.equal((await ctr('tasks', 'ls')).stdout, before.replace(/(ends .*)RUNNING/, '$1STOPPED'));
    assert.match((await ctr('tasks', 'rm', 'ends')).stderr, /exit code 9/);
    assert.equal((await ctr('tasks', 'exec', '--exec-id', 'x', 'lives', '/bin/true')).code, 0);
    assert.equal((await ctr('tasks', 'resume', 'frozen')).code, 0);
    for (const id of ['lives', 'frozen']) {
      await ctr('tasks', 'kill', '-s', 'KILL', id);
      await eventually('it ends', async () => /STOPPED/.test((await ctr('tasks', 'ls')).stdout));
      assert.match((await ctr('tasks', 'rm', id)).stderr, /exit code 137/);
    }
    for (const id of ['lives', 'ends', 'frozen']) await ctr('containers', 'rm', id);
    await eventually('nothing is left', async () => (await daemon.leftovers()).length === 0);
  });
});
