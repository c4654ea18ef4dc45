import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { env } from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sha256 } from '../../image/digest.ts';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { exec } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { tarball } from '../lib/tarball.ts';

/**
 * Every failpoint of the code, found by reading it, so that a new one is tested as soon as it is written: the daemon is
 * killed there, started again, and nothing is lost or left; the same with an error instead of the kill.
 */
const repository = fileURLToPath(new URL('../..', import.meta.url));
const failpoints = globSync('{native,image,shim,daemon}/**/*.ts', { cwd: repository })
  .flatMap((file) => [...readFileSync(`${repository}/${file}`, 'utf8').matchAll(/failpoint\('([\w.-]+)'\)/g)])
  .map(([, name = '']) => name);

/** What the steps below don't come by, and the tests that do. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'pull.manifest': 'test/fault/pull.test.ts',
  'pull.fetched': 'test/fault/pull.test.ts',
  'pull.unpacked': 'test/fault/pull.test.ts',
  'pull.synced': 'test/fault/pull.test.ts',
  'layer.exchanged': 'test/fault/images.test.ts',
  'volume.copy.row': 'test/fault/volumes.test.ts',
  'volume.copy.made': 'test/fault/volumes.test.ts',
  'volume.create.limited': 'test/fault/loop-files.test.ts',
  'snapshot.limited': 'test/fault/loop-files.test.ts',
  'container.restart.due': 'test/fault/restart-policy.test.ts',
  'runtime.delete': 'test/fault/other-runtimes.test.ts',
  'log.forward.sent': 'test/fault/log-forwarding.test.ts',
  'log.pack.named': 'test/fault/log-forwarding.test.ts',
  ...Object.fromEntries(
    ['add', 'added', 'row', 'delete', 'deleted'].map((step) => [
      `network.cni.${step}`,
      'test/fault/cni.test.ts',
    ]),
  ),
  'task.create.row': 'test/fault/containerd-tasks.test.ts',
  'task.create.bundle': 'test/fault/containerd-tasks.test.ts',
  'task.create.launched': 'test/fault/containerd-tasks.test.ts',
  'task.start.row': 'test/fault/containerd-tasks.test.ts',
  'task.start.started': 'test/fault/containerd-tasks.test.ts',
  'task.exec.row': 'test/fault/containerd-tasks.test.ts',
  'task.pause.frozen': 'test/fault/containerd-tasks.test.ts',
  'task.delete.begun': 'test/fault/containerd-tasks.test.ts',
  'task.delete.execs': 'test/fault/containerd-tasks.test.ts',
  'task.create.unpacked': 'test/fault/containerd-checkpoints.test.ts',
  'task.checkpoint.dumped': 'test/fault/containerd-checkpoints.test.ts',
  ...Object.fromEntries(
    ['ingest.commit', 'snapshot.prepare', 'snapshot.commit', 'snapshot.removed', 'namespaces.forgotten'].map(
      (name) => [name, 'test/fault/containerd-store.test.ts'],
    ),
  ),
  'recipe.moved': 'test/fault/images.test.ts',
  'recipe.recorded': 'test/fault/images.test.ts',
  'container.edit.begun': 'test/fault/edit.test.ts',
  'container.edit.volumes': 'test/fault/edit.test.ts',
  'container.edit.stopped': 'test/fault/edit.test.ts',
  'container.edit.row': 'test/fault/edit.test.ts',
  'container.edit.end': 'test/fault/edit.test.ts',
  'container.edit.limits': 'test/fault/edit.test.ts',
  'container.edit.ports': 'test/fault/edit.test.ts',
  'ports.change.row': 'test/fault/edit.test.ts',
  'ports.change.rules': 'test/fault/edit.test.ts',
};
const ours = [...new Set(failpoints)].filter((name) => !Object.hasOwn(ELSEWHERE, name));

const NEEDS = requires('root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare');

test('there are failpoints, and those left out here are tested elsewhere', () => {
  assert.ok(ours.length > 0);
  for (const [name, file] of Object.entries(ELSEWHERE)) {
    assert.ok(failpoints.includes(name), name);
    assert.ok(readFileSync(`${repository}/${file}`, 'utf8').includes(name), name);
  }
});

const STEPS: readonly (readonly string[])[] = [
  ['run', '-d', '--name', 'one', '-p', '127.0.0.1:8080:80', '-p', '8081:81/udp', 'busybox', 'sleep', '1000'],
  ['exec', 'one', 'true'],
  ['exec', '-d', 'one', 'true'],
  ['update', '--pids-limit', '50', 'one'],
  ['cp', '/etc/hostname', 'one:/copied'],
  ['pause', 'one'],
  ['unpause', 'one'],
  ['rename', 'one', 'two'],
  ['network', 'create', 'front'],
  ['network', 'connect', 'front', 'two'],
  ['network', 'disconnect', 'front', 'two'],
  ['network', 'rm', 'front'],
  ['stop', '-t', '0', 'two'],
  ['start', 'two'],
  ['restart', '-t', '0', 'two'],
  ['kill', 'two'],
  ['cp', '/etc/hostname', 'two:/copied'],
  ['start', 'two'],
  ['commit', 'two', 'made:1'],
  [
    'run',
    '-d',
    '--name',
    'well',
    '--health-cmd',
    'true',
    '--health-interval',
    '5ms',
    'busybox',
    'sleep',
    '1000',
  ],
  ['exec', 'well', 'sleep', '0.3'],
  ['rm', '-f', 'two'],
  ['run', '--rm', '--name', 'three', 'busybox', 'true'],
  ['volume', 'create', 'kept'],
  ['run', '--rm', '-v', 'kept:/etc', '-v', '/made', 'busybox', 'touch', '/made/f'],
  ['volume', 'rm', 'kept'],
  ['tag', 'busybox', 'other:1'],
  ['rmi', 'other:1'],
  ['run', '--name', 'four', 'busybox', 'touch', '/new'],
  ['commit', 'four', 'made:2'],
  ['rm', 'four'],
  ['rmi', 'made:1', 'made:2'],
  ['rm', '-f', 'well'],
];

/** Goes through everything once; each step may fail, since the failpoint is on some step's way. */
async function livesOnce(daemon: Daemon): Promise<number> {
  let failed = 0;
  for (const step of STEPS) failed += (await daemon.docker(...step)).code === 0 ? 0 : 1;
  failed += (await loads(daemon)) ? 0 : 1;
  return failed;
}

