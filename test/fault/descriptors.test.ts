import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { startDaemon } from '../lib/daemon.ts';
import { execOk, PATIENCE } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { askStarved, checkFed, removeStarved } from '../lib/starved.ts';

/** Free descriptors of the daemon, while each operation is asked for once. */
const FREE = [0, 1, 2, 3, 4, 6, 9, 13];
/** What a client may be told: which call had no descriptor, or that nobody could take its connection. */
const TOLD = /EMFILE|too many open files|ended early/i;

test(
  'a daemon that has no descriptors left says so, whatever is asked, and goes on when it has',
  {
    ...requires('root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare'),
    timeout: 280_000 * PATIENCE,
  },
  async (t) => {
    const daemon = await startDaemon(t);
    const limits = await readFile(`/proc/${daemon.pid}/limits`, 'utf8');
    const most = /^Max open files +(\d+)/m.exec(limits)?.[1] ?? '1024';
    const limit = (count: number | string): Promise<unknown> =>
      execOk(['prlimit', '--pid', String(daemon.pid), `--nofile=${count}:`]);
    await daemon.dockerOk('run', '-d', '--name', 'up', 'busybox', 'sleep', '1000');
    const wrong: string[] = [];
    for (const free of FREE) {
      await limit((await readdir(`/proc/${daemon.pid}/fd`)).length + free);
      wrong.push(...(await askStarved(daemon, free, TOLD)));
      await limit(most);
      await checkFed(daemon);
    }
    assert.deepEqual(wrong, []);
    await removeStarved(daemon, FREE);
  },
);
