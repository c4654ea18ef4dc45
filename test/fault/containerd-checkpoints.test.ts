import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { checkpointsIn, gone, ok, openWithCriu, pidOf, sleeping } from '../lib/checkpoints.ts';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

const REF = 'docker.io/library/saved:1';

describe(
  'checkpoints and the end of the daemon',
  requires('root', 'ctr', 'unshare', 'busybox', 'overlay'),
  () => {
    for (const action of ['kill', 'error'] as const)
      test(`the daemon meets ${action} with one half written, or half unpacked: it goes`, async (t) => {
        const { daemon, pair } = await openWithCriu(t);
        const { wctr } = pair;
        await sleeping(wctr, pair);
        await daemon.kill9();
        await daemon.restart({ failpoint: `task.checkpoint.dumped=${action}` });
        assert.equal((await wctr('tasks', 'checkpoint', 'c1')).code, 1);
        await daemon.kill9();
        await daemon.restart({ failpoint: `task.create.unpacked=${action}` });
        assert.deepEqual(await checkpointsIn(daemon), []);
        // The client that had it stand still could not let it go on.
        await wctr('tasks', 'resume', 'c1');
        assert.notEqual(await pidOf(wctr, 'c1'), '');
        await ok(wctr, `containers checkpoint --task c1 ${REF}`);
        await gone(wctr, 'c1');
        assert.equal((await wctr('containers', 'restore', '--live', 'c2', REF)).code, 1);
        await daemon.kill9();
        await daemon.restart();
        assert.deepEqual(await checkpointsIn(daemon), []);
        assert.doesNotMatch(await ok(wctr, 'tasks ls'), /c2/);
      });

    test('CRIU is at work when the daemon is killed: what it wrote goes, and the container stays', async (t) => {
      const { daemon, criu, pair } = await openWithCriu(t);
      const { wctr } = pair;
      await sleeping(wctr, pair);
      await criu.set('hangs');
      const asked = wctr('tasks', 'checkpoint', 'c1');
      await eventually('CRIU has written something', async () => {
        const [directory] = await checkpointsIn(daemon);
        if (directory === undefined) return false;
        return (await readdir(`${daemon.dataRoot}/checkpoints/${directory}`)).includes('pages-1.img');
      });
      await daemon.kill9();
      assert.equal((await asked).code, 1);
      await daemon.restart();
      assert.deepEqual(await checkpointsIn(daemon), []);
      await ok(wctr, 'tasks resume c1');
      await criu.set(undefined);
      await ok(wctr, `containers checkpoint --task c1 ${REF}`);
      await gone(wctr, 'c1');
    });
  },
);
