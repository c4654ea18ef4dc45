import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { busyboxArchive } from '../lib/busybox.ts';
import { startDaemon } from '../lib/daemon.ts';
import { openBench } from '../lib/dropin.ts';
import type { Result } from '../lib/process.ts';
import { removeCgroups } from '../lib/owned.ts';
import { requires } from '../lib/requires.ts';

const IMAGE = 'docker.io/library/busybox:latest';

/** What namespaces of containerd's API have on the disk is known to whoever looks after it. */
describe(
  "the disk account of containerd's namespaces",
  requires('root', 'ctr', 'unshare', 'busybox', 'overlay'),
  () => {
    test('knows their blobs and directories, and what is nobody’s; a damaged layer is unpacked again', async (t) => {
      const bench = await openBench();
      t.after(() => bench[Symbol.asyncDispose]());
      const daemon = await startDaemon(t, { busybox: false });
      const address = join(daemon.execRoot, 'containerd.sock');
      const namespace = bench.directory.slice('/tmp/'.length);
      t.after(() => removeCgroups(`/${namespace}`));
      const ctr = (args: readonly string[], input?: string): Promise<Result> =>
        bench.run(['ctr', '-a', address, '-n', namespace, ...args], input);
      const archive = join(bench.directory, 'busybox.tar');
      await writeFile(archive, await busyboxArchive());
      assert.equal((await ctr(['images', 'import', archive])).code, 0);
      const [layer = ''] = /sha256:\w+/.exec((await ctr(['snapshots', 'ls'])).stdout) ?? [];
      await ctr(['snapshots', 'prepare', 'work', layer]);
      const { stdout: mounted } = await ctr(['snapshots', 'mounts', '/mnt', 'work']);
      const [, lower = ''] = /lowerdir=(\S+)/.exec(mounted) ?? [];
      // It stays as it is, to be gone on with.
      assert.equal((await ctr(['content', 'ingest', '--expected-size', '3', 'half'], 'some')).code, 1);
      assert.match((await ctr(['content', 'active'])).stdout, /^half/m);
      const verify = (): Promise<Result> => daemon.wherry('system', 'df', '--verify');
      const check = (...flags: string[]): Promise<Result> => daemon.wherry('system', 'check', ...flags);
      const account = await verify();
      assert.deepEqual([account.code, account.stdout.split('\n').length], [0, 3], account.stdout);
      assert.equal((await check()).stdout, 'No damage was found\n');

      const orphans = ['content/writing/99', `content/blobs/sha256/${'0'.repeat(64)}`, 'snapshots/w/99'];
      for (const path of orphans) await mkdir(join(daemon.dataRoot, path));
      const found = await verify();
      assert.equal(found.code, 1);
      for (const path of orphans) assert.match(found.stdout, new RegExp(`^Orphan: +\\S+/${path}$`, 'm'));
      assert.doesNotMatch(found.stdout, /Missing/);
      for (const path of orphans) await rm(join(daemon.dataRoot, path), { recursive: true });

      await rm(join(lower, 'bin/ls'));
      // Who has the snapshot's mounts may have mounted them.
      const told = await check('--repair');
      assert.deepEqual(
        [told.code, /"bin\/ls" is missing; .*mounted/.test(told.stdout)],
        [1, true],
        told.stdout,
      );
      await ctr(['snapshots', 'rm', 'work']);
      const repaired = await check('--repair');
      assert.equal(repaired.code, 0, repaired.stdout);
      assert.match(repaired.stdout, /1 damaged, 1 repaired/);
      assert.equal((await check()).stdout, 'No damage was found\n');
      assert.equal((await ctr(['run', '--rm', IMAGE, 'box', 'ls', '/bin/ls'])).stdout, '/bin/ls\n');
      assert.equal((await verify()).code, 0);
    });
  },
);
