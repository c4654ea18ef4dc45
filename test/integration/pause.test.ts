import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../lib/process.ts';
import { rest, type Answer } from '../lib/rest.ts';
import { clients, daemonSuite } from '../lib/suite.ts';

const COUNTS = 'echo ready; i=0; while :; do i=$((i+1)); echo $i > /count; sleep 0.01; done';

daemonSuite('pause', (daemon) => {
  const isPeer = process.env['WHERRY_TEST_PEER'] === '1';
  const post = (path: string, body?: unknown): Promise<Answer> =>
    rest(daemon().socket, 'POST', body === undefined ? { path } : { path, body });
  const inspected = (id: string, field: string): Promise<string> =>
    daemon().dockerOk('inspect', '-f', `{{.State.${field}}}`, id);
  const run = async (...args: string[]): Promise<string> => {
    const id = await daemon().dockerOk('run', '-d', ...args, 'busybox', 'sh', '-c', COUNTS);
    await eventually('it counts', async () => (await daemon().dockerOk('logs', id)).includes('ready'));
    return id;
  };
  /** Read from outside: an exec in a paused container is refused. */
  const copied = async (id: string): Promise<string> => {
    const upper = await daemon().dockerOk('inspect', '-f', '{{.GraphDriver.Data.UpperDir}}', id);
    const { readFile } = await import('node:fs/promises');
    return readFile(`${upper}/count`, 'utf8');
  };

  for (const client of clients) {
    test(`${client}: a paused container stands still, and goes on`, async () => {
      const id = await run('--name', 'still');
      assert.equal(await daemon().runOk(client, 'pause', 'still'), 'still');
      assert.equal(await inspected(id, 'Status'), 'paused');
      assert.equal(`${await inspected(id, 'Running')} ${await inspected(id, 'Paused')}`, 'true true');
      assert.match(await daemon().runOk(client, 'ps', '--format', '{{.Status}}'), /^Up .* \(Paused\)$/);
      assert.equal(await daemon().runOk(client, 'ps', '-q', '--no-trunc', '-f', 'status=paused'), id);
      const before = await copied(id);
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(await copied(id), before);
      const counts = '{{.ContainersRunning}} {{.ContainersPaused}} {{.ContainersStopped}}';
      assert.equal(await daemon().runOk(client, 'info', '-f', counts), '0 1 0');
      const exec = await daemon().run(client, 'exec', id, 'true');
      assert.equal(exec.code, 1);
      assert.match(exec.stderr, new RegExp(`Container ${id} is paused, unpause the container before exec`));
      assert.equal(await daemon().runOk(client, 'unpause', id), id);
      assert.equal(await inspected(id, 'Status'), 'running');
      await eventually('it counts again', async () => (await copied(id)) !== before);
      assert.equal((await daemon().run(client, 'pause', 'nosuch')).code, 1);
    });

    test(`${client}: stop, kill and rm -f of a paused one`, async () => {
      const ids = await Promise.all([run(), run(), run()]);
      await daemon().runOk(client, 'pause', ...ids);
      const refused = await daemon().run(client, 'rm', ids[0]);
      assert.match(refused.stderr, /paused/);
      await daemon().runOk(client, 'stop', '-t', '1', ids[0]);
      await daemon().runOk(client, 'kill', ids[1]);
      await daemon().runOk(client, 'rm', '-f', ids[2]);
      for (const id of ids.slice(0, 2)) assert.equal(await inspected(id, 'Status'), 'exited');
      assert.equal(await inspected(ids[1], 'ExitCode'), '137');
    });
  }

  test("docker's codes and texts", async () => {
    const id = await run();
    const told = async (verb: string, of = id): Promise<[number, string]> => {
      const { status, text } = await post(`/containers/${of}/${verb}`);
      const said = text.startsWith('{') ? (JSON.parse(text) as { message: string }).message : text;
      return [status, said.toLowerCase()];
    };
    assert.deepEqual(await told('unpause'), [500, `container ${id} is not paused`]);
    assert.deepEqual(await told('pause'), [204, '']);
    assert.deepEqual(await told('pause'), [409, `container ${id} is already paused`]);
    const start = await told('start');
    assert.deepEqual(start, [409, 'cannot start a paused container, try unpause instead']);
    const exec = await post(`/containers/${id}/exec`, { Cmd: ['true'] });
    assert.equal(exec.status, 409);
    assert.match((await told('attach?stream=1'))[1], /is paused, unpause the container before attach/);
    assert.deepEqual(await told('kill'), [204, '']);
    assert.deepEqual(await told('pause'), [409, `container ${id} is not running`]);
    assert.deepEqual(await told('unpause'), [500, `container ${id} is not paused`]);
    assert.deepEqual(await told('pause', 'nosuch'), [404, 'no such container: nosuch']);
  });

  test('events say so', async () => {
    const since = String(Date.now() / 1000);
    const id = await run();
    await daemon().dockerOk('pause', id);
    await daemon().dockerOk('unpause', id);
    await daemon().dockerOk('kill', id);
    const until = String(Date.now() / 1000 + 0.2);
    const args = ['--since', since, '--until', until, '-f', 'type=container', '--format', '{{.Action}}'];
    const actions = (await daemon().dockerOk('events', ...args)).split('\n');
    const expected = ['create', 'start', 'pause', 'unpause', 'kill', 'die'];
    // Containerd's events come to docker in their own time.
    assert.deepEqual(isPeer ? actions.sort() : actions, isPeer ? expected.sort() : expected);
  });

  test('it stays paused when the daemon is killed, and ends when it is told to', async () => {
    if (isPeer) return;
    const [kept, thawed] = await Promise.all([run(), run()]);
    await daemon().dockerOk('pause', kept, thawed);
    await daemon().kill9();
    await daemon().restart();
    assert.equal(await inspected(kept, 'Status'), 'paused');
    await daemon().dockerOk('unpause', thawed);
    const before = await copied(thawed);
    await eventually('it counts again', async () => (await copied(thawed)) !== before);
    await daemon().dockerOk('stop', '-t', '1', kept, thawed);
    assert.equal(await inspected(kept, 'Status'), 'exited');
  });

  test('a daemon killed while it pauses or unpauses finds the truth again', async () => {
    if (isPeer) return;
    for (const [point, verb, status] of [
      ['container.pause.frozen', 'pause', 'running'],
      ['container.unpause.thawed', 'unpause', 'running'],
    ] as const) {
      const id = await run();
      if (verb === 'unpause') await daemon().dockerOk('pause', id);
      await daemon().kill9();
      await daemon().restart({ failpoint: `${point}=kill` });
      await daemon().docker(verb, id);
      await daemon().exited();
      await daemon().restart();
      assert.equal(await inspected(id, 'Status'), status);
      const before = await copied(id);
      await eventually('it counts', async () => (await copied(id)) !== before);
    }
  });
});
