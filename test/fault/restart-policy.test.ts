import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownedProcesses } from '../lib/owned.ts';
import { eventually } from '../lib/process.ts';
import { reboot } from '../lib/reboot.ts';
import { daemonSuite } from '../lib/suite.ts';

daemonSuite('restart policies over restarts of the daemon and of the host', (daemon) => {
  const show = (id: string, format: string): Promise<string> =>
    daemon().dockerOk('inspect', '-f', format, id);
  const status = (id: string): Promise<string> => show(id, '{{.State.Status}}');
  const becomes = (id: string, wanted: string): Promise<true> =>
    eventually(`${id} is ${wanted}`, async () => (await status(id)) === wanted);
  const run = (name: string, restart: string, ...command: string[]): Promise<string> =>
    daemon().dockerOk('run', '-d', '--name', name, '--restart', restart, 'busybox', ...command);
  const killed = async (): Promise<void> => {
    await daemon().kill9();
    await daemon().restart();
  };

  test('killed while a container waits: its successor goes on waiting, and starts it in time', async () => {
    const label = ['--label', 'wherry.restart-backoff=min=3s,jitter=0'];
    const flags = ['--restart', 'on-failure:1', ...label];
    const id = await daemon().dockerOk('run', '-d', ...flags, 'busybox', 'sh', '-c', 'echo run; exit 3');
    await becomes(id, 'restarting');
    await killed();
    await becomes(id, 'exited');
    assert.equal(await show(id, '{{.RestartCount}} {{.State.ExitCode}}'), '1 3');
    assert.equal(await daemon().dockerOk('logs', id), 'run\nrun');
  });

  test('killed in the middle of a restart: it is made good, and nothing is counted twice', async () => {
    for (const point of ['container.restart.due', 'container.start.network', 'container.start.launch']) {
      await daemon().kill9();
      await daemon().restart();
      const id = await run('once', 'on-failure:1', 'sh', '-c', 'echo run; exit 3');
      await becomes(id, 'exited');
      await daemon().dockerOk('start', id);
      await becomes(id, 'exited');
      await daemon().kill9();
      // One pass is the client's start.
      const pass = point === 'container.restart.due' ? 1 : 2;
      await daemon().restart({ failpoint: `${point}=kill@${pass}` });
      await daemon().docker('start', id);
      await daemon().exited();
      await daemon().restart();
      await becomes(id, 'exited');
      assert.equal(await show(id, '{{.RestartCount}} {{.State.ExitCode}}'), '1 3');
      await daemon().dockerOk('rm', id);
    }
  });

  test('what ended while no daemon ran is started by its successor', async () => {
    const id = await run(
      'meanwhile',
      'always',
      'sh',
      '-c',
      'echo run; sleep 0.5; [ -e /over ] && sleep 1000; touch /over',
    );
    await daemon().kill9();
    await eventually('it ended', async () => (await containerProcesses()) === 0);
    await daemon().restart();
    await becomes(id, 'running');
    await eventually('it ran again', async () => (await daemon().dockerOk('logs', id)) === 'run\nrun');
  });

  /** Shims of this daemon that are alive, while no daemon runs. */
  const containerProcesses = async (): Promise<number> =>
    (await ownedProcesses(daemon())).filter(({ pid }) => pid !== daemon().netnsPid).length;

  test('stopped by hand: always comes with the daemon, unless-stopped does not', async () => {
    for (const policy of ['always', 'unless-stopped', 'no']) await run(policy, policy, 'sleep', '1000');
    await daemon().dockerOk('stop', '-t', '0', 'always', 'unless-stopped', 'no');
    await killed();
    await becomes('always', 'running');
    assert.equal(await status('unless-stopped'), 'exited');
    assert.equal(await status('no'), 'exited');
  });

  test('a clean stop of the daemon touches none of them', async () => {
    const id = await run('clean', 'always', 'sleep', '1000');
    const pid = await show(id, '{{.State.Pid}}');
    assert.equal(await daemon().stop(), 0);
    await daemon().restart();
    assert.equal(await show(id, '{{.State.Pid}} {{.RestartCount}}'), `${pid} 0`);
  });

  test('the host restarts: who ran comes back by its policy, with a count from zero', async () => {
    const policies = ['always', 'unless-stopped', 'on-failure', 'no'];
    for (const policy of policies) await run(policy, policy, 'sleep', '1000');
    await run('by-hand', 'unless-stopped', 'sleep', '1000');
    await daemon().dockerOk('stop', '-t', '0', 'by-hand');
    await daemon().dockerOk('create', '--name', 'made', '--restart', 'always', 'busybox', 'true');
    const slow = ['--restart', 'always', '--label', 'wherry.restart-backoff=min=1h,max=1h'];
    await daemon().dockerOk(
      'run',
      '-d',
      '--name',
      'waits',
      ...slow,
      'busybox',
      'sh',
      '-c',
      '[ -e /on ] && sleep 1000; touch /on',
    );
    await becomes('waits', 'restarting');
    await daemon().dockerOk('run', '-d', '--rm', '--name', 'removes', 'busybox', 'sleep', '1000');
    await reboot(daemon());
    for (const name of ['always', 'unless-stopped', 'on-failure', 'waits']) {
      await becomes(name, 'running');
      assert.equal(await show(name, '{{.RestartCount}}'), '0', name);
    }
    assert.equal(await show('no', '{{.State.Status}} {{.State.ExitCode}}'), 'exited 255');
    assert.equal(await status('by-hand'), 'exited');
    assert.equal(await status('made'), 'created');
    await eventually(
      '--rm is made good',
      async () => (await daemon().docker('inspect', 'removes')).code === 1,
    );
  });
});
