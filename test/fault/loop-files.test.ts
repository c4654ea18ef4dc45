import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../lib/daemon.ts';
import { requires } from '../lib/requires.ts';

/** Where the daemon dies, or fails, with a loop file half made or mounted; sizes that projects hold are in project-quota.test.ts. */
const NEEDS = requires('root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare', 'loop-files');
const SIZED = ['--storage-opt', 'size=8m', '-v', 'small:/etc'];

for (const point of [
  'volume.create.limited',
  'snapshot.limited',
  'snapshot.made',
  'volume.fill.copied',
  'container.start.launch',
]) {
  for (const how of ['kill', 'error'] as const) {
    test(`${point}: ${how} there: nothing is left, and it works the next time`, NEEDS, async (t) => {
      const daemon = await startDaemon(t);
      await daemon.kill9();
      await daemon.restart({ failpoint: `${point}=${how}` });
      const made = await daemon.docker('volume', 'create', '-o', 'size=8m', 'small');
      if (made.code === 0) await daemon.docker('run', '--name', 'sized', ...SIZED, 'busybox', 'true');
      await (how === 'kill' ? daemon.exited() : daemon.kill9());
      await daemon.restart();
      await daemon.docker('rm', '-f', 'sized');
      await daemon.docker('volume', 'rm', 'small');
      assert.deepEqual(await daemon.leftovers(), []);
      await daemon.dockerOk('volume', 'create', '-o', 'size=8m', 'small');
      const told = await daemon.dockerOk(
        'run',
        '--rm',
        ...SIZED,
        'busybox',
        'sh',
        '-c',
        'echo x >/f; cat /f /etc/group',
      );
      assert.match(told, /^x\nroot:/);
      assert.deepEqual(await readdir(join(daemon.dataRoot, 'volumes/small')), ['loop']);
      await daemon.dockerOk('volume', 'rm', 'small');
      assert.deepEqual(await daemon.leftovers(), []);
    });
  }
}
