import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

daemonSuite('restart policies', (daemon) => {
  const show = (id: string, format: string): Promise<string> =>
    daemon().dockerOk('inspect', '-f', format, id);
  const restarts = async (id: string): Promise<number> => Number(await show(id, '{{.RestartCount}}'));
  const status = (id: string): Promise<string> => show(id, '{{.State.Status}}');
  const create = (body: object) => rest(daemon().socket, 'POST', { path: '/containers/create', body });
  /** Waits for its next start for as long as a test takes. */
  const waiting = async (...flags: string[]): Promise<string> => {
    const slow = ['--label', 'wherry.restart-backoff=min=1h,max=1h', '--restart', 'always', ...flags];
    const id = await daemon().dockerOk('run', '-d', ...slow, 'busybox', 'sh', '-c', 'exit 3');
    await eventually('it waits', async () => (await status(id)) === 'restarting');
    return id;
  };

  test('always: started again, each time with a higher count; die and start, no restart event', async () => {
    const since = String(Date.now() / 1000);
    const command = ['sh', '-c', 'echo once; exit 4'];
    const id = await daemon().dockerOk('run', '-d', '--restart', 'always', 'busybox', ...command);
    await eventually('it is started the third time', async () => (await restarts(id)) >= 3);
    await daemon().dockerOk('stop', id);
    assert.equal(await show(id, '{{.State.Status}} {{.State.ExitCode}}'), 'exited 4');
    const events = await daemon().dockerOk(
      ...[
        'events',
        '--since',
        since,
        '--until',
        String(Date.now() / 1000 + 1),
        '--filter',
        `container=${id}`,
      ],
      ...['--format', '{{.Action}}'],
    );
    const actions = events.split('\n').filter((action) => action !== 'stop' && action !== 'kill');
    assert.deepEqual(actions.slice(0, 6), ['create', 'start', 'die', 'start', 'die', 'start']);
    assert.ok(!actions.includes('restart'));
    // The last restart counts from the moment that it is waited for.
    const runs = (await daemon().dockerOk('logs', id)).split('\n').length;
    const counted = await restarts(id);
    assert.ok(runs === counted || runs === counted + 1, `${runs} runs, ${counted} restarts`);
  });

  test('on-failure:2: two more tries, then it stays; success is not tried again', async () => {
    const flags = ['run', '-d', '--restart', 'on-failure:2', 'busybox', 'sh', '-c'];
    const failing = await daemon().dockerOk(...flags, 'exit 7');
    await eventually('it gave up', async () => (await status(failing)) === 'exited');
    assert.equal(await show(failing, '{{.RestartCount}} {{.State.ExitCode}}'), '2 7');
    const fine = await daemon().dockerOk(...flags, 'exit 0');
    await daemon().dockerOk('wait', fine);
    await eventually('it ended', async () => (await status(fine)) === 'exited');
    assert.equal(await restarts(fine), 0);
  });

  test('one that waits shows it, counts as running, and refuses what needs a process', async () => {
    const id = await waiting('--name', 'waits');
    const state = '{{.State.Running}} {{.State.Restarting}} {{.State.Pid}} {{.State.ExitCode}}';
    assert.equal(await show(id, state), 'true true 0 3');
    assert.doesNotMatch(await show(id, '{{.State.FinishedAt}}'), /^0001/);
    assert.match(
      await daemon().dockerOk('ps', '--format', '{{.State}} {{.Status}}'),
      /^restarting Restarting \(3\) .* ago$/,
    );
    assert.notEqual(await daemon().dockerOk('ps', '-q', '--filter', 'status=restarting'), '');
    for (const verb of [
      ['exec', id, 'true'],
      ['pause', id],
      ['top', id],
    ]) {
      const { code, stderr } = await daemon().docker(...verb);
      assert.notEqual(code, 0);
      assert.match(stderr, new RegExp(`Container ${id} is restarting, wait until the container is running`));
    }
    const { stderr } = await daemon().docker('rm', id);
    assert.match(stderr, /container is restarting: stop the container before removing or force remove/);
    // Docker: it runs already.
    await daemon().dockerOk('start', id);
    assert.equal(await status(id), 'restarting');
  });

  test('stop, kill and rm end the wait, and who waits for the container hears it', async () => {
    for (const verb of ['stop', 'kill']) {
      const id = await waiting();
      const waiter = daemon().docker('wait', id);
      await eventually('the waiter is there', async () => {
        await daemon()
          .dockerOk(verb, id)
          .catch(() => {});
        return (await status(id)) === 'exited';
      });
      assert.equal((await waiter).stdout.trim(), '3');
      assert.equal(await show(id, '{{.State.Restarting}} {{.State.ExitCode}}'), 'false 3');
    }
    await daemon().dockerOk('rm', '-f', await waiting());
  });

  test('restart and update of one that waits', async () => {
    const id = await waiting();
    await daemon().dockerOk('update', '--restart', 'no', id);
    assert.equal(await status(id), 'restarting');
    await daemon().dockerOk('restart', id);
    await eventually('it ended for good', async () => (await status(id)) === 'exited');
    assert.equal(await restarts(id), 0);
  });

  test('update gives a running container a policy, and takes it away', async () => {
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    await daemon().dockerOk('update', '--restart', 'always', id);
    await daemon()
      .dockerOk('exec', id, 'kill', '-9', '1')
      .catch(() => {});
    await daemon()
      .dockerOk('exec', id, 'sh', '-c', 'kill -TERM 1')
      .catch(() => {});
    const pid = await show(id, '{{.State.Pid}}');
    process.kill(Number(pid), 'SIGKILL');
    await eventually('it runs again', async () => {
      const now = await show(id, '{{.State.Status}} {{.State.Pid}} {{.RestartCount}}');
      return now.startsWith('running') && !now.includes(pid) && now.endsWith(' 1');
    });
    assert.doesNotMatch(await show(id, '{{.State.FinishedAt}}'), /^0001/);
    await daemon().dockerOk('update', '--restart', 'no', id);
    process.kill(Number(await show(id, '{{.State.Pid}}')), 'SIGKILL');
    await eventually('it stays', async () => (await status(id)) === 'exited');
  });

  test('run in the foreground ends with the first exit, and its container goes on', async () => {
    const run = ['run', '--name', 'front', '--restart', 'always', 'busybox', 'sh', '-c', 'echo out; exit 5'];
    const { code, stdout } = await daemon().docker(...run);
    assert.deepEqual([code, stdout], [5, 'out\n']);
    await eventually('it was started again', async () => (await restarts('front')) > 0);
  });

  test("docker's texts for what is no policy", async () => {
    const cases: [restart: object, message: string][] = [
      [
        { Name: 'sometimes' },
        "invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
      ],
      [
        { Name: 'always', MaximumRetryCount: 3 },
        "invalid restart policy: maximum retry count can only be used with 'on-failure'",
      ],
      [
        { Name: 'on-failure', MaximumRetryCount: -1 },
        'invalid restart policy: maximum retry count cannot be negative',
      ],
      [
        { Name: 'always', MinDelay: 1e10, MaxDelay: 1e9 },
        'invalid restart policy: the longest pause, 1000ms, is below the shortest, 10000ms',
      ],
    ];
    for (const [RestartPolicy, message] of cases) {
      const body = { Image: 'busybox', HostConfig: { RestartPolicy } };
      const answer = await create(body);
      assert.deepEqual([answer.status, answer.json()], [400, { message }]);
    }
    const both = { RestartPolicy: { Name: 'always' }, AutoRemove: true };
    const answer = await create({ Image: 'busybox', HostConfig: both });
    assert.match(answer.text, /can't create 'AutoRemove' container with restart policy/);
  });

  test('the back-off of wherry run, shown by inspect', async () => {
    const flags = ['--restart', 'always', '--restart-backoff', 'min=20ms,max=40ms,jitter=0'];
    const id = await daemon().wherryOk('run', '-d', ...flags, 'busybox', 'false');
    assert.equal(
      await daemon().wherryOk('inspect', '-f', '{{json .HostConfig.RestartPolicy}}', id),
      '{"Name":"always","MaximumRetryCount":0,"MinDelay":20000000,"MaxDelay":40000000,"Jitter":0}',
    );
    await eventually('it is started often', async () => (await restarts(id)) >= 8);
    const wrong = await daemon().wherry('run', '--restart-backoff', 'min=soon', 'busybox');
    assert.match(wrong.stderr, /"min=soon" has no valid value/);
  });

  test('wherry update --restart-backoff: each part stays until it is given anew, and who waits does not wait for longer', async () => {
    const shown = (id: string): Promise<string> =>
      daemon().wherryOk('inspect', '-f', '{{json .HostConfig.RestartPolicy}}', id);
    const flags = ['--restart', 'always', '--restart-backoff', 'min=1h,max=2h'];
    const id = await daemon().wherryOk('run', '-d', ...flags, 'busybox', 'false');
    await eventually('it waits', async () => (await status(id)) === 'restarting');
    assert.equal(await daemon().wherryOk('update', '--restart-backoff', 'min=10ms,max=20ms', id), id);
    await eventually('it is started often', async () => (await restarts(id)) >= 4);
    assert.match(await shown(id), /"Name":"always",.*"MinDelay":10000000,"MaxDelay":20000000/);
    await daemon().wherryOk('update', '--restart', 'on-failure:9', '--restart-backoff', 'jitter=0', id);
    assert.equal(
      await shown(id),
      '{"Name":"on-failure","MaximumRetryCount":9,"MinDelay":10000000,"MaxDelay":20000000,"Jitter":0}',
    );
    const wrong = await daemon().wherry('update', '--restart-backoff', 'min=1m', id);
    assert.match(wrong.stderr, /the longest pause, 20ms, is below the shortest, 60000ms/);
    assert.equal(wrong.code, 1);
  });
});
