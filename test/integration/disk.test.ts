import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { built } from '../lib/clients.ts';
import { startDaemon } from '../lib/daemon.ts';
import { dockerArchive, layer } from '../lib/image-archives.ts';
import { exec, eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

const KIB = 1024;
const base = layer({ name: 'base', data: Buffer.alloc(300 * KIB, 'b') });
const archiveOf = (name: string): Buffer =>
  dockerArchive({
    layers: [base, layer({ name, data: Buffer.alloc(200 * KIB, name) })],
    config: { Cmd: [`/${name}`], Labels: { name } },
    tags: [`${name}:1`],
  });

interface Verified {
  readonly ExpectedBytes: number;
  readonly ActualBytes: number;
  readonly Orphans: readonly string[];
  readonly Missing: readonly string[];
}

const DAEMON = requires('root', 'docker-client', 'nftables', 'overlay', 'unshare');

daemonSuite('disk', (daemon) => {
  const load = async (name: string): Promise<void> => {
    const { code, stderr } = await exec(daemon().argv('docker', 'load'), { input: archiveOf(name) });
    assert.equal(code, 0, stderr);
  };
  const ask = async <T>(path: string): Promise<T> => (await rest(daemon().socket, 'GET', { path })).json<T>();
  const verified = async (): Promise<void> => {
    const found = await ask<Verified>('/wherry/system/verify');
    assert.deepEqual([found.Orphans, found.Missing, found.ActualBytes], [[], [], found.ExpectedBytes]);
  };

  test('df tells what images and containers take; the account is what a walk finds', async () => {
    await load('one');
    await load('two');
    await daemon().dockerOk(
      'run',
      '--name',
      'writer',
      'busybox',
      'dd',
      'if=/dev/zero',
      'of=/x',
      'bs=1k',
      'count=70',
    );
    const usage = await ask<{
      LayersSize: number;
      Images: { RepoTags: string[]; SharedSize: number; Size: number }[];
      Containers: { SizeRw: number; SizeRootFs: number }[];
    }>('/system/df');
    const one = usage.Images.find(({ RepoTags }) => RepoTags.includes('one:1'));
    assert.deepEqual([one?.SharedSize, one?.Size], [300 * KIB, 500 * KIB]);
    const busybox = usage.Images.find(({ RepoTags }) => RepoTags.includes('busybox:latest'));
    assert.equal(usage.LayersSize, 700 * KIB + (busybox?.Size ?? 0));
    assert.deepEqual(
      usage.Containers.map(({ SizeRw, SizeRootFs }) => [SizeRw, SizeRootFs]),
      [[70 * KIB, 70 * KIB + (busybox?.Size ?? 0)]],
    );
    assert.match(await daemon().dockerOk('system', 'df'), /^Images +3 +1 /m);
    await verified();
    await daemon().dockerOk('rm', 'writer');
    await daemon().dockerOk('rmi', 'one:1', 'two:1');
    await verified();
  });

  test('a prune leaves what containers use, and pins', async () => {
    for (const name of ['one', 'two', 'three']) await load(name);
    await daemon().dockerOk('create', '--name', 'user', 'one:1');
    assert.equal((await daemon().run('wherry', 'image', 'pin', 'two:1')).code, 0);
    const pruned = await daemon().dockerOk('image', 'prune', '-af', '--filter', 'label=name');
    assert.match(pruned, /untagged: three:1/i);
    const left = await daemon().dockerOk('images', '--format', '{{.Repository}}');
    assert.deepEqual(left.split('\n').toSorted(), ['busybox', 'one', 'two']);
    await daemon().dockerOk('rm', 'user');
    await daemon().dockerOk('rmi', 'one:1', 'two:1');
    await verified();
  });

  test('check repairs a layer below a stopped container, and not below a running one', async () => {
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    const format = '{{.GraphDriver.Data.UpperDir}}';
    const directory = await daemon().dockerOk('image', 'inspect', '-f', format, 'busybox');
    rmSync(join(directory, 'bin/ls'));
    const told = await daemon().run('wherry', 'system', 'check', '--repair');
    assert.equal(told.code, 1);
    assert.match(told.stdout, /"bin\/ls" is missing; a running container has it mounted/);
    await daemon().dockerOk('kill', id);
    const repaired = await daemon().run('wherry', 'system', 'check', '--repair');
    assert.deepEqual([repaired.code, repaired.stderr], [0, ''], repaired.stdout);
    assert.equal((await daemon().run('wherry', 'system', 'check')).stdout, 'No damage was found\n');
    // The container that was made before has the new layer.
    await daemon().dockerOk('start', id);
    assert.match(await daemon().dockerOk('exec', id, 'ls', '/bin/ls'), /^\/bin\/ls$/);
    await daemon().dockerOk('rm', '-f', id);
    await daemon().stop();
    await daemon().restart();
    assert.match(await daemon().dockerOk('run', '--rm', 'busybox', 'ls', '/bin/ls'), /^\/bin\/ls$/);
    await verified();
    // The layer has another directory for good: that is no leftover.
    await daemon().mark();
  });
});

test('above the high mark the daemon removes unused images by itself', DAEMON, async (t) => {
  // This disk is fuller than that.
  const args = ['--image-gc-high', '1', '--image-gc-low', '0'];
  await using daemon = await startDaemon(t, { busybox: false, args });
  for (const name of ['one', 'two', 'three']) {
    await exec(daemon.argv('docker', 'load'), { input: archiveOf(name) });
  }
  await daemon.dockerOk('create', '--name', 'user', 'two:1');
  await daemon.dockerOk('tag', 'three:1', 'kept:1');
  assert.equal((await daemon.run('wherry', 'image', 'pin', 'three:1')).code, 0);
  // A pass comes with every start, and once a minute.
  await daemon.stop();
  await daemon.restart();
  const names = ['images', '--format', '{{.Repository}}'];
  await eventually('image one is removed', async () => !(await daemon.dockerOk(...names)).includes('one'));
  const left = await daemon.dockerOk(...names);
  assert.deepEqual(left.split('\n').toSorted(), ['kept', 'three', 'two']);
  assert.match(await daemon.log(), /Images were removed, the disk was filling/);
});

for (const [args, told] of [
  [['--image-gc-high', '101'], 'The option "image-gc-high" is 101, it must be between 0 and 100'],
  [['--image-gc-high', '50', '--image-gc-low', '60'], 'must not be above "image-gc-high", which is 50'],
] as const) {
  test(`water marks: ${args.join(' ')}`, DAEMON, async () => {
    const { code, stderr } = await exec([built('wherryd'), '--validate', ...args]);
    assert.notEqual(code, 0);
    assert.ok(stderr.includes(told), stderr);
  });
}
