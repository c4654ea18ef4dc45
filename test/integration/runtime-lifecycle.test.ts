import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ended, eventually, start } from '../lib/process.ts';
import { cgroupVersion, requires } from '../lib/requires.ts';
import { openRuntime, type TestRuntime } from '../lib/runtime.ts';

const NEEDS = requires('root', 'busybox');

/** The `msg` of the last line, as containerd reads it. */
const complaint = async (runtime: TestRuntime, ...words: string[]): Promise<string> => {
  const { code, stderr } = await runtime.run(words);
  assert.notEqual(code, 0, words.join(' '));
  return /msg="(.*)"\n$/.exec(stderr)?.[1]?.replaceAll('\\"', '"') ?? stderr;
};

const valueOf = (runtime: TestRuntime, id: string, files: readonly [v1: string, v2: string]): string => {
  const [hierarchy = '', name = ''] = files[0].split('/');
  const path =
    cgroupVersion() === 1
      ? `/sys/fs/cgroup/${hierarchy}${runtime.cgroupParent}/${id}/${name}`
      : `/sys/fs/cgroup${runtime.cgroupParent}/${id}/${files[1]}`;
  return readFileSync(path, 'utf8').trim();
};

const MEMORY = ['memory/memory.limit_in_bytes', 'memory.max'] as const;
const PIDS = ['pids/pids.max', 'pids.max'] as const;

