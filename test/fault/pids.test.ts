import assert from 'node:assert/strict';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';
import { placeOf, readCgroupLayout } from '../../runtime/cgroup/layout.ts';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { eventually, PATIENCE } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { askStarved, checkFed, removeStarved } from '../lib/starved.ts';

/** Processes and threads that the daemon and its shims may begin, while each operation is asked for once. */
const FREE = [0, 1, 2, 3, 5, 8];
const TOLD = /EAGAIN|Cannot start a thread: .*limit of processes/;

/** A cgroup with the daemon, whose shims are born into it. */
interface Pen {
  limit(more: number | 'max'): Promise<void>;
  /** Moves everybody out, and goes. */
  remove(): Promise<void>;
}

async function penOf(daemon: Daemon): Promise<Pen> {
  const at = placeOf(await readCgroupLayout(), { v1: 'pids', v2: 'pids' });
  assert.ok(at !== undefined, 'there is no pids controller');
  const directory = `${at.mountPoint}/wherry-test-pids-${process.pid}`;
  await mkdir(directory);
  await writeFile(`${directory}/cgroup.procs`, String(daemon.pid));
  const read = (name: string): Promise<string> => readFile(`${directory}/${name}`, 'utf8');
  return {
    limit: async (more) => {
      const most = more === 'max' ? more : Number(await read('pids.current')) + more;
      await writeFile(`${directory}/pids.max`, String(most));
    },
    remove: async () => {
      for (const pid of (await read('cgroup.procs')).split('\n').filter((line) => line !== ''))
        await writeFile(`${at.mountPoint}/cgroup.procs`, pid).catch(() => {});
      await eventually('it is empty', () =>
        rmdir(directory).then(
          () => true,
          () => false,
        ),
      );
    },
  };
}

async function story(t: TestContext): Promise<void> {
  const daemon = await startDaemon(t);
  const pen = await penOf(daemon);
  try {
    await daemon.dockerOk('run', '-d', '--name', 'up', 'busybox', 'sleep', '1000');
    const wrong: string[] = [];
    for (const free of FREE) {
      await pen.limit(free);
      wrong.push(...(await askStarved(daemon, free, TOLD)));
      await pen.limit('max');
      await checkFed(daemon);
    }
    assert.deepEqual(wrong, []);
    await removeStarved(daemon, FREE);
  } finally {
    await pen.remove();
  }
}

test(
  'a daemon whose cgroup has no room for a process says so, whatever is asked, and goes on when it has',
  {
    ...requires('root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare'),
    timeout: 280_000 * PATIENCE,
  },
  story,
);
