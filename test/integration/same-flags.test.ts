import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { built } from '../lib/clients.ts';
import { exec } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

/** Flags of `run` and `create`, in groups that go together. */
const FLAGS: readonly (readonly string[])[] = [
  ['--ipc', 'host', '--pid', 'host', '--uts', 'host', '--userns', 'host', '--cgroupns', 'private'],
  ['--ipc', 'shareable', '--shm-size', '5m', '--cgroup-parent', '/x', '--isolation', 'default'],
  ['--device-read-bps', '/dev/null:1mb', '--device-write-bps', '/dev/null:5', '--blkio-weight', '100'],
  ['--device-read-iops', '/dev/null:5', '--device-write-iops', '/dev/null:6', '--oom-score-adj', '5'],
  ['--blkio-weight-device', '/dev/null:100', '--cpu-rt-period', '1000', '--cpu-rt-runtime', '100'],
  ['--device', '/dev/null:/dev/x:rw', '--device', 'vendor.com/class=name', '--gpus', 'all'],
  ['--gpus', 'driver=x,"capabilities=a,b",options=c=d', '--device-cgroup-rule', 'c 1:3 rwm'],
  ['--annotation', 'a=b', '--sysctl', 'net.ipv4.ip_forward=1', '--ulimit', 'nofile=1:2', '--group-add', '5'],
  ['--security-opt', 'no-new-privileges', '--security-opt', 'systempaths=unconfined'],
  ['--security-opt', 'seccomp=unconfined', '--security-opt', 'label=disable', '--privileged'],
  ['--memory', '64m', '--memory-swappiness', '5', '--oom-kill-disable', '--memory-reservation', '32m'],
  ['--stop-timeout', '3', '--stop-signal', 'INT', '--runtime', 'runc', '--disable-content-trust'],
  ['--cpus', '0.5', '--pids-limit', '7', '--kernel-memory', '64m', '--use-api-socket'],
  ['-p', '80', '-p', '127.0.0.1:8081:81/udp', '-p', '[::1]:8000-8002:90-92', '--expose', '70-72/udp'],
  ['-p', '8000-8005:99', '-p', 'published=8090,target=91,protocol=udp', '-P', '--expose', '7'],
];

daemonSuite('the same flags', (daemon) => {
  for (const flag of ['--cpu-count', '--cpu-percent', '--io-maxbandwidth', '--io-maxiops']) {
    test(`${flag} is for windows, say both`, async () => {
      for (const client of ['docker', 'wherry'] as const) {
        const { code, stderr } = await daemon().run(client, 'create', flag, '1', 'busybox');
        assert.notEqual(code, 0);
        assert.match(stderr, /only supported on a .*daemon running on windows/i);
      }
    });
  }

  test("--use-api-socket gives the daemon's socket, and what is kept for registries", async () => {
    const settings = join(daemon().directory, 'credentials');
    await mkdir(settings);
    const auths = { 'q.test': { auth: btoa('u:'), identitytoken: 'tok' }, 'r.test': { auth: btoa('u:pw') } };
    await writeFile(join(settings, 'config.json'), JSON.stringify({ auths }));
    const env = { ...process.env, DOCKER_CONFIG: settings, DOCKER_HOST: '' };
    const script = 'cat $DOCKER_CONFIG/config.json; stat -c "%a %F" $DOCKER_CONFIG/* /var/run/docker.sock';
    const show = async (client: 'docker' | 'wherry', ...flags: string[]): Promise<string> => {
      const words = ['run', '--rm', '--use-api-socket', ...flags, 'busybox', 'sh', '-c', script];
      return (await exec(daemon().argv(client, ...words), { env })).stdout;
    };
    const [theirs, ours] = [await show('docker'), await show('wherry')];
    const [json = '', modes = ''] = [/^{[^]*}/.exec(ours)?.[0], ours.split('}').at(-1)?.trim()];
    assert.deepEqual(JSON.parse(json), JSON.parse(/^{[^]*}/.exec(theirs)?.[0] ?? ''));
    assert.equal(modes, '600 regular file\n660 socket');
    assert.match(await show('wherry', '-e', 'DOCKER_CONFIG=/x'), /^\d+ socket$/m);
    const { code, stderr } = await exec(
      [built('wherry'), '-H', 'tcp://127.0.0.1:1', ...['create', '--use-api-socket', 'busybox']],
      { env },
    );
    assert.equal(code, 125);
    assert.match(stderr, /can only be used with unix sockets: docker endpoint tcp:\/\/127.0.0.1:1 incompat/);
  });

  test('images --tree shows the names of an image together', async () => {
    await daemon().dockerOk('tag', 'busybox', 'other:name');
    try {
      // Theirs with colours, a warning and a legend in front.
      const table = async (client: 'docker' | 'wherry'): Promise<string[]> => {
        const lines = stripVTControlCharacters(await daemon().runOk(client, 'images', '--tree')).split('\n');
        const rows = lines.slice(lines.findIndex((line) => line.startsWith('IMAGE ')));
        return rows.map((line) => line.trim().replaceAll(/ +/g, ' '));
      };
      const [theirs, ours] = [await table('docker'), await table('wherry')];
      assert.deepEqual(ours, theirs);
      assert.equal(ours.length, 3);
      const { code, stderr } = await daemon().wherry('images', '--tree', '-q');
      assert.deepEqual([code, /--quiet is not yet supported with --tree/.test(stderr)], [1, true]);
    } finally {
      await daemon().dockerOk('rmi', 'other:name');
    }
  });

  for (const flags of FLAGS) {
    test(`make the same container: ${flags.join(' ')}`, async () => {
      const shown = async (client: 'docker' | 'wherry'): Promise<unknown> => {
        const id = await daemon().runOk(client, 'create', ...flags, 'busybox', 'true');
        const { HostConfig, Config } = JSON.parse(
          await daemon().dockerOk('inspect', '-f', '{{json .}}', id),
        ) as {
          HostConfig: Record<string, unknown>;
          Config: Record<string, unknown>;
        };
        return { HostConfig: plain(HostConfig), Config: { ...plain(Config), Hostname: '' } };
      };
      const [ours, theirs] = await Promise.all([shown('wherry'), shown('docker')]);
      assert.deepEqual(ours, theirs);
    });
  }
});

/** An empty list and none ask for the same. */
const plain = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) => value !== null && !(typeof value === 'object' && Object.keys(value).length === 0),
    ),
  );
