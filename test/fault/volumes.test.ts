import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../lib/daemon.ts';
import { requires } from '../lib/requires.ts';

const NEEDS = requires('root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare');

for (const point of ['volume.copy.row', 'volume.copy.made']) {
  for (const how of ['kill', 'error'] as const) {
    test(`${point}: ${how} there: the copy is a volume when it is whole, or not at all`, NEEDS, async (t) => {
      const daemon = await startDaemon(t);
      await daemon.dockerOk('run', '--rm', '-v', 'from:/d', 'busybox', 'touch', '/d/f');
      await daemon.stop();
      await daemon.restart({ failpoint: `${point}=${how}` });
      assert.equal((await daemon.wherry('volume', 'snapshot', 'from', 'to')).code, 1);
      await (how === 'kill' ? daemon.exited() : daemon.kill9());
      await daemon.restart();
      assert.equal(await daemon.dockerOk('volume', 'ls', '-q'), 'from');
      assert.deepEqual(await readdir(join(daemon.dataRoot, 'volumes')), ['from']);
      await daemon.wherryOk('volume', 'snapshot', 'from', 'to');
      assert.equal(await daemon.dockerOk('run', '--rm', '-v', 'to:/d', 'busybox', 'ls', '/d'), 'f');
      await daemon.dockerOk('volume', 'rm', 'from', 'to');
      assert.deepEqual(await daemon.leftovers(), []);
    });
  }
}

test('a volume is filled whole or not at all, whenever the daemon dies', NEEDS, async (t) => {
  const daemon = await startDaemon(t);
  await daemon.dockerOk('volume', 'create', 'filled');
  await daemon.stop();
  await daemon.restart({ failpoint: 'volume.fill.copied=kill' });
  assert.notEqual((await daemon.docker('create', '-v', 'filled:/etc', 'busybox')).code, 0);
  await daemon.restart();
  const data = join(daemon.dataRoot, 'volumes', 'filled', '_data');
  assert.deepEqual(await readdir(data), []);
  const id = await daemon.dockerOk('create', '-v', 'filled:/etc', 'busybox');
  assert.ok((await readdir(data)).includes('passwd'));
  assert.deepEqual(await readdir(join(data, '..')), ['_data']);
  await daemon.dockerOk('rm', id);
  await daemon.dockerOk('volume', 'rm', 'filled');
  assert.deepEqual(await daemon.leftovers(), []);
});
