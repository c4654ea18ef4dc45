import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCgroupLayout } from '../../runtime/cgroup/layout.ts';
import { freeze, thaw } from '../../runtime/cgroup/live/freezer.ts';
import { eventually } from '../lib/process.ts';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { requires } from '../lib/requires.ts';

const NEEDS = requires('root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare');

interface Health {
  readonly Status: string;
  readonly FailingStreak: number;
  readonly Log: readonly { readonly Start: string; readonly ExitCode: number; readonly Output: string }[];
}

const healthOf = async (daemon: Daemon, id: string): Promise<Health> =>
  JSON.parse(await daemon.dockerOk('inspect', '-f', '{{json .State.Health}}', id)) as Health;
const becomes = (daemon: Daemon, id: string, status: string): Promise<Health> =>
  eventually(status, async () => {
    const health = await healthOf(daemon, id);
    return health.Status === status ? health : undefined;
  });
const sleeper = (daemon: Daemon, cmd: string, ...flags: string[]): Promise<string> =>
  daemon.dockerOk('run', '-d', '--health-cmd', cmd, ...flags, 'busybox', 'sleep', '1000');
const probesOf = async ({ execRoot }: Daemon): Promise<string[]> =>
  (await readdir(join(execRoot, 'shims'))).filter((name) => name.startsWith('probe-'));
const isRunning = async (daemon: Daemon, id: string, command: string): Promise<boolean> =>
  (await daemon.dockerOk('top', id)).includes(command);

test(
  'a daemon killed while a probe runs: the probe is ended, status and log are kept, probes go on',
  NEEDS,
  async (t) => {
    const daemon = await startDaemon(t);
    const cmd = 'while test -e /hang; do touch /hanging; sleep 0.1; done; test -e /up && echo once';
    const flags = ['--health-interval', '50ms', '--health-timeout', '60s', '--health-retries', '1'];
    const id = await sleeper(daemon, cmd, ...flags);
    await daemon.dockerOk('exec', id, 'touch', '/up');
    await becomes(daemon, id, 'healthy');
    await daemon.dockerOk('exec', id, 'touch', '/hang');
    await eventually(
      'a probe hangs',
      async () => (await daemon.docker('exec', id, 'test', '-e', '/hanging')).code === 0,
    );
    const before = await healthOf(daemon, id);
    await daemon.kill9();
    assert.equal((await probesOf(daemon)).length, 1);
    await daemon.restart();
    const after = await healthOf(daemon, id);
    assert.equal(after.Status, 'healthy');
    assert.ok(after.Log.some(({ Output }) => Output === 'once\n'));
    assert.ok(after.Log.every(({ Start }) => before.Log.some((entry) => entry.Start <= Start)));
    await eventually('the old probe is gone', async () => (await probesOf(daemon)).length <= 1);
    const lines = (await daemon.dockerOk('top', id)).split('\n').filter((line) => line.includes('/hanging'));
    assert.ok(lines.length <= 1, lines.join('\n'));
    await daemon.dockerOk('exec', id, 'rm', '/up', '/hang');
    await becomes(daemon, id, 'unhealthy');
    // Stopped in order, all is written.
    assert.equal(await daemon.stop(), 0);
    await daemon.restart();
    assert.equal((await healthOf(daemon, id)).Status, 'unhealthy');
    await daemon.dockerOk('exec', id, 'touch', '/up');
    await becomes(daemon, id, 'healthy');
    await daemon.dockerOk('rm', '-f', id);
    assert.deepEqual(await daemon.leftovers(), []);
  },
);

test('a container that was started anew without the daemon knowing begins anew', NEEDS, async (t) => {
  const daemon = await startDaemon(t);
  const id = await sleeper(daemon, 'true', '--health-interval', '50ms');
  await becomes(daemon, id, 'healthy');
  await daemon.kill9();
  await daemon.restart();
  await daemon.dockerOk('restart', '-t', '0', id);
  const format = '{{.State.StartedAt}}';
  const startedAt = await daemon.dockerOk('inspect', '-f', format, id);
  const { Log } = await becomes(daemon, id, 'healthy');
  assert.ok(Date.parse(Log.at(-1)?.Start ?? '') >= Date.parse(startedAt));
  await daemon.dockerOk('rm', '-f', id);
  assert.deepEqual(await daemon.leftovers(), []);
});

