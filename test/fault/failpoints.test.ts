import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { requires } from '../lib/requires.ts';

/**
 * Every failpoint of the code, found by reading it, so that a new one is tested as soon as it is written: the daemon is
 * killed there, started again, and nothing is lost or left; the same with an error instead of the kill.
 */
const repository = fileURLToPath(new URL('../..', import.meta.url));
const failpoints = globSync('{native,image,shim,daemon}/**/*.ts', { cwd: repository })
  .flatMap((file) => [...readFileSync(`${repository}/${file}`, 'utf8').matchAll(/failpoint\('([\w.-]+)'\)/g)])
  .map(([, name = '']) => name);

const NEEDS = requires('root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare');

test('there are failpoints', () => assert.ok(failpoints.length > 0));

/** Goes through everything once; each step may fail, since the failpoint is on some step's way. */
async function livesOnce(daemon: Daemon): Promise<void> {
  const steps: readonly (readonly string[])[] = [
    ['run', '-d', '--name', 'a', 'busybox', 'sleep', '1000'],
    ['exec', 'a', 'true'],
    ['exec', '-d', 'a', 'true'],
    ['update', '--pids-limit', '50', 'a'],
    ['pause', 'a'],
    ['unpause', 'a'],
    ['rename', 'a', 'b'],
    ['stop', '-t', '0', 'b'],
    ['start', 'b'],
    ['rm', '-f', 'b'],
    ['run', '--rm', '--name', 'c', 'busybox', 'true'],
    ['tag', 'busybox', 'other:1'],
    ['rmi', 'other:1'],
  ];
  for (const step of steps) await daemon.docker(...step);
}

for (const name of new Set(failpoints)) {
  test(`${name}: killed there`, NEEDS, async (t) => {
    const daemon = await startDaemon(t);
    await daemon.stop();
    await daemon.restart({ failpoint: `${name}=kill` }).then(
      () => livesOnce(daemon),
      () => {},
    );
    await daemon.kill9();
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
    assert.ok(['created', 'running', 'exited'].includes(state), line);
    if (state === 'running') assert.equal(await daemon.dockerOk('exec', id, 'echo', 'alive'), 'alive');
    if (state === 'created' || state === 'exited') await daemon.docker('start', id);
    await daemon.dockerOk('rm', '-f', id);
  }
  await daemon.docker('rmi', 'other:1');
  assert.equal(await daemon.dockerOk('run', '--rm', 'busybox', 'echo', 'works'), 'works');
  assert.deepEqual(await daemon.leftovers(), []);
}