describe('the life of a container', NEEDS, () => {
  test('create, start, kill, delete', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a', { args: ['sh', '-c', 'echo started; exec sleep 1000'] });
    const pidFile = join(runtime.directory, 'pid');
    const created = await runtime.run(['create', '--bundle', bundle, '--pid-file', pidFile, 'a']);
    assert.deepEqual({ code: created.code, stdout: created.stdout }, { code: 0, stdout: '' }, created.stderr);
    const { status, pid, ...rest } = await runtime.state('a');
    assert.equal(status, 'created');
    assert.equal(await readFile(pidFile, 'utf8'), String(pid));
    assert.deepEqual(
      { ...rest, created: '' },
      { ociVersion: '1.3.0', id: 'a', bundle, rootfs: runtime.rootfs, created: '', owner: 'root' },
    );
    assert.match(rest.created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    assert.equal(await readFile(created.output, 'utf8'), '', 'the program waits for start');

    await runtime.ok('start', 'a');
    assert.equal((await runtime.state('a')).status, 'running');
    await eventually('it has started', async () => (await readFile(created.output, 'utf8')) === 'started\n');
    assert.equal(await complaint(runtime, 'start', 'a'), 'cannot start an already running container');
    assert.equal(
      await complaint(runtime, 'delete', 'a'),
      'cannot delete container a that is not stopped: running',
    );
    await runtime.ok('kill', 'a', 'KILL');
    await eventually('it has stopped', async () => (await runtime.state('a')).status === 'stopped');
    assert.equal((await runtime.state('a')).pid, 0);
    assert.equal(await complaint(runtime, 'kill', 'a', '0'), 'container not running');
    await runtime.ok('kill', '--all', 'a', '0');
    assert.equal(await complaint(runtime, 'exec', 'a', 'true'), 'cannot exec in a stopped container');
    assert.equal(await complaint(runtime, 'start', 'a'), 'cannot start a container that has stopped');
    assert.equal(await complaint(runtime, 'pause', 'a'), 'container not running');
    assert.equal(await complaint(runtime, 'update', '--pids-limit', '9', 'a'), 'container not running');
    assert.equal(await complaint(runtime, 'events', 'a'), 'container with id a is not running');
    await runtime.ok('delete', 'a');
    assert.match(await complaint(runtime, 'state', 'a'), /^container does not exist/);
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('a created container is deleted without force, an unknown one with it', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a');
    await runtime.ok('create', '--bundle', bundle, 'a');
    await runtime.ok('delete', 'a');
    assert.deepEqual(await runtime.leftovers(), []);
    await runtime.ok('delete', '--force', 'a');
    assert.match(await complaint(runtime, 'delete', 'a'), /^container does not exist/);
  });

  test('an id is taken once, and is no path', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a');
    await runtime.ok('create', '--bundle', bundle, 'a');
    const before = await runtime.state('a');
    assert.match(
      await complaint(runtime, 'create', '--bundle', bundle, 'a'),
      /container with given ID already exists/,
    );
    assert.deepEqual(await runtime.state('a'), before, 'the one that is there stays');
    for (const id of ['..', '.', 'a/b', '', '../a', 'a b', 'ä'])
      assert.match(
        await complaint(runtime, 'create', '--bundle', bundle, id),
        /invalid container ID format/,
        id,
      );
    for (const verb of ['state', 'start', 'kill', 'delete', 'pause', 'ps', 'events'])
      assert.match(await complaint(runtime, verb, '../state/a'), /invalid container ID format/, verb);
  });

  test('pause, resume, ps', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a', { args: ['sh', '-c', 'sleep 1000 & exec sleep 1001'] });
    await runtime.ok('run', '--detach', '--bundle', bundle, 'a');
    const { pid } = await runtime.state('a');
    const pids = await eventually('both run', async () => {
      const found = JSON.parse(await runtime.ok('ps', '--format', 'json', 'a')) as number[];
      return found.length === 2 ? found : undefined;
    });
    assert.ok(pids.includes(pid));
    const table = (await runtime.ok('ps', 'a')).split('\n');
    assert.match(table[0] ?? '', /^UID +PID/);
    const commands = table.slice(1).map((line) => /sleep \d+$/.exec(line)?.[0]);
    assert.deepEqual(new Set(commands), new Set(['sleep 1000', 'sleep 1001']));
    assert.match(await runtime.ok('ps', 'a', '-o', 'pid,comm'), /^ *PID COMMAND\n(?: *\d+ \w+\n?){2}$/);
    assert.match(await complaint(runtime, 'ps', 'a', '-o', 'comm'), /couldn't find PID field/);
    assert.match(await complaint(runtime, 'ps', '--format', 'xml', 'a'), /invalid format option/);

    assert.equal(await complaint(runtime, 'resume', 'a'), 'container not paused');
    await runtime.ok('pause', 'a');
    assert.equal((await runtime.state('a')).status, 'paused');
    assert.equal(await complaint(runtime, 'pause', 'a'), 'container not running');
    assert.match(await complaint(runtime, 'exec', 'a', 'true'), /^cannot exec in a paused container/);
    await runtime.ok('resume', 'a');
    assert.equal((await runtime.state('a')).status, 'running');
    await runtime.ok('pause', 'a');
    await runtime.ok('kill', 'a', '9');
    await eventually('it is thawed to die', async () => (await runtime.state('a')).status === 'stopped');
    await runtime.ok('delete', 'a');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('a paused container is deleted by force', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a');
    await runtime.ok('run', '--detach', '--bundle', bundle, 'a');
    await runtime.ok('pause', 'a');
    assert.match(await complaint(runtime, 'delete', 'a'), /not stopped: paused/);
    await runtime.ok('delete', '-f', 'a');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('kill --all, and SIGKILL without a pid namespace, end every process', async () => {
    await using runtime = await openRuntime();
    const namespaces = [{ type: 'mount' as const }];
    for (const words of [
      ['kill', '--all', 'a', 'TERM'],
      ['kill', 'a', 'KILL'],
    ]) {
      const bundle = await runtime.bundle('a', {
        args: ['sh', '-c', 'sleep 1000 & exec sleep 1001'],
        linux: { namespaces },
        spec: { hostname: '' },
      });
      await runtime.ok('run', '--detach', '--bundle', bundle, 'a');
      await eventually('both run', async () => (await runtime.ok('ps', '-f', 'json', 'a')).includes(','));
      await runtime.ok(...words);
      await eventually('none is left', async () => (await runtime.ok('ps', '-f', 'json', 'a')) === 'null');
      await runtime.ok('delete', 'a');
    }
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('a container whose init is gone takes what it left along', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a', {
      args: ['sh', '-c', 'sleep 1000 & exec sleep 1001'],
      linux: { namespaces: [{ type: 'mount' }] },
      spec: { hostname: '' },
    });
    await runtime.ok('run', '--detach', '--bundle', bundle, 'a');
    await eventually('both run', async () => (await runtime.ok('ps', '-f', 'json', 'a')).includes(','));
    process.kill((await runtime.state('a')).pid, 'SIGKILL');
    await eventually('it has stopped', async () => (await runtime.state('a')).status === 'stopped');
    await runtime.ok('kill', 'a', 'KILL');
    await eventually('none is left', async () => (await runtime.ok('ps', '-f', 'json', 'a')) === 'null');
    await runtime.ok('delete', '--force', 'a');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('unknown signals', async () => {
    await using runtime = await openRuntime();
    await runtime.ok('create', '--bundle', await runtime.bundle('a'), 'a');
    assert.equal(await complaint(runtime, 'kill', 'a', 'SIGNONE'), 'unknown signal "SIGNONE"');
    for (const signal of ['0', 'cont', 'SIGCONT', '18']) await runtime.ok('kill', 'a', signal);
  });
});

describe('update', NEEDS, () => {
  test('flags change what they name, and the rest stays', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a', {
      linux: { resources: { memory: { limit: 64 << 20 }, pids: { limit: 30 } } },
    });
    await runtime.ok('run', '--detach', '--bundle', bundle, 'a');
    const values = (): readonly string[] => [valueOf(runtime, 'a', MEMORY), valueOf(runtime, 'a', PIDS)];
    assert.deepEqual(values(), [String(64 << 20), '30']);
    await runtime.ok('update', '--memory', '50M', 'a');
    assert.deepEqual(values(), [String(50 << 20), '30']);
    await runtime.ok('update', '--pids-limit', '40', 'a');
    assert.deepEqual(values(), [String(50 << 20), '40']);
    await runtime.ok('update', '--pids-limit', '-1', '--memory', '67108864', 'a');
    assert.deepEqual(values(), [String(64 << 20), 'max']);
    const resources = join(runtime.directory, 'resources.json');
    await writeFile(resources, JSON.stringify({ pids: { limit: 11 }, memory: null }));
    await runtime.ok('update', '--resources', resources, '--pids-limit', '99', 'a');
    assert.deepEqual(values(), [String(64 << 20), '11']);
    const words = ['update', '-r', '-', 'a'];
    const { code, stderr } = await runtime.run(words, {
      input: '{"memory":{"limit":33554432},"pids":{"limit":12}}',
    });
    assert.equal(code, 0, stderr);
    assert.deepEqual(values(), [String(32 << 20), '12']);
    const saved = JSON.parse(await readFile(join(runtime.root, 'a/state.json'), 'utf8')) as {
      spec: { linux: { resources: { memory: { limit: number }; pids: { limit: number } } } };
    };
    const { memory, pids } = saved.spec.linux.resources;
    assert.deepEqual([memory.limit, pids.limit], [32 << 20, 12]);
  });

  test('what can’t be is refused, and changes nothing', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a', { linux: { resources: { pids: { limit: 30 } } } });
    await runtime.ok('run', '--detach', '--bundle', bundle, 'a');
    const cases = [
      [['--memory', 'much'], /invalid value for memory/],
      [['--cpu-period', '-5'], /invalid value for cpu-period/],
      [['--pids-limit', 'x'], /pids-limit/],
      [['--l3-cache-schema', 'L3:0=f'], /Intel RDT\/CAT: l3 cache schema is not enabled/],
      [['--mem-bw-schema', 'MB:0=1'], /Intel RDT\/MBA: memory bandwidth schema is not enabled/],
      [['--resources', '/nonexistent'], /nonexistent/],
      [['--blkio-weight', 'x'], /blkio-weight/],
    ] as const;
    for (const [words, expected] of cases)
      assert.match(await complaint(runtime, 'update', '--pids-limit', '7', ...words, 'a'), expected);
    assert.equal(valueOf(runtime, 'a', PIDS), '30');
  });
});