test('500 probes leave nothing: no row, no shim, no descriptor, no exec', NEEDS, async (t) => {
  const daemon = await startDaemon(t);
  const ids = await Promise.all(
    Array.from({ length: 5 }, () => sleeper(daemon, 'true', '--health-interval', '1ms')),
  );
  const net = await daemon.wherryOk(
    'run',
    '-d',
    '--health-tcp',
    ':1',
    '--health-interval',
    '1ms',
    'busybox',
    'sleep',
    '1000',
  );
  for (const id of ids) await becomes(daemon, id, 'healthy');
  const count = async (): Promise<number> => (await readdir(`/proc/${daemon.pid}/fd`)).length;
  const since = String(Date.now() / 1000 - 1);
  const first = await count();
  await eventually(
    '500 probes',
    async () => {
      const until = String(Date.now() / 1000);
      const args = ['--since', since, '--until', until, '-f', 'event=exec_die', '--format', '{{.Action}}'];
      return (await daemon.dockerOk('events', ...args)).split('\n').length >= 500;
    },
    60_000,
  );
  await daemon.dockerOk('pause', ...ids, net);
  await eventually('no probe is left', async () => (await probesOf(daemon)).length === 0);
  assert.equal(await daemon.dockerOk('inspect', '-f', '{{.ExecIDs}}', ids[0] ?? ''), '[]');
  const last = await count();
  assert.ok(last <= first + 5, `${first} descriptors became ${last}`);
  await daemon.dockerOk('rm', '-f', ...ids, net);
  assert.deepEqual(await daemon.leftovers(), []);
});

test('a probe that prints for ever costs the daemon nothing', NEEDS, async (t) => {
  const daemon = await startDaemon(t);
  const memory = async (): Promise<number> =>
    Number(/^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${daemon.pid}/status`, 'utf8'))?.[1]);
  const cmd = 'head -c 300000000 /dev/zero';
  const flags = ['--health-interval', '1ms', '--health-timeout', '60s', '--health-retries', '1'];
  const before = await memory();
  const id = await sleeper(daemon, cmd, ...flags);
  const { Log } = await eventually(
    'one has printed all',
    async () => {
      const health = await healthOf(daemon, id);
      return health.Log.length > 0 && health;
    },
    60_000,
  );
  assert.equal(Log[0]?.ExitCode, 0);
  assert.equal(Log[0].Output.length, 4099);
  const grown = (await memory()) - before;
  assert.ok(grown < 60_000, `${grown} kB`);
  await daemon.dockerOk('rm', '-f', id);
  assert.deepEqual(await daemon.leftovers(), []);
});

test(
  'a pause ends the probe that hangs; a daemon that starts then goes on with the thaw',
  NEEDS,
  async (t) => {
    const daemon = await startDaemon(t);
    const id = await sleeper(daemon, 'sleep 778', '--health-interval', '50ms', '--health-timeout', '60s');
    await eventually('a probe hangs', () => isRunning(daemon, id, 'sleep 778'));
    await daemon.dockerOk('pause', id);
    assert.deepEqual(await probesOf(daemon), []);
    await daemon.kill9();
    await daemon.restart();
    assert.equal(await daemon.dockerOk('inspect', '-f', '{{.State.Status}}', id), 'paused');
    await daemon.dockerOk('unpause', id);
    await eventually('the next one hangs', () => isRunning(daemon, id, 'sleep 778'));
    await daemon.dockerOk('rm', '-f', id);
    await eventually('no probe is left', async () => (await probesOf(daemon)).length === 0);
    assert.deepEqual(await daemon.leftovers(), []);
  },
);

test(
  'a probe in a frozen container, as a commit freezes it, says nothing of its health',
  NEEDS,
  async (t) => {
    const daemon = await startDaemon(t);
    const flags = ['--health-interval', '50ms', '--health-timeout', '4s', '--health-retries', '1'];
    const id = await sleeper(daemon, 'test -e /slow || exit 0; touch /in; sleep 1000', ...flags);
    const place = { layout: await readCgroupLayout(), path: `${daemon.cgroupParent}/${id}` };
    await becomes(daemon, id, 'healthy');
    await daemon.dockerOk('exec', id, 'sh', '-c', 'touch /slow; while ! test -e /in; do sleep 0.01; done');
    await freeze(place);
    const before = await healthOf(daemon, id);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    assert.deepEqual(await healthOf(daemon, id), before);
    assert.equal(before.Status, 'healthy');
    const thawedAt = Date.now();
    await thaw(place);
    // It is looked after again, and only what was begun since counts.
    const { Log } = await becomes(daemon, id, 'unhealthy');
    assert.ok(Date.parse(Log.at(-1)?.Start ?? '') >= thawedAt);
    await daemon.dockerOk('rm', '-f', id);
    assert.deepEqual(await daemon.leftovers(), []);
  },
);
