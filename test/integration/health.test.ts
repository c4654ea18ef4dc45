import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../lib/process.ts';
import { rest, type Answer } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

const FAST = ['--health-interval', '50ms', '--health-timeout', '20s', '--health-retries', '2'];

interface Health {
  readonly Status: string;
  readonly FailingStreak: number;
  readonly Log: {
    readonly Start: string;
    readonly End: string;
    readonly ExitCode: number;
    readonly Output: string;
  }[];
}

/** Against Debian's dockerd as well, with WHERRY_TEST_PEER=1: but for what is ours. */
daemonSuite('healthchecks', (daemon) => {
  const isPeer = process.env['WHERRY_TEST_PEER'] === '1';
  const run = (...args: string[]): Promise<string> => daemon().dockerOk('run', '-d', ...args);
  const sleeper = (...flags: string[]): Promise<string> => run(...flags, 'busybox', 'sleep', '1000');
  const healthOf = async (id: string): Promise<Health> =>
    JSON.parse(await daemon().dockerOk('inspect', '-f', '{{json .State.Health}}', id)) as Health;
  const becomes = (id: string, status: string): Promise<Health> =>
    eventually(status, async () => {
      const health = await healthOf(id);
      return health.Status === status ? health : undefined;
    });
  const post = (path: string, body?: unknown): Promise<Answer> =>
    rest(daemon().socket, 'POST', body === undefined ? { path } : { path, body });
  const listed = (...filters: string[]): Promise<string> =>
    daemon().dockerOk('ps', '--no-trunc', '-q', ...filters.flatMap((filter) => ['-f', filter]));
  const status = (id: string): Promise<string> =>
    daemon().dockerOk('ps', '-a', '--format', '{{.Status}}', '-f', `id=${id}`);

  test('starting, healthy, unhealthy and healthy again, as inspect and ps show it', async () => {
    const id = await sleeper(
      '--health-cmd',
      'cat /sick 2>/dev/null && exit 3 || echo fine',
      ...FAST,
      '--health-start-period',
      '1ms',
    );
    const before = await healthOf(id);
    assert.equal(before.FailingStreak, 0);
    const well = await becomes(id, 'healthy');
    assert.equal(well.Log.at(-1)?.ExitCode, 0);
    assert.match(well.Log.at(-1)?.Output ?? '', /fine\n$/);
    assert.match(await status(id), /^Up .* \(healthy\)$/);
    assert.equal(await listed('health=healthy'), id);
    assert.equal(await listed('health=unhealthy'), '');
    await daemon().dockerOk('exec', id, 'sh', '-c', 'echo ill > /sick');
    const ill = await becomes(id, 'unhealthy');
    assert.ok(ill.FailingStreak >= 2);
    assert.equal(ill.Log.at(-1)?.Output, 'ill\n');
    assert.equal(ill.Log.at(-1)?.ExitCode, 3);
    assert.match(await status(id), /^Up .* \(unhealthy\)$/);
    assert.equal(await listed('health=unhealthy'), id);
    await daemon().dockerOk('exec', id, 'rm', '/sick');
    assert.equal((await becomes(id, 'healthy')).FailingStreak, 0);
    await eventually('five entries', async () => (await healthOf(id)).Log.length === 5);
    await daemon().dockerOk('kill', id);
    assert.equal((await healthOf(id)).Status, 'unhealthy');
    assert.match(await status(id), /^Exited \(137\)/);
    await daemon().dockerOk('start', id);
    assert.equal((await becomes(id, 'healthy')).FailingStreak, 0);
  });

  test('before its first start, and without a check, it has no health', async () => {
    const id = await daemon().dockerOk('create', '--health-cmd', 'true', 'busybox', 'true');
    assert.equal(await daemon().dockerOk('inspect', '-f', '{{json .State.Health}}', id), 'null');
    assert.equal(await daemon().dockerOk('ps', '-aq', '--no-trunc', '-f', 'health=none'), id);
    const none = await sleeper('--no-healthcheck');
    assert.equal(await daemon().dockerOk('inspect', '-f', '{{json .State.Health}}', none), 'null');
    assert.deepEqual(
      JSON.parse(await daemon().dockerOk('inspect', '-f', '{{json .Config.Healthcheck}}', none)),
      { Test: ['NONE'] },
    );
  });

  test("events are docker's", async () => {
    const since = String(Date.now() / 1000);
    const id = await sleeper('--health-cmd', 'exit 0', '--health-interval', '300ms');
    await becomes(id, 'healthy');
    await daemon().dockerOk('kill', id);
    const until = String(Date.now() / 1000 + 0.2);
    const format = '{{.Action}}|{{.Actor.Attributes.execID}}|{{.Actor.Attributes.exitCode}}';
    const args = ['--since', since, '--until', until, '-f', 'type=container', '--format', format];
    const events = (await daemon().dockerOk('events', ...args)).split('\n').map((line) => line.split('|'));
    const first = events.find(([action]) => action?.startsWith('exec_create'));
    assert.equal(first?.[0], 'exec_create: /bin/sh -c exit 0');
    const probe = events
      .filter(([, exec]) => exec === first?.[1])
      .map(([action, , code]) => `${action}|${code}`);
    const bare = '<no value>';
    assert.deepEqual(probe.map((line) => line.replace(bare, '')).sort(), [
      'exec_create: /bin/sh -c exit 0|',
      'exec_die|0',
      'exec_start: /bin/sh -c exit 0|',
    ]);
    assert.match(first?.[1] ?? '', /^[0-9a-f]{64}$/);
    assert.ok(events.some(([action]) => action === 'health_status: healthy'));
    const only = ['--since', since, '--until', until, '-f', 'event=health_status', '--format', '{{.Action}}'];
    assert.match(await daemon().dockerOk('events', ...only), /^health_status: healthy/);
  });

  test('a probe that takes too long is killed, whatever it ignores', async () => {
    const script = 'trap "" TERM; echo said; sleep 1000';
    const id = await sleeper(
      '--health-cmd',
      script,
      '--health-interval',
      '50ms',
      '--health-timeout',
      '1s',
      '--health-retries',
      '1',
    );
    const health = await becomes(id, 'unhealthy');
    assert.equal(health.Log[0]?.ExitCode, -1);
    assert.match(health.Log[0]?.Output ?? '', /^Health check exceeded timeout \(1s\)(: said\n)?$/);
    if (isPeer) return;
    const processes = await daemon().dockerOk('top', id);
    assert.ok(processes.split('\n').filter((line) => line.includes('sleep 1000')).length <= 2, processes);
  });

  test('failures in the start period do not count', async () => {
    const id = await sleeper(
      '--health-cmd',
      'cat /up',
      ...FAST,
      '--health-start-period',
      '1h',
      ...(isPeer ? [] : ['--health-start-interval', '30ms']),
    );
    await eventually('some have failed', async () => (await healthOf(id)).Log.length >= 3);
    const { Status, FailingStreak } = await healthOf(id);
    assert.deepEqual([Status, FailingStreak], ['starting', 0]);
    await daemon().dockerOk('exec', id, 'touch', '/up');
    await becomes(id, 'healthy');
    await daemon().dockerOk('exec', id, 'rm', '/up');
    await becomes(id, 'unhealthy');
  });

  test('much output is cut, and a program that is not there is told', async () => {
    const id = await sleeper('--health-cmd', 'yes | head -c 100000', ...FAST);
    const { Log } = await becomes(id, 'healthy');
    assert.equal(Log[0]?.Output, `${'y\n'.repeat(2048)}...`);
    const body = {
      Image: 'busybox',
      Cmd: ['sleep', '1000'],
      Healthcheck: { Test: ['CMD', '/nope', 'x'], Interval: 5e7, Retries: 1 },
    };
    const created = await post('/containers/create', body);
    const { Id } = JSON.parse(created.text) as { Id: string };
    await daemon().dockerOk('start', Id);
    const entry = (await becomes(Id, 'unhealthy')).Log[0];
    assert.match(entry?.Output ?? '', /OCI runtime exec failed.*\/nope.*no such file or directory/s);
  });

  test("what is wrong is refused in docker's words", async () => {
    const refused = async (Healthcheck: object): Promise<[number, string]> => {
      const { status: code, text } = await post('/containers/create', { Image: 'busybox', Healthcheck });
      return [code, (JSON.parse(text) as { message: string }).message];
    };
    const Test = ['CMD', 'true'];
    for (const name of ['Interval', 'Timeout', 'StartPeriod']) {
      assert.deepEqual(await refused({ Test, [name]: 999_999 }), [
        400,
        `${name} in Healthcheck cannot be less than 1ms`,
      ]);
    }
    assert.deepEqual(await refused({ Test, Retries: -1 }), [
      400,
      'Retries in Healthcheck cannot be negative',
    ]);
    if (isPeer) return;
    assert.match(
      (await refused({ Test: ['WRONG', 'x'] }))[1],
      /^Unknown healthcheck type 'WRONG' \(expected 'NONE', 'CMD'/,
    );
    assert.match(
      (await refused({ Test: ['HTTP', 'http://example.com/'] }))[1],
      /Invalid healthcheck address/,
    );
    const filtered = await daemon().docker('ps', '-f', 'health=well');
    assert.match(
      filtered.stderr,
      /invalid value for health \(well\): must be one of none, starting, healthy, unhealthy/,
    );
  });

  test('an image keeps its check, and a container its own part of it', async () => {
    const id = await daemon().dockerOk(
      'create',
      '--health-cmd',
      'test -e /ok',
      '--health-retries',
      '7',
      'busybox',
      'sleep',
      '1000',
    );
    await daemon().dockerOk('commit', id, 'checked:1');
    assert.deepEqual(
      JSON.parse(
        await daemon().dockerOk('image', 'inspect', '-f', '{{json .Config.Healthcheck}}', 'checked:1'),
      ),
      { Test: ['CMD-SHELL', 'test -e /ok'], Retries: 7 },
    );
    const made = await daemon().dockerOk('create', '--health-interval', '1m', 'checked:1');
    assert.deepEqual(
      JSON.parse(await daemon().dockerOk('inspect', '-f', '{{json .Config.Healthcheck}}', made)),
      { Test: ['CMD-SHELL', 'test -e /ok'], Interval: 60e9, Retries: 7 },
    );
    await daemon().dockerOk('rm', id, made);
    await daemon().dockerOk('rmi', 'checked:1');
  });
});
