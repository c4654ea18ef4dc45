import assert from 'node:assert/strict';
import { readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { requires } from '../lib/requires.ts';
import { openRuntime, type TestRuntime } from '../lib/runtime.ts';
import { OCI_VERSION } from '../../runtime/container/state.ts';
import type { Hook, HookPoint } from '../../runtime/spec.ts';

const NEEDS = requires('root', 'busybox');

const POINTS: readonly HookPoint[] = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
];

const shell = (script: string, more: Partial<Hook> = {}): Hook => ({
  path: '/bin/sh',
  args: ['sh', '-c', script],
  env: ['PATH=/usr/bin:/bin'],
  ...more,
});

/** Appends its point, the network namespace that it is in, and the state that it read; startContainer's is in the root. */
const recording = (runtime: TestRuntime, point: HookPoint): Hook => {
  const file = point === 'startContainer' ? '/tmp/log' : join(runtime.directory, 'log');
  return shell(`echo "${point} $(readlink /proc/self/ns/uts) $(cat)" >>${file}`);
};

interface Entry {
  readonly point: string;
  readonly isInside: boolean;
  readonly state: {
    readonly id: string;
    readonly status: string;
    readonly pid?: number;
    readonly bundle: string;
  };
}

async function entriesOf(file: string, hostNamespace: string): Promise<Entry[]> {
  const text = await readFile(file, 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [point = '', namespace = '', ...rest] = line.split(' ');
      return {
        point,
        isInside: namespace !== hostNamespace,
        state: JSON.parse(rest.join(' ')) as Entry['state'],
      };
    });
}

describe('hooks', NEEDS, () => {
  test('run at their points, in their namespaces, with the state', async () => {
    await using runtime = await openRuntime();
    const hooks = Object.fromEntries(POINTS.map((point) => [point, [recording(runtime, point)]]));
    const bundle = await runtime.bundle('a', { spec: { hooks, annotations: { some: 'thing' } } });
    const host = await readlink('/proc/self/ns/uts');
    const log = join(runtime.directory, 'log');
    const seen = async (): Promise<unknown[]> =>
      (await entriesOf(log, host)).map(({ point, isInside, state }) => [point, isInside, state.status]);

    await runtime.ok('create', '--bundle', bundle, 'a');
    const created = [
      ['prestart', false, 'creating'],
      ['createRuntime', false, 'creating'],
      ['createContainer', true, 'creating'],
    ];
    assert.deepEqual(await seen(), created);
    const { pid } = await runtime.state('a');
    for (const { state } of await entriesOf(log, host)) {
      assert.deepEqual(state, {
        ociVersion: OCI_VERSION,
        id: 'a',
        status: 'creating',
        pid,
        bundle,
        annotations: { some: 'thing' },
      });
    }
    await runtime.ok('start', 'a');
    const inside = await entriesOf(join(runtime.rootfs, 'tmp/log'), host);
    assert.deepEqual(
      inside.map(({ point, isInside, state }) => [point, isInside, state.status, state.pid]),
      [['startContainer', true, 'created', pid]],
    );
    const started = [...created, ['poststart', false, 'running']];
    assert.deepEqual(await seen(), started);
    await runtime.ok('delete', '--force', 'a');
    assert.deepEqual(await seen(), [...started, ['poststop', false, 'stopped']]);
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('run in their order, and none behind one that fails', async () => {
    await using runtime = await openRuntime();
    const log = join(runtime.directory, 'log');
    const say = (word: string): Hook => shell(`echo ${word} >>${log}`);
    const failing = shell(`echo second >>${log}; echo why >&2; exit 3`);
    const hooks = { createRuntime: [say('first'), failing, say('third')], poststop: [say('stopped')] };
    const bundle = await runtime.bundle('a', { spec: { hooks } });
    const { code, stderr } = await runtime.run(['create', '--bundle', bundle, 'a']);
    assert.equal(code, 1);
    assert.match(stderr, /error running createRuntime hook #1: exit status 3, stdout: , stderr: why/);
    assert.equal(await readFile(log, 'utf8'), 'first\nsecond\nstopped\n');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('one that a signal ends', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a', { spec: { hooks: { startContainer: [shell('kill -9 $$')] } } });
    const { code, stderr } = await runtime.run(['run', '--bundle', bundle, 'a']);
    assert.equal(code, 1);
    assert.match(stderr, /error running startContainer hook #0: signal: killed, stdout: , stderr: /);
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('a failure before the program runs leaves nothing', async () => {
    for (const point of ['prestart', 'createRuntime', 'createContainer', 'startContainer'] as const) {
      await using runtime = await openRuntime();
      const bundle = await runtime.bundle('a', {
        args: ['echo', 'ran'],
        spec: { hooks: { [point]: [shell('exit 1')] } },
      });
      const { code, stdout, stderr } = await runtime.run(['run', '--bundle', bundle, 'a']);
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' }, point);
      assert.match(stderr, new RegExp(`error running ${point} hook #0: exit status 1`));
      assert.deepEqual(await runtime.leftovers(), [], point);
    }
  });

  test('a program that is not there', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a', {
      spec: { hooks: { createRuntime: [{ path: '/nonexistent' }] } },
    });
    const { code, stderr } = await runtime.run(['create', '--bundle', bundle, 'a']);
    assert.equal(code, 1);
    assert.match(stderr, /error running createRuntime hook #0: .*nonexistent.*no such file or directory/);
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('a failing poststop is told and stops nothing', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a', {
      args: ['true'],
      spec: { hooks: { poststop: [shell('exit 5'), shell(`echo second >>${runtime.directory}/log`)] } },
    });
    const { code, stderr } = await runtime.run(['run', '--bundle', bundle, 'a']);
    assert.equal(code, 0);
    assert.match(stderr, /level=warning msg="error running poststop hook #0: exit status 5/);
    assert.equal(await readFile(join(runtime.directory, 'log'), 'utf8'), 'second\n');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('one that takes too long is killed', async () => {
    await using runtime = await openRuntime();
    const slow = shell(`exec sleep 1000`, { timeout: 1 });
    const bundle = await runtime.bundle('a', { spec: { hooks: { createRuntime: [slow] } } });
    const { code, stderr } = await runtime.run(['create', '--bundle', bundle, 'a']);
    assert.equal(code, 1);
    assert.match(stderr, /error running createRuntime hook #0: hook ran past specified timeout of 1.0s/);
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('arguments and environment are the hook’s own', async () => {
    await using runtime = await openRuntime();
    const program = join(runtime.directory, 'hook');
    const out = join(runtime.directory, 'out');
    await writeFile(program, `#!/bin/sh\n{ echo "$0" "$@"; echo "<$ONE>"; } >${out}\n`, { mode: 0o755 });
    const hook: Hook = { path: program, args: ['zero', 'a b', 'c'], env: ['ONE=1 2'] };
    await runtime.ok(
      'create',
      '--bundle',
      await runtime.bundle('a', { spec: { hooks: { createRuntime: [hook] } } }),
      'a',
    );
    assert.equal(await readFile(out, 'utf8'), `${program} a b c\n<1 2>\n`);
  });

  test('a hook may be called while it changes what it is given: the root of a created container is its own', async () => {
    await using runtime = await openRuntime();
    const hook = shell(`echo made >${runtime.rootfs}/etc/made`);
    const bundle = await runtime.bundle('a', {
      args: ['cat', '/etc/made'],
      spec: { hooks: { createContainer: [hook] } },
    });
    assert.equal(await runtime.ok('run', '--bundle', bundle, 'a'), 'made');
  });
});
