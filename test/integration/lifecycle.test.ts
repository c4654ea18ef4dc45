import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';
import { clients, daemonSuite } from '../lib/suite.ts';

const IGNORES_TERM = 'trap "" TERM; echo ready; while :; do sleep 0.1; done';
const ENDS_AT_TERM = 'trap "exit 5" TERM; echo ready; while :; do sleep 0.1; done';

daemonSuite('lifecycle', (daemon) => {
  const state = (id: string, field: string): Promise<string> =>
    daemon().dockerOk('inspect', '-f', `{{.State.${field}}}`, id);
  const ready = (id: string): Promise<unknown> =>
    eventually('the program is ready', async () => (await daemon().dockerOk('logs', id)).includes('ready'));

  for (const client of clients) {
    test(`${client}: create, start, wait, start again, rm`, async () => {
      const run = (...args: string[]): Promise<string> => daemon().runOk(client, ...args);
      const id = await run('create', '--name', 'life', 'busybox', 'sh', '-c', 'echo once; exit 3');
      assert.equal(await state(id, 'Status'), 'created');
      assert.equal(await run('start', 'life'), 'life');
      assert.equal(await run('wait', 'life'), '3');
      assert.equal(await state(id, 'Status'), 'exited');
      assert.equal(await state(id, 'ExitCode'), '3');
      const again = await daemon().run(client, 'start', '-a', 'life');
      assert.deepEqual(again, { code: 3, stdout: 'once\n', stderr: '' });
      assert.equal(await run('logs', 'life'), 'once\nonce');
      assert.equal(await run('rm', 'life'), 'life');
      assert.match(
        (await daemon().run(client, 'inspect', 'life')).stderr,
        /No such (object|container): life/i,
      );
    });

    test(`${client}: stop lets the program end by itself`, async () => {
      const id = await daemon().runOk(client, 'run', '-d', 'busybox', 'sh', '-c', ENDS_AT_TERM);
      await ready(id);
      assert.equal(await daemon().runOk(client, 'stop', id), id);
      assert.equal(await state(id, 'ExitCode'), '5');
    });

    test(`${client}: stop kills after the time-out, and not before`, async () => {
      const id = await daemon().runOk(client, 'run', '-d', 'busybox', 'sh', '-c', IGNORES_TERM);
      await ready(id);
      const startedAt = performance.now();
      await daemon().runOk(client, 'stop', '-t', '1', id);
      const tookMs = performance.now() - startedAt;
      assert.ok(tookMs >= 1000 && tookMs < 5000, `stop took ${tookMs} ms`);
      assert.equal(await state(id, 'ExitCode'), '137');
      await daemon().runOk(client, 'stop', id);
    });

    test(`${client}: kill -s by name and number`, async () => {
      const script = 'trap "echo usr1" USR1; trap "exit 9" INT; echo ready; while :; do sleep 0.1; done';
      const id = await daemon().runOk(client, 'run', '-d', 'busybox', 'sh', '-c', script);
      await ready(id);
      await daemon().runOk(client, 'kill', '-s', 'SIGUSR1', id);
      await eventually('the trap ran', async () => (await daemon().dockerOk('logs', id)).includes('usr1'));
      await daemon().runOk(client, 'kill', '-s', '2', id);
      assert.equal(await daemon().runOk(client, 'wait', id), '9');
      const dead = await daemon().run(client, 'kill', id);
      assert.equal(dead.code, 1);
      assert.match(dead.stderr, new RegExp(`is not running`));
    });

    test(`${client}: kill without a signal gives 137`, async () => {
      const id = await daemon().runOk(client, 'run', '-d', 'busybox', 'sleep', '100');
      await daemon().runOk(client, 'kill', id);
      assert.equal(await daemon().runOk(client, 'wait', id), '137');
      assert.equal(await state(id, 'OOMKilled'), 'false');
    });

    test(`${client}: rm refuses a running one and removes it with -f`, async () => {
      const id = await daemon().runOk(client, 'run', '-d', 'busybox', 'sleep', '100');
      const refused = await daemon().run(client, 'rm', id);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /container is running|You cannot remove a running container/i);
      assert.equal(await daemon().runOk(client, 'rm', '-f', id), id);
      const unknown = await daemon().run(client, 'rm', 'nosuch');
      assert.deepEqual([unknown.code, /No such container: nosuch/.test(unknown.stderr)], [1, true]);
    });

    test(`${client}: a unique prefix of the id is enough`, async () => {
      const id = await daemon().runOk(client, 'create', 'busybox', 'true');
      assert.equal(await daemon().runOk(client, 'inspect', '-f', '{{.Id}}', id.slice(0, 12)), id);
    });

    test(`${client}: wait answers for several in their order`, async () => {
      const ids = await Promise.all(
        [1, 2].map((code) => daemon().runOk(client, 'run', '-d', 'busybox', 'sh', '-c', `exit ${code}`)),
      );
      assert.equal(await daemon().runOk(client, 'wait', ...ids), '1\n2');
    });
  }

  test('docker: rename', async () => {
    const id = await daemon().dockerOk('create', '--name', 'before', 'busybox', 'true');
    await daemon().dockerOk('rename', 'before', 'after');
    assert.equal(await daemon().dockerOk('inspect', '-f', '{{.Name}}', id), '/after');
    await daemon().dockerOk('create', '--name', 'other', 'busybox', 'true');
    const taken = await daemon().docker('rename', 'other', 'after');
    assert.equal(taken.code, 1);
    assert.match(taken.stderr, /The container name "\/after" is already in use by container/);
    await daemon().dockerOk('rm', 'after');
    await daemon().dockerOk('rename', 'other', 'after');
  });

  const waits: readonly (readonly [condition: string, act: readonly string[], code: number])[] = [
    ['not-running', ['kill', 'waited'], 137],
    ['next-exit', ['kill', 'waited'], 137],
    ['removed', ['rm', '-f', 'waited'], 137],
  ];
  for (const [condition, act, code] of waits) {
    test(`wait ${condition}`, async () => {
      await daemon().dockerOk('run', '-d', '--name', 'waited', 'busybox', 'sleep', '100');
      const path = `/v1.41/containers/waited/wait?condition=${condition}`;
      const answer = rest(daemon().socket, 'POST', { path });
      // The answer's head arrives at once; that the wait is registered shows in nothing else.
      await new Promise((resolve) => setTimeout(resolve, 100));
      await daemon().dockerOk(...act);
      const { StatusCode } = (await answer).json<{ StatusCode: number }>();
      assert.equal(StatusCode, code);
    });
  }

  test('wait next-exit before the start catches the exit of a short program', async () => {
    await daemon().dockerOk('create', '--name', 'short', 'busybox', 'sh', '-c', 'exit 4');
    const answer = rest(daemon().socket, 'POST', { path: '/containers/short/wait?condition=next-exit' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await daemon().dockerOk('start', 'short');
    assert.deepEqual((await answer).json<{ StatusCode: number }>().StatusCode, 4);
  });

  test('start of a running one is 304, stop of a stopped one too', async () => {
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '100');
    const post = async (verb: string): Promise<number> =>
      (await rest(daemon().socket, 'POST', { path: `/containers/${id}/${verb}` })).status;
    assert.equal(await post('start'), 304);
    assert.equal(await post('stop?t=0'), 204);
    assert.equal(await post('stop'), 304);
  });

  test('every descendant ends with the first process', async () => {
    const script = '(trap "" TERM HUP; sleep 1000) & (setsid sleep 1000 &) ; sleep 0.1; echo bye';
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sh', '-c', script);
    assert.equal(await daemon().dockerOk('wait', id), '0');
    assert.equal(await state(id, 'Running'), 'false');
  });
});
