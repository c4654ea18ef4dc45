import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { ConnectError, createClient } from '@connectrpc/connect';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Tasks } from '../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';
import type { MountSchema } from '../../daemon/api/containerd/gen/containerd/types/mount_pb.ts';
import { containerdTransport } from '../lib/containerd-client.ts';
import { startDaemon } from '../lib/daemon.ts';
import { openBench, type Bench } from '../lib/dropin.ts';
import { removeCgroups } from '../lib/owned.ts';
import { requires } from '../lib/requires.ts';

type Mount = MessageInitShape<typeof MountSchema>;

interface Place {
  readonly bench: Bench;
  /** Makes a task of these mounts that says what it sees, and takes it away. Returns what it said. */
  readonly see: (rootfs: Mount[]) => Promise<string>;
  readonly leftovers: () => Promise<string[]>;
}

/** Looks at the root, and writes into it. */
const SCRIPT = 'ls /; echo new > /new || echo read-only';

async function open(t: TestContext): Promise<Place> {
  const bench = await openBench();
  t.after(() => bench[Symbol.asyncDispose]());
  const daemon = await startDaemon(t, { busybox: false });
  const address = join(daemon.execRoot, 'containerd.sock');
  const namespace = bench.directory.slice('/tmp/'.length);
  t.after(() => removeCgroups(`/${namespace}`));
  const words = ['-n', namespace, 'containers', 'create', '--rootfs', bench.rootfs, 'box'];
  await writeFile(join(bench.rootfs, 'bin/see'), SCRIPT);
  const made = await bench.run(['ctr', '-a', address, ...words, '/bin/sh', '/bin/see']);
  assert.equal(made.code, 0, made.stderr);
  await daemon.mark();
  const tasks = createClient(Tasks, containerdTransport(address, namespace));
  const output = join(bench.directory, 'output');
  const see = async (rootfs: Mount[]): Promise<string> => {
    await writeFile(output, '');
    await tasks.create({ containerId: 'box', rootfs, stdout: `file://${output}` });
    await tasks.start({ containerId: 'box' });
    await tasks.wait({ containerId: 'box' });
    const said = await readFile(output, 'utf8');
    await tasks.delete({ containerId: 'box' });
    return said;
  };
  return { bench, see, leftovers: () => daemon.leftovers() };
}

const bind = (source: string, ...options: string[]): Mount => ({
  ...{ type: 'bind', source },
  options: ['rbind', ...options],
});

describe("mounts of a task's root", requires('root', 'ctr', 'unshare', 'busybox', 'overlay'), () => {
  test('of any kind and number, the last on top; nothing of them is left', async (t) => {
    const { bench, see, leftovers } = await open(t);
    const at = (name: string): string => join(bench.directory, name);
    for (const name of ['empty', 'first', 'upper', 'work', 'one', 'a:b'])
      await mkdir(at(name), { recursive: true });
    for (const name of ['first', 'one', 'a:b']) await writeFile(join(at(name), `of-${name}`), '');
    const usual = 'bin\ndev\netc\nproc\nrun\nsys\ntmp\n';
    assert.equal(await see([bind(bench.rootfs, 'ro')]), `${usual}read-only\n`);
    assert.equal(await see([bind(at('empty')), bind(bench.rootfs, 'ro')]), `${usual}read-only\n`);
    const layers = ['one', 'a\\:b'].map(at).join(':');
    const lower = `lowerdir=${layers}:${bench.rootfs}`;
    const own = [`upperdir=${at('upper')}`, `workdir=${at('work')}`];
    const withLayers = usual.replace('proc', 'of-a:b\nof-one\nproc');
    const overlay = (...options: string[]): Mount => ({ type: 'overlay', source: 'overlay', options });
    assert.equal(await see([overlay('index=off', ...own, lower)]), withLayers);
    assert.equal(await readFile(join(at('upper'), 'new'), 'utf8'), 'new\n');
    // What no plan's step says is the kernel's to understand.
    const again = withLayers.replace('of-a', 'new\nof-a');
    assert.equal(await see([bind(at('empty')), overlay('xino=off', ...own, lower)]), again);
    assert.equal(await see([overlay('ro', 'index=off', ...own, lower)]), `${again}read-only\n`);
    assert.equal(await see([overlay(lower)]), `${withLayers}read-only\n`);
    assert.deepEqual(await leftovers(), []);
  });

  test('that are none are refused, and nothing is left', async (t) => {
    const { bench, see, leftovers } = await open(t);
    const overlay = (...options: string[]): Mount => ({ type: 'overlay', source: 'overlay', options });
    const wrong: readonly (readonly [Mount[], RegExp])[] = [
      [[overlay('upperdir=/a')], /invalid_argument.*overlay without lowerdir/],
      [[overlay('lowerdir=/nowhere/at/all')], /internal|unknown.*overlay.*/],
      [[bind('/nowhere')], /bind "\/nowhere"/],
      [[overlay(`lowerdir=${bench.rootfs}`, 'nonsense=1')], /EINVAL|invalid argument/i],
      [[bind(bench.rootfs), { type: 'tmpfs', source: 'tmpfs', options: ['size=1m'] }], /\/bin\/sh/],
      [[{ type: 'nosuch', source: 'x', options: [] }], /nosuch/],
    ];
    for (const [mounts, expected] of wrong)
      await assert.rejects(see(mounts), (error) => {
        assert.match(ConnectError.from(error).message, expected);
        return true;
      });
    assert.deepEqual(await leftovers(), []);
  });
});