describe('events', NEEDS, () => {
  test('--stats prints one line', async () => {
    await using runtime = await openRuntime();
    await runtime.ok('run', '--detach', '--bundle', await runtime.bundle('a'), 'a');
    const line = await runtime.ok('events', '--stats', 'a');
    assert.match(line, /^{"type":"stats","id":"a","data":{"cpu":{[^\n]*"network_interfaces":null}}$/);
    const { data } = JSON.parse(line) as { data: { pids: { current: number } } };
    assert.equal(data.pids.current, 1);
    assert.match(await complaint(runtime, 'events', '--interval', '0s', 'a'), /must be greater than 0/);
    assert.match(await complaint(runtime, 'events', '--interval', 'often', 'a'), /invalid duration "often"/);
  });

  test('the stream goes on until the container is gone, and tells when memory was short', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a', {
      linux: { resources: { memory: { limit: 16 << 20, swap: 16 << 20 } } },
    });
    await runtime.ok('run', '--detach', '--bundle', bundle, 'a');
    const events = start(runtime.argv('events', '--interval', '50ms', 'a'), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    events.stdout?.on('data', (data: Buffer) => (text += data.toString()));
    await eventually('two lines of statistics', () => text.split('"type":"stats"').length > 2);
    await runtime.run(['exec', 'a', 'sh', '-c', 'x=0123456789abcdef; while :; do x=$x$x; done']);
    await eventually('the lack of memory is told', () => text.includes('{"type":"oom","id":"a"}\n'));
    await runtime.ok('delete', '--force', 'a');
    assert.equal(await ended(events), 0);
    assert.deepEqual(await runtime.leftovers(), []);
  });
});

