import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { readlink } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../lib/process.ts';
import { cgroupVersion } from '../lib/requires.ts';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

/** What of the host, or of another container, a container sees with docker's modes. */
daemonSuite('shared namespaces', (daemon) => {
  const run = (...args: string[]): Promise<string> => daemon().dockerOk('run', '--rm', ...args);
  const fails = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await daemon().docker('run', '--rm', ...args);
    assert.equal(code, 125, stderr);
    return stderr.split('\n')[0]?.replace('docker: Error response from daemon: ', '') ?? '';
  };
  const up = (name: string, ...args: string[]): Promise<string> =>
    daemon().dockerOk('run', '-d', '--name', name, ...args, 'busybox', 'sleep', '1000');

  test('a container takes part in the ipc namespace and the shared memory of another', async () => {
    await up('donor', '--ipc', 'shareable', '--shm-size', '1m');
    await daemon().dockerOk('exec', 'donor', 'sh', '-c', 'echo hello > /dev/shm/file');
    const look =
      'readlink /proc/self/ns/ipc; cat /dev/shm/file; echo back > /dev/shm/answer; df -k /dev/shm | tail -1';
    const seen = (await run('--ipc', 'container:donor', 'busybox', 'sh', '-c', look)).split('\n');
    assert.equal(seen[0], await daemon().dockerOk('exec', 'donor', 'readlink', '/proc/self/ns/ipc'));
    assert.equal(seen[1], 'hello');
    assert.match(seen[2] ?? '', /^shm +1024 /);
    assert.equal(await daemon().dockerOk('exec', 'donor', 'cat', '/dev/shm/answer'), 'back');
  });

  test('who joins an ipc namespace may be joined, and a command in it finds the same', async () => {
    await up('donor', '--ipc', 'shareable');
    await up('second', '--ipc', 'container:donor');
    await up('third', '--ipc', 'container:second');
    await daemon().dockerOk('exec', 'third', 'touch', '/dev/shm/here');
    assert.equal(await daemon().dockerOk('exec', 'donor', 'ls', '/dev/shm'), 'here');
  });

  test("without shared memory there is none, and that of the host is the host's", async () => {
    assert.equal(
      await run('--ipc', 'none', 'busybox', 'sh', '-c', 'ls -d /dev/shm 2>/dev/null; echo end'),
      'end',
    );
    const own = await readlink('/proc/self/ns/ipc');
    assert.equal(await run('--ipc', 'host', 'busybox', 'readlink', '/proc/self/ns/ipc'), own);
    assert.notEqual(await run('busybox', 'readlink', '/proc/self/ns/ipc'), own);
  });

  test('a container sees the processes of another, or of the host', async () => {
    await up('donor');
    assert.match(await run('--pid', 'container:donor', 'busybox', 'ps'), /1 root +sleep 1000/);
    const own = await readlink('/proc/self/ns/pid');
    assert.equal(await run('--pid', 'host', 'busybox', 'readlink', '/proc/self/ns/pid'), own);
  });

  test("on the host's pid namespace, whatever a container started ends with it", async () => {
    const script = 'sleep 12345 & sleep 12345 & exec sleep 0.1';
    await daemon().dockerOk('run', '--name', 'short', '--pid', 'host', 'busybox', 'sh', '-c', script);
    await eventually('its processes are gone', async () => {
      const seen = await run('--pid', 'host', 'busybox', 'ps');
      return !seen.includes('sleep 12345');
    });
  });

  test('and when no daemon saw its end, the next one sees to that', async () => {
    const script = 'sleep 54321 & exec sleep 0.5';
    await daemon().dockerOk('run', '-d', '--name', 'unseen', '--pid', 'host', 'busybox', 'sh', '-c', script);
    await daemon().kill9();
    await delay(1000);
    await daemon().restart();
    await daemon().dockerOk('wait', 'unseen');
    await eventually('its processes are gone', async () => {
      const seen = await run('--pid', 'host', 'busybox', 'ps');
      return !seen.includes('sleep 54321');
    });
  });

  test('the name of the host is seen, and is not for a container to set', async () => {
    assert.equal(await run('--uts', 'host', 'busybox', 'hostname'), hostname());
    assert.equal(
      await fails('--uts', 'host', '-h', 'mine', 'busybox'),
      'conflicting options: hostname and the UTS mode',
    );
  });

  test("the cgroup namespace is what is asked for, or docker's default", async () => {
    const path = (...flags: string[]) =>
      run(...flags, 'busybox', 'sh', '-c', 'head -1 /proc/self/cgroup | cut -d: -f3');
    assert.equal(await path('--cgroupns', 'private'), '/');
    assert.match(await path('--cgroupns', 'host'), /^\/.+\/[0-9a-f]{64}$/);
    const id = await daemon().dockerOk('create', 'busybox');
    const mode = await daemon().dockerOk('inspect', '-f', '{{.HostConfig.CgroupnsMode}}', id);
    assert.equal(mode, cgroupVersion() === 1 ? 'host' : 'private');
  });

  test("who can't be joined is named in docker's words, and the container can start later", async () => {
    const id = await up('private');
    assert.equal(
      await fails('--ipc', 'container:private', 'busybox'),
      `failed to join IPC namespace: container ${id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
    );
    assert.equal(
      await fails('--pid', 'container:nobody', 'busybox'),
      'failed to join PID namespace: No such container: nobody',
    );
    await daemon().dockerOk('create', '--name', 'late', '--pid', 'container:private', 'busybox', 'true');
    // Named by its id from now on.
    await daemon().dockerOk('rename', 'private', 'renamed');
    await daemon().dockerOk('stop', '-t', '0', 'renamed');
    const { stderr } = await daemon().docker('start', '-a', 'late');
    assert.match(stderr, new RegExp(`failed to join PID namespace: container ${id} is not running`));
    await daemon().dockerOk('start', 'renamed');
    await daemon().dockerOk('start', '-a', 'late');
  });

  test("the state of who can't be joined is told by docker's codes", async () => {
    const statuses: number[] = [];
    for (const host of [{ IpcMode: 'container:none' }, { PidMode: 'container:none' }]) {
      const body = { Image: 'busybox', HostConfig: host };
      const made = await rest(daemon().socket, 'POST', { path: '/containers/create', body });
      const { Id } = made.json<{ Id: string }>();
      statuses.push((await rest(daemon().socket, 'POST', { path: `/containers/${Id}/start` })).status);
    }
    assert.deepEqual(statuses, [400, 500]);
  });

  test('without a network there is none, and inspect says so', async () => {
    const body = { Image: 'busybox', Cmd: ['ls', '/sys/class/net'], NetworkDisabled: true };
    const made = await rest(daemon().socket, 'POST', { path: '/containers/create', body });
    const { Id } = made.json<{ Id: string }>();
    assert.equal(await daemon().dockerOk('start', '-a', Id), 'lo');
    const shown = await rest(daemon().socket, 'GET', { path: `/containers/${Id}/json` });
    assert.equal(shown.json<{ Config: { NetworkDisabled: boolean } }>().Config.NetworkDisabled, true);
  });

  test('a container that shares is found again by another daemon, and so is what it shares', async () => {
    await up('donor', '--ipc', 'shareable');
    await up('guest', '--ipc', 'container:donor', '--pid', 'container:donor');
    await daemon().kill9();
    await daemon().restart();
    await daemon().dockerOk('exec', 'guest', 'touch', '/dev/shm/here');
    assert.equal(await daemon().dockerOk('exec', 'donor', 'ls', '/dev/shm'), 'here');
    // The kernel ends a pid namespace with its first process, and so all who joined it.
    await daemon().dockerOk('kill', 'donor');
    assert.equal(await daemon().dockerOk('wait', 'guest'), '137');
  });

  for (const [flags, message] of [
    [['--ipc', 'foo'], 'invalid IPC mode: foo'],
    [['--security-opt', 'foo=bar'], 'invalid --security-opt 2: "foo=bar"'],
    [['--storage-opt', 'width=1G'], 'Unknown option width'],
    [['--isolation', 'process'], "invalid isolation (process): linux only supports 'default'"],
  ] as const) {
    test(`${flags.join(' ')} is refused`, async () =>
      assert.equal(await fails(...flags, 'busybox'), message));
  }
});
