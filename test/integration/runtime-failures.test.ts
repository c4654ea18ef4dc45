import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ended, eventually, start } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { openRuntime, type Change } from '../lib/runtime.ts';

const NEEDS = requires('root', 'busybox');

/** Where `create` may be killed, in its order. */
const PLACES = [
  'create.directory',
  'create.saved',
  'create.forked',
  'create.identified',
  'create.root',
  'create.terminal',
  'create.ready',
] as const;

/** Passes every place: a terminal, a hook. */
const EVERYTHING: Change = {
  process: { terminal: true },
  spec: { hooks: { createRuntime: [{ path: '/bin/true' }] } },
};

describe('configurations that can’t be', NEEDS, () => {
  const NAMESPACES = [{ type: 'mount' as const }, { type: 'pid' as const }];
  const cases: readonly (readonly [what: string, change: Change, expected: RegExp])[] = [
    ['no arguments', { args: [] }, /args/],
    ['a relative working directory', { process: { cwd: 'tmp' } }, /[cC]wd/],
    ['a root that is not there', { spec: { root: { path: '/nonexistent' } } }, /invalid rootfs/],
    ['a version of another kind', { spec: { ociVersion: '2.0.0' } }, /ociVersion/],
    ['a namespace twice', { linux: { namespaces: [...NAMESPACES, { type: 'pid' }] } }, /namespace/],
    ['a hostname without a namespace', { linux: { namespaces: NAMESPACES } }, /hostname|uts/i],
    [
      'a relative mount',
      { spec: { mounts: [{ destination: '/x', type: 'bind', source: '/nonexistent', options: ['bind'] }] } },
      /nonexistent/,
    ],
    [
      'an unknown seccomp action',
      { linux: { seccomp: { defaultAction: 'SCMP_ACT_NONE' } } },
      /SCMP_ACT_NONE/,
    ],
    ['a sysctl of the host', { linux: { sysctl: { 'kernel.panic': '1' } } }, /kernel\.panic/],
  ];
  for (const [what, change, expected] of cases) {
    test(what, async () => {
      await using runtime = await openRuntime();
      const bundle = await runtime.bundle('a', change);
      const { code, stderr } = await runtime.run(['create', '--bundle', bundle, 'a']);
      assert.equal(code, 1);
      assert.match(stderr, expected);
      assert.deepEqual(await runtime.leftovers(), []);
    });
  }

  test('no file, and one that is no JSON', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a');
    const missing = await runtime.run(['create', '--bundle', runtime.directory, 'a']);
    assert.match(missing.stderr, /JSON specification file .*config\.json not found/);
    await writeFile(join(bundle, 'config.json'), '{"ociVersion":');
    const broken = await runtime.run(['create', '--bundle', bundle, 'a']);
    assert.match(broken.stderr, /Cannot read .*config\.json/);
    assert.deepEqual([missing.code, broken.code], [1, 1]);
    assert.deepEqual(await runtime.leftovers(), []);
  });
});