describe('list', NEEDS, () => {
  test('tables, JSON, ids; a state that can’t be read spoils nothing', async () => {
    await using runtime = await openRuntime();
    assert.match(await complaint(runtime, 'list'), /no such file or directory/);
    await mkdir(runtime.root);
    assert.equal(await runtime.ok('list', '--format', 'json'), 'null');
    assert.match(await runtime.ok('list'), /^ID +PID +STATUS +BUNDLE +CREATED +OWNER$/);
    for (const id of ['b', 'a']) await runtime.ok('create', '--bundle', await runtime.bundle(id), id);
    await mkdir(join(runtime.root, 'damaged'));
    await writeFile(join(runtime.root, 'damaged/state.json'), '{"id":');
    await mkdir(join(runtime.root, 'empty'));
    assert.equal(await runtime.ok('list', '-q'), 'a\nb');
    const states = JSON.parse(await runtime.ok('list', '-f', 'json')) as { id: string; status: string }[];
    assert.deepEqual(
      states.map(({ id, status }) => [id, status]),
      [
        ['a', 'created'],
        ['b', 'created'],
      ],
    );
    const [, first = ''] = (await runtime.ok('list')).split('\n');
    assert.match(first, /^a {11}\d+ +created {5}\/tmp\/\S+ {3}\d{4}-\S+Z {3}root$/);
    assert.match(await complaint(runtime, 'list', '-f', 'xml'), /invalid format option/);
    assert.match(
      await complaint(runtime, 'delete', '--force', 'damaged'),
      /Cannot read the state of container damaged/,
      'what it had can’t be known',
    );
    await rm(join(runtime.root, 'damaged'), { recursive: true });
    for (const id of await readdir(runtime.root)) await runtime.ok('delete', '--force', id);
    assert.deepEqual(await runtime.leftovers(), []);
  });
});

describe('several commands at once', NEEDS, () => {
  test('one of many creates wins, and the rest leave it alone', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a');
    const results = await Promise.all(
      Array.from({ length: 5 }, async () => runtime.run(['create', '--bundle', bundle, 'a'])),
    );
    assert.equal(results.filter(({ code }) => code === 0).length, 1);
    for (const { stderr } of results.filter(({ code }) => code !== 0))
      assert.match(stderr, /container with given ID already exists/);
    assert.equal((await runtime.state('a')).status, 'created');
    await runtime.ok('delete', '--force', 'a');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('one of many starts wins', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a', { args: ['sh', '-c', 'echo started; exec sleep 1000'] });
    const { output } = await runtime.run(['create', '--bundle', bundle, 'a']);
    const results = await Promise.all(Array.from({ length: 4 }, async () => runtime.run(['start', 'a'])));
    assert.equal(results.filter(({ code }) => code === 0).length, 1);
    await eventually('it has started', async () => (await readFile(output, 'utf8')) === 'started\n');
  });

  test('deleting while others do the same, start, exec or kill', async () => {
    await using runtime = await openRuntime();
    for (let round = 0; round < 3; round += 1) {
      await runtime.ok('create', '--bundle', await runtime.bundle('a'), 'a');
      const commands = [
        ['delete', '-f', 'a'],
        ['start', 'a'],
        ['exec', 'a', 'true'],
        ['delete', '-f', 'a'],
        ['kill', 'a'],
      ];
      const results = await Promise.all(commands.map(async (words) => runtime.run(words)));
      assert.deepEqual(
        [results[0]?.code, results[3]?.code],
        [0, 0],
        `${results[0]?.stderr}${results[3]?.stderr}`,
      );
      assert.deepEqual(await runtime.leftovers(), []);
    }
  });
});