/** An image of its own: one that is there already would not be unpacked. */
async function loads(daemon: Daemon): Promise<boolean> {
  const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] as string[] } };
  const layer = tarball([{ name: 'f', data: Buffer.from('f') }]);
  config.rootfs.diff_ids.push(sha256(layer));
  const archive = tarball([
    { name: 'layer.tar', data: layer },
    { name: 'config.json', data: Buffer.from(JSON.stringify(config)) },
    {
      name: 'manifest.json',
      data: Buffer.from(
        JSON.stringify([{ Config: 'config.json', RepoTags: ['loaded:1'], Layers: ['layer.tar'] }]),
      ),
    },
  ]);
  const loaded = await exec(daemon.argv('docker', 'load'), { input: archive });
  const removed = await daemon.docker('rmi', 'loaded:1');
  return loaded.code === 0 && removed.code === 0;
}

test('without a failpoint every step succeeds', NEEDS, async (t) => {
  const daemon = await startDaemon(t);
  assert.equal(await livesOnce(daemon), 0);
  assert.deepEqual(await daemon.leftovers(), []);
});

const chosen = env['WHERRY_FAILPOINT']?.split(',');
for (const name of ours.filter((each) => chosen?.includes(each) ?? true)) {
  test(`${name}: killed there`, NEEDS, async (t) => {
    const daemon = await startDaemon(t);
    await daemon.stop();
    await daemon.restart({ failpoint: `${name}=kill` }).then(
      () => livesOnce(daemon),
      () => {},
    );
    assert.ok(!daemon.isAlive(), 'It was not reached');
    await daemon.restart();
    await consistent(daemon);
  });

  test(`${name}: an error there`, NEEDS, async (t) => {
    const daemon = await startDaemon(t);
    await daemon.stop();
    await daemon.restart({ failpoint: `${name}=error@1` }).then(
      () => livesOnce(daemon),
      () => {},
    );
    await daemon.kill9();
    await daemon.restart();
    await consistent(daemon);
  });
}

/** Whatever is there is in a state that a client can act on; once it is removed, nothing is left. */
async function consistent(daemon: Daemon): Promise<void> {
  const listed = await daemon.dockerOk('ps', '-a', '--format', '{{.ID}} {{.State}}');
  for (const line of listed.split('\n').filter((text) => text !== '')) {
    const [id = '', state = ''] = line.split(' ');
    assert.ok(['created', 'running', 'paused', 'exited'].includes(state), line);
    if (state === 'running') assert.equal(await daemon.dockerOk('exec', id, 'echo', 'alive'), 'alive');
    if (state === 'created' || state === 'exited') await daemon.docker('start', id);
    await daemon.dockerOk('rm', '-f', id);
  }
  await daemon.docker('network', 'rm', 'front');
  await daemon.docker('volume', 'prune', '-af');
  for (const image of ['other:1', 'made:1', 'made:2', 'loaded:1']) await daemon.docker('rmi', image);
  assert.equal(await daemon.dockerOk('run', '--rm', 'busybox', 'echo', 'works'), 'works');
  assert.deepEqual(await daemon.leftovers(), []);
}