describe('what is said of a failure', NEEDS, () => {
  test('the last line of a JSON log has it, and stderr too', async () => {
    await using runtime = await openRuntime();
    const log = join(runtime.directory, 'log.json');
    const { code, stderr } = await runtime.run(['--log', log, '--log-format', 'json', 'state', 'none']);
    assert.equal(code, 1);
    assert.equal(stderr, 'container does not exist: none\n');
    const last = (await readFile(log, 'utf8')).trim().split('\n').at(-1) ?? '';
    const { level, msg, time } = JSON.parse(last) as { level: string; msg: string; time: string };
    assert.deepEqual({ level, msg }, { level: 'error', msg: 'container does not exist: none' });
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  test('usage', async () => {
    await using runtime = await openRuntime();
    const cases = [
      [['nosuch'], 3, /No help topic for 'nosuch'/],
      [['state'], 1, /requires exactly 1 argument/],
      [['state', 'a', 'b'], 1, /requires exactly 1 argument/],
      [['kill'], 1, /requires a minimum of 1 argument/],
      [['kill', 'a', 'KILL', 'x'], 1, /requires a maximum of 2 argument/],
      [['--nosuch', 'list'], 1, /Incorrect Usage/],
      [['list', '--nosuch'], 1, /unknown flag: --nosuch/],
      [['--log-format', 'xml', 'list'], 1, /invalid log-format/],
      [['--cgroup-manager', 'none', 'list'], 1, /unknown cgroup manager/],
    ] as const;
    for (const [words, code, expected] of cases) {
      const result = await runtime.run(words);
      assert.equal(result.code, code, words.join(' '));
      assert.match(result.stderr, expected);
    }
  });
});

describe('a create that is killed', NEEDS, () => {
  for (const place of PLACES) {
    test(`at ${place}, delete --force removes the rest`, async () => {
      await using runtime = await openRuntime();
      const bundle = await runtime.bundle('a', EVERYTHING);
      const socket = join(runtime.directory, 'socket');
      const server = start(
        ['python3', new URL('../lib/receiver.py', import.meta.url).pathname, socket, 'terminal'],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      await new Promise((resolve) => server.stdout?.once('data', resolve));
      const words = ['create', '--bundle', bundle, '--console-socket', socket, 'a'];
      const { code, stderr } = await runtime.run(words, { env: { WHERRY_FAILPOINTS: `${place}=kill` } });
      assert.equal(code, 137, stderr);
      // Its container is not there for anybody, and not in anybody's way.
      assert.notEqual((await runtime.run(['start', 'a'])).code, 0);
      assert.equal((await runtime.run(['list'])).code, 0);
      await runtime.ok('delete', '--force', 'a');
      server.kill('SIGKILL');
      await ended(server);
      // A process of the plan that met nobody ends by itself.
      await eventually('nothing is left', async () => (await runtime.leftovers()).length === 0).catch(
        async () => assert.deepEqual(await runtime.leftovers(), []),
      );
      await runtime.ok('create', '--bundle', await runtime.bundle('a'), 'a');
    });

    test(`at ${place}, a failure leaves nothing`, async () => {
      await using runtime = await openRuntime();
      const { process: _, ...change } = EVERYTHING;
      if (place === 'create.terminal') return;
      const bundle = await runtime.bundle('a', change);
      const options = { env: { WHERRY_FAILPOINTS: `${place}=error` } };
      const { code, stderr } = await runtime.run(['create', '--bundle', bundle, 'a'], options);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`failpoint ${place}`));
      assert.deepEqual(await runtime.leftovers(), []);
    });
  }

  test('deleted by force while it is made, it leaves nothing', async () => {
    for (const place of ['create.directory', 'create.saved', 'create.forked', 'create.root']) {
      await using runtime = await openRuntime();
      const { process: _, ...change } = EVERYTHING;
      const bundle = await runtime.bundle('a', change);
      const create = runtime.run(['create', '--bundle', bundle, 'a'], {
        env: { WHERRY_FAILPOINTS: `${place}=sleep(1500)` },
      });
      await eventually('it has begun', async () => (await runtime.leftovers()).length > 1);
      await runtime.ok('delete', '--force', 'a');
      await create;
      await eventually('nothing is left', async () => (await runtime.leftovers()).length === 0).catch(
        async () => assert.deepEqual(await runtime.leftovers(), [], place),
      );
    }
  });
});

describe('cgroups that are in use', NEEDS, () => {
  test('are refused, and left alone', async () => {
    await using runtime = await openRuntime();
    await runtime.ok('create', '--bundle', await runtime.bundle('a'), 'a');
    const cgroupsPath = `${runtime.cgroupParent}/a`;
    const { code, stderr } = await runtime.run([
      'create',
      '--bundle',
      await runtime.bundle('b', { linux: { cgroupsPath } }),
      'b',
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /container's cgroup is not empty: 1 process/);
    assert.equal((await runtime.state('a')).status, 'created');
    await runtime.ok('delete', 'a');
    assert.deepEqual(await runtime.leftovers(), []);
  });
});

describe('spec and features', NEEDS, () => {
  test('spec writes a configuration once, that runs', async () => {
    await using runtime = await openRuntime();
    const { directory } = runtime;
    await runtime.ok('spec', '--bundle', directory);
    const path = join(directory, 'config.json');
    const text = await readFile(path, 'utf8');
    const again = await runtime.run(['spec', '--bundle', directory]);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /File config.json exists. Remove it first/);
    assert.equal(await readFile(path, 'utf8'), text);
    const config = JSON.parse(text) as {
      process: { terminal: boolean; args: string[] };
      linux: { cgroupsPath?: string };
    };
    config.process.terminal = false;
    config.process.args = ['/bin/echo', 'ran'];
    config.linux.cgroupsPath = `${runtime.cgroupParent}/a`;
    await writeFile(path, JSON.stringify(config));
    assert.equal(await runtime.ok('run', '--bundle', directory, 'a'), 'ran');
  });

  test('spec --plan prints the steps and takes none', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a');
    const plan = await runtime.ok('spec', '--plan', '--bundle', bundle, 'a');
    assert.match(plan, /^ +0 mkdirat\(/);
    assert.match(plan, /pivot_root/);
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('features, version and help', async () => {
    await using runtime = await openRuntime();
    const features = JSON.parse(await runtime.ok('features')) as { ociVersionMin: string; hooks: string[] };
    assert.equal(features.ociVersionMin, '1.0.0');
    assert.equal(features.hooks.length, 6);
    assert.match(await runtime.ok('--version'), /^\S+ version \S+\ncommit: .*\nspec: \d+\.\d+\.\d+/);
    assert.match(await runtime.ok('--help'), /create[^]*update/);
    assert.match(await runtime.ok('update', '--help'), /--memory/);
  });
});
