import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, exec } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';
import { clients, daemonSuite } from '../lib/suite.ts';

daemonSuite('exec', (daemon) => {
  const running = (...flags: string[]): Promise<string> =>
    daemon().dockerOk('run', '-d', ...flags, 'busybox', 'sleep', '1000');

  for (const client of clients) {
    test(`${client}: runs beside the first process, with its own streams and code`, async () => {
      const id = await running();
      const script = 'echo out; echo err >&2; hostname; exit 33';
      const result = await daemon().run(client, 'exec', id, 'sh', '-c', script);
      assert.deepEqual(result, { code: 33, stdout: `out\n${id.slice(0, 12)}\n`, stderr: 'err\n' });
    });

    test(`${client}: sees the container's processes, mounts and network`, async () => {
      const id = await running('-e', 'FROM=container');
      const script = 'cat /proc/1/cmdline | tr "\\0" " "; echo; echo $FROM; ls /sys/class/net';
      const out = await daemon().runOk(client, 'exec', id, 'sh', '-c', script);
      assert.deepEqual(out.split('\n'), ['sleep 1000 ', 'container', 'eth0', 'lo']);
    });

    test(`${client}: -e, -w, -u, -i`, async () => {
      const id = await running('-w', '/tmp');
      const flags = ['-i', '-e', 'A=b', '-w', '/etc', '-u', 'nobody'];
      const script = 'echo $A; pwd; id -un; id -gn; cat';
      const argv = daemon().argv(client, 'exec', ...flags, id, 'sh', '-c', script);
      const result = await exec(argv, { input: 'typed\n' });
      assert.deepEqual(result, { code: 0, stdout: 'b\n/etc\nnobody\nnogroup\ntyped\n', stderr: '' });
      assert.equal(await daemon().runOk(client, 'exec', id, 'pwd'), '/tmp');
    });

    const failures: readonly (readonly [
      what: string,
      command: readonly string[],
      code: number,
      text: RegExp,
    ])[] = [
      ['what is not on PATH', ['nosuch'], 127, /executable file not found in \$PATH/],
      ['a missing path', ['/no/such'], 127, /no such file or directory/],
      ['what is no program', ['/etc/passwd'], 126, /permission denied/],
    ];
    for (const [what, command, code, text] of failures) {
      test(`${client}: ${code} for ${what}`, async () => {
        const id = await running();
        const result = await daemon().run(client, 'exec', id, ...command);
        assert.equal(result.code, code, result.stderr);
        assert.match(result.stdout + result.stderr, text);
      });
    }

    test(`${client}: refuses a container that does not run`, async () => {
      const id = await daemon().dockerOk('create', 'busybox', 'true');
      const result = await daemon().run(client, 'exec', id, 'true');
      assert.equal(result.code, 1);
      assert.match(result.stderr, new RegExp(`container ${id} is not running`, 'i'));
      const unknown = await daemon().run(client, 'exec', 'nosuch', 'true');
      assert.equal(unknown.code, 1);
      assert.match(unknown.stderr, /No such container: nosuch/);
    });

    test(`${client}: -d leaves it running`, async () => {
      const id = await running();
      assert.equal(
        await daemon().runOk(client, 'exec', '-d', id, 'sh', '-c', 'sleep 0.1; echo x > /done'),
        '',
      );
      await eventually(
        'it ran',
        async () => (await daemon().docker('exec', id, 'test', '-e', '/done')).code === 0,
      );
    });
  }

  test('inspect tells the detach keys as bytes; a command is a list', async () => {
    const path = `/containers/${await running()}/exec`;
    const { socket } = daemon();
    const made = await rest(socket, 'POST', { path, body: { Cmd: ['true'], DetachKeys: 'ctrl-a,x' } });
    const { Id } = made.json<{ Id: string }>();
    const shown = (await rest(socket, 'GET', { path: `/exec/${Id}/json` })).json<{ DetachKeys: string }>();
    assert.equal(shown.DetachKeys, Buffer.from([1, 0x78]).toString('base64'));
    assert.equal((await rest(socket, 'POST', { path, body: { Cmd: 'true' } })).status, 400);
  });

  test('inspect tells the exit code, and a second start is refused', async () => {
    const id = await running();
    const { socket } = daemon();
    const body = { Cmd: ['sh', '-c', 'exit 11'], AttachStdout: true };
    const created = await rest(socket, 'POST', { path: `/containers/${id}/exec`, body });
    assert.equal(created.status, 201);
    const { Id } = created.json<{ Id: string }>();
    const start = { path: `/exec/${Id}/start`, body: { Detach: true } };
    assert.equal((await rest(socket, 'POST', start)).status, 200);
    const inspect = await eventually('it ended', async () => {
      const answer = (await rest(socket, 'GET', { path: `/exec/${Id}/json` })).json<
        Record<string, unknown>
      >();
      return answer['Running'] === false && answer['ExitCode'] !== null && answer;
    });
    assert.equal(inspect['ExitCode'], 11);
    assert.equal(inspect['ContainerID'], id);
    assert.equal((await rest(socket, 'POST', start)).status, 409);
    const unknown = await rest(socket, 'GET', { path: '/exec/nosuch/json' });
    assert.equal(unknown.status, 404);
    assert.match(unknown.json<{ message: string }>().message, /No such exec instance/);
  });

  test('the container ends and takes its execs along', async () => {
    const id = await running();
    const child = exec(daemon().argv('docker', 'exec', id, 'sleep', '1000'));
    await eventually(
      'exec runs',
      async () => (await daemon().dockerOk('exec', id, 'ps')).split('sleep 1000').length > 2,
    );
    await daemon().dockerOk('kill', id);
    assert.equal((await child).code, 137);
  });

  test('20 at once, each with its own answer', async () => {
    const id = await running();
    const numbers = Array.from({ length: 20 }, (_, index) => String(index));
    const answers = await Promise.all(numbers.map((n) => daemon().dockerOk('exec', id, 'echo', n)));
    assert.deepEqual(answers, numbers);
  });
});
