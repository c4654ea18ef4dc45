import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ended, eventually, execOk } from '../lib/process.ts';
import { dockerPython } from '../lib/requires.ts';
import { rest } from '../lib/rest.ts';
import { clients, daemonSuite } from '../lib/suite.ts';

const MIB = 1024 * 1024;

interface Stats {
  readonly name: string;
  readonly read: string;
  readonly preread: string;
  readonly cpu_stats: Cpu;
  readonly precpu_stats: Cpu;
  readonly memory_stats: { readonly usage: number; readonly limit: number; readonly stats: object };
  readonly pids_stats: { readonly current: number; readonly limit: number };
  readonly blkio_stats: { readonly io_service_bytes_recursive: unknown };
  readonly networks?: Readonly<Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>>;
}

interface Cpu {
  readonly cpu_usage: { readonly total_usage: number };
  readonly system_cpu_usage?: number;
  readonly online_cpus?: number;
}

const ZERO_TIME = '0001-01-01T00:00:00Z';
const PYTHON = `
import docker, sys
c = docker.DockerClient(base_url=sys.argv[1], version='auto', timeout=20).containers.get(sys.argv[2])
stream = c.stats(decode=True)
first, second = next(stream), next(stream)
stream.close()
assert second['precpu_stats']['cpu_usage']['total_usage'] >= first['cpu_stats']['cpu_usage']['total_usage'] > 0
assert second['preread'] == first['read'] < second['read']
once = c.stats(stream=False)
assert once['precpu_stats']['system_cpu_usage'] < once['cpu_stats']['system_cpu_usage']
c.pause(); c.reload(); assert c.status == 'paused', c.status
c.unpause(); c.reload(); assert c.status == 'running', c.status
assert c.top()['Titles'][:2] == ['UID', 'PID']
print('all good')
`;

daemonSuite('stats', (daemon) => {
  const get = async (id: string, query: string): Promise<Stats> => {
    const answer = await rest(daemon().socket, 'GET', { path: `/containers/${id}/stats?${query}` });
    assert.equal(answer.status, 200, answer.text);
    return answer.json<Stats>();
  };
  const run = (script: string, ...flags: string[]): Promise<string> =>
    daemon().dockerOk('run', '-d', '--name', 'used', ...flags, 'busybox', 'sh', '-c', script);

  test('one shot, and two a second apart', async () => {
    const id = await run('while :; do :; done', '-m', '64m', '--pids-limit', '33');
    const one = await get(id, 'stream=0&one-shot=1');
    assert.equal(one.preread, ZERO_TIME);
    assert.equal(one.precpu_stats.cpu_usage.total_usage, 0);
    assert.equal(one.name, '/used');
    assert.equal(one.memory_stats.limit, 64 * MIB);
    assert.ok(one.memory_stats.usage > 0 && 'inactive_file' in one.memory_stats.stats);
    assert.deepEqual([one.pids_stats.limit, one.pids_stats.current > 0], [33, true]);
    const two = await get(id, 'stream=0');
    const cpu = two.cpu_stats.cpu_usage.total_usage - two.precpu_stats.cpu_usage.total_usage;
    const host = (two.cpu_stats.system_cpu_usage ?? 0) - (two.precpu_stats.system_cpu_usage ?? 0);
    assert.ok(cpu > 10_000_000, `used ${cpu} ns`);
    assert.ok(host > 500_000_000 * (two.cpu_stats.online_cpus ?? 0), `the host had ${host} ns`);
    assert.ok(Date.parse(two.read) > Date.parse(two.preread));
  });

  test('networks count what came and went; none on no network', async () => {
    const address = await daemon()
      .dockerOk('run', '-d', 'busybox', 'sleep', '1000')
      .then((id) => daemon().dockerOk('inspect', '-f', '{{.NetworkSettings.IPAddress}}', id));
    const id = await run(`ping -c 3 -s 1000 -A ${address}; sleep 1000`);
    await eventually('it was answered', async () =>
      (await daemon().dockerOk('logs', id)).includes('received'),
    );
    const { networks } = await get(id, 'stream=0&one-shot=1');
    assert.deepEqual(Object.keys(networks ?? {}), ['eth0']);
    assert.ok((networks?.['eth0']?.rx_bytes ?? 0) > 3000 && (networks?.['eth0']?.tx_bytes ?? 0) > 3000);
    const alone = await daemon().dockerOk('run', '-d', '--network', 'none', 'busybox', 'sleep', '1000');
    assert.equal((await get(alone, 'stream=0&one-shot=1')).networks, undefined);
  });

  test('what does not run has nothing; refusals', async () => {
    const id = await daemon().dockerOk('create', 'busybox', 'true');
    const none = await get(id, 'stream=0');
    assert.equal(none.read, ZERO_TIME);
    assert.equal(none.cpu_stats.cpu_usage.total_usage, 0);
    const both = await rest(daemon().socket, 'GET', { path: `/containers/${id}/stats?one-shot=1` });
    assert.match(both.text, /cannot have stream=true and one-shot=true/);
    assert.equal(both.status, 400);
    const unknown = await rest(daemon().socket, 'GET', { path: '/containers/nosuch/stats?stream=0' });
    assert.equal(unknown.status, 404);
  });

  for (const client of clients) {
    test(`${client} stats: once`, async () => {
      await run('x=$(head -c 20m /dev/zero | tr "\\\\0" x); echo ready; while :; do :; done', '-m', '100m');
      await eventually('it is full', async () => (await daemon().dockerOk('logs', 'used')).includes('ready'));
      const table = await daemon().runOk(client, 'stats', '--no-stream');
      const [heading = '', row = '', ...more] = table.split('\n');
      assert.match(
        heading,
        /^CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O +BLOCK I\/O +PIDS ?$/,
      );
      assert.match(row, /^[0-9a-f]{12} +used +\d+\.\d\d% +[\d.]+MiB \/ 100MiB +\d+\.\d\d% .* 1 *$/);
      assert.deepEqual(more, []);
      const format = '{{.Name}} {{.CPUPerc}} {{.MemPerc}} {{.PIDs}}';
      const line = await daemon().runOk(client, 'stats', '--no-stream', '--format', format, 'used');
      const [, cpu = '', memory = ''] = /^used ([\d.]+)% ([\d.]+)% 1$/.exec(line) ?? [];
      assert.ok(Number(cpu) > 5, line);
      assert.ok(Number(memory) > 15, line);
      assert.equal((await daemon().run(client, 'stats', '--no-stream', 'nosuch')).code, 1);
    });

    test(`${client} stats: a stream that many watch`, async () => {
      await run('sleep 1000');
      const children = Array.from({ length: 3 }, () => {
        const child = daemon().spawn(client, 'stats', '--format', '{{.Name}} {{.PIDs}};', 'used');
        const seen = { text: '', child };
        child.stdout?.on('data', (chunk: Buffer) => (seen.text += chunk.toString()));
        return seen;
      });
      await eventually('all see it', async () => children.every(({ text }) => text.includes('used 1;')));
      for (const { child } of children) {
        child.kill('SIGKILL');
        await ended(child);
      }
    });
  }

  test('docker-py: stats, pause, top', async () => {
    const python = dockerPython();
    if (python === undefined) return;
    const id = await run('while :; do :; done');
    assert.equal(
      await execOk([python, '-c', PYTHON, `unix://${daemon().socket}`, id], { cwd: '/' }),
      'all good',
    );
  });
});
