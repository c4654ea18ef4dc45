import assert from 'node:assert/strict';
import { chownSync } from 'node:fs';
import { chmod, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { eventually, start } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { openRuntime, type TestRuntime } from '../lib/runtime.ts';
import type { NamespaceType } from '../../runtime/spec.ts';

const NEEDS = requires('root', 'busybox');
const TYPES: readonly NamespaceType[] = ['pid', 'mount', 'uts', 'ipc', 'network', 'cgroup'];
const fresh = (...types: NamespaceType[]): { type: NamespaceType }[] => types.map((type) => ({ type }));
const FILES: Readonly<Record<string, string>> = { mount: 'mnt', network: 'net' };
const fileOf = (type: string): string => FILES[type] ?? type;

const MAPPINGS = {
  uidMappings: [
    { containerID: 0, hostID: 100_000, size: 10 },
    { containerID: 10, hostID: 200_000, size: 60_000 },
  ],
  gidMappings: [{ containerID: 0, hostID: 300_000, size: 65_536 }],
};

/** The root belongs to the mapped root, and whoever is mapped finds the way to it. */
async function handOver(runtime: TestRuntime): Promise<void> {
  await chmod(runtime.directory, 0o711);
  chownSync(runtime.rootfs, 100_000, 300_000);
  chownSync(join(runtime.rootfs, 'tmp'), 100_000, 300_000);
}

/** A process with namespaces of its own. */
async function namespaceKeeper(t: TestContext, ...flags: string[]): Promise<number> {
  const child = start(['unshare', ...flags, 'sh', '-c', 'echo; exec sleep 1000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return child.pid ?? 0;
}

describe('namespaces', NEEDS, () => {
  test('those that are asked for are made, the others are the host’s', async () => {
    await using runtime = await openRuntime();
    const cases = [TYPES, ['mount'], ['mount', 'uts'], ['mount', 'pid', 'network']] as const;
    for (const types of cases) {
      const bundle = await runtime.bundle('a', {
        linux: { namespaces: fresh(...types) },
        spec: types.some((type) => type === 'uts') ? {} : { hostname: '' },
      });
      await runtime.ok('run', '-d', '--bundle', bundle, 'a');
      const { pid } = await runtime.state('a');
      for (const type of TYPES) {
        const [inside, host] = await Promise.all(
          [pid, 'self'].map(async (of) => readlink(`/proc/${of}/ns/${fileOf(type)}`)),
        );
        assert.equal(
          inside !== host,
          types.some((each) => each === type),
          `${types.join()}: ${type}`,
        );
      }
      await runtime.ok('delete', '-f', 'a');
    }
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('by path they are joined', async (t) => {
    await using runtime = await openRuntime();
    const keeper = await namespaceKeeper(t, '--uts', '--ipc', '--net', '--cgroup');
    const joined = (['uts', 'ipc', 'network'] as const).map((type) => ({
      type,
      path: `/proc/${keeper}/ns/${fileOf(type)}`,
    }));
    const bundle = await runtime.bundle('a', {
      linux: { namespaces: [...fresh('mount', 'pid'), ...joined] },
      spec: { hostname: '' },
    });
    await runtime.ok('run', '-d', '--bundle', bundle, 'a');
    const { pid } = await runtime.state('a');
    for (const { type, path } of joined)
      assert.equal(await readlink(`/proc/${pid}/ns/${fileOf(type)}`), await readlink(path), type);
    const script = 'readlink /proc/self/ns/uts';
    assert.equal(await runtime.ok('exec', 'a', 'sh', '-c', script), await readlink(joined[0]?.path ?? ''));
  });

  test('a pid namespace by path', async () => {
    await using runtime = await openRuntime();
    await runtime.ok('run', '-d', '--bundle', await runtime.bundle('one'), 'one');
    const { pid } = await runtime.state('one');
    const namespaces = [...fresh('mount'), { type: 'pid' as const, path: `/proc/${pid}/ns/pid` }];
    const two = await runtime.bundle('two', {
      args: ['sh', '-c', 'cat /proc/1/comm; exec sleep 1001'],
      linux: { namespaces },
      spec: { hostname: '' },
    });
    const { output } = await runtime.run(['run', '-d', '--bundle', two, 'two']);
    await eventually(
      'it sees the other’s first process',
      async () => (await readFile(output, 'utf8')) === 'sleep\n',
    );
    await runtime.ok('kill', 'two', 'KILL');
    await eventually('it has stopped', async () => (await runtime.state('two')).status === 'stopped');
    assert.equal((await runtime.state('one')).status, 'running');
    await runtime.ok('delete', 'two');
    await runtime.ok('delete', '--force', 'one');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('one that is not there, or of another kind', async (t) => {
    await using runtime = await openRuntime();
    const keeper = await namespaceKeeper(t, '--uts');
    for (const path of ['/nonexistent', `/proc/${keeper}/ns/net`, '/etc/passwd']) {
      const namespaces = [...fresh('mount', 'pid'), { type: 'uts' as const, path }];
      const bundle = await runtime.bundle('a', { linux: { namespaces }, spec: { hostname: '' } });
      const { code } = await runtime.run(['run', '-d', '--bundle', bundle, 'a']);
      assert.equal(code, 1, path);
      assert.deepEqual(await runtime.leftovers(), []);
    }
  });

  test('hostname and domainname', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a', {
      args: ['sh', '-c', 'hostname; cat /proc/sys/kernel/domainname'],
      spec: { hostname: 'here', domainname: 'example.org' },
    });
    assert.equal(await runtime.ok('run', '--bundle', bundle, 'a'), 'here\nexample.org');
  });

  test('offsets of a time namespace', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a', {
      args: ['sh', '-c', 'cut -d. -f1 /proc/uptime; exec sleep 1000'],
      linux: {
        namespaces: fresh('mount', 'pid', 'time'),
        timeOffsets: { boottime: { secs: 1_000_000_000, nanosecs: 0 }, monotonic: { secs: 5, nanosecs: 1 } },
      },
      spec: { hostname: '' },
    });
    const { output } = await runtime.run(['run', '-d', '--bundle', bundle, 'a']);
    await eventually('it has told', async () => Number(await readFile(output, 'utf8')) > 1_000_000_000);
    const { pid } = await runtime.state('a');
    assert.match(
      await readFile(`/proc/${pid}/timens_offsets`, 'utf8'),
      /^monotonic +5 +1\nboottime +1000000000 +0\n$/,
    );
    assert.ok(Number(await runtime.ok('exec', 'a', 'cut', '-d.', '-f1', '/proc/uptime')) > 1_000_000_000);
  });
});

describe('user namespaces', NEEDS, () => {
  const linux = { namespaces: fresh('user', ...TYPES), ...MAPPINGS };

  test('ids are mapped, for the first process and for a further one', async () => {
    await using runtime = await openRuntime();
    await handOver(runtime);
    const bundle = await runtime.bundle('a', {
      args: ['sh', '-c', 'id; cat /proc/self/uid_map /proc/self/gid_map; echo x >/tmp/made; exec sleep 1000'],
      linux,
    });
    const { code, output, stderr } = await runtime.run(['run', '-d', '--bundle', bundle, 'a']);
    assert.equal(code, 0, stderr);
    const text = await eventually('it has told', async () => {
      const read = await readFile(output, 'utf8');
      return read.split('\n').length === 5 ? read : undefined;
    });
    assert.deepEqual(
      text
        .trim()
        .split('\n')
        .map((line) => line.trim().replace(/ +/g, ' ')),
      ['uid=0 gid=0', '0 100000 10', '10 200000 60000', '0 300000 65536'],
    );
    const { pid } = await runtime.state('a');
    assert.match(await readFile(`/proc/${pid}/status`, 'utf8'), /^Uid:\t100000\t/m);
    const made = await stat(join(runtime.rootfs, 'tmp/made'));
    assert.deepEqual([made.uid, made.gid], [100_000, 300_000]);
    assert.equal(await runtime.ok('exec', 'a', 'id', '-u'), '0');
    assert.equal(await runtime.ok('exec', '--user', '11:12', 'a', 'sh', '-c', 'id -u; id -g'), '11\n12');
    await runtime.ok('exec', '-d', '--user', '11:12', 'a', 'sleep', '1001');
    const pids = JSON.parse(await runtime.ok('ps', '-f', 'json', 'a')) as number[];
    const other = pids.find((each) => each !== pid) ?? 0;
    assert.match(await readFile(`/proc/${other}/status`, 'utf8'), /^Uid:\t200001\t.*\n^Gid:\t300012\t/m);
    await runtime.ok('delete', '-f', 'a');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('an id that is not mapped', async () => {
    await using runtime = await openRuntime();
    await handOver(runtime);
    const bundle = await runtime.bundle('a', { linux, process: { user: { uid: 70_000, gid: 0 } } });
    const { code, stderr } = await runtime.run(['run', '-d', '--bundle', bundle, 'a']);
    assert.equal(code, 1);
    assert.match(stderr, /unmapped uid 70000|70000/);
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('by path, another container’s is joined', async () => {
    await using runtime = await openRuntime();
    await handOver(runtime);
    await runtime.ok('run', '-d', '--bundle', await runtime.bundle('one', { linux }), 'one');
    const { pid } = await runtime.state('one');
    const namespaces = [
      ...fresh('mount', 'pid', 'uts', 'cgroup'),
      ...(['user', 'network', 'ipc'] as const).map((type) => ({
        type,
        path: `/proc/${pid}/ns/${fileOf(type)}`,
      })),
    ];
    await runtime.ok('run', '-d', '--bundle', await runtime.bundle('two', { linux: { namespaces } }), 'two');
    const { pid: second } = await runtime.state('two');
    for (const type of ['user', 'net'])
      assert.equal(await readlink(`/proc/${second}/ns/${type}`), await readlink(`/proc/${pid}/ns/${type}`));
    assert.equal(await runtime.ok('exec', 'two', 'id', '-u'), '0');
    for (const id of ['one', 'two']) await runtime.ok('delete', '-f', id);
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('a created one is started, paused and killed as any', async () => {
    await using runtime = await openRuntime();
    await handOver(runtime);
    await runtime.ok('create', '--bundle', await runtime.bundle('a', { linux }), 'a');
    assert.equal((await runtime.state('a')).status, 'created');
    await runtime.ok('start', 'a');
    await runtime.ok('pause', 'a');
    await runtime.ok('resume', 'a');
    await runtime.ok('kill', 'a', 'KILL');
    await eventually('it has stopped', async () => (await runtime.state('a')).status === 'stopped');
    await runtime.ok('delete', 'a');
    assert.deepEqual(await runtime.leftovers(), []);
  });
});
