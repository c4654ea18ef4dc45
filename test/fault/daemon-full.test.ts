import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { busyboxArchive } from '../lib/busybox.ts';
import { exec } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { loadImage, rest } from '../lib/rest.ts';

const NEEDS = requires('root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare');
const KIB = 1024;

/** Each refusal names the place or the file. */
const FULL = /Cannot .*"\/.*": .*(no space left on device|ENOSPC)|ENOSPC: .*'\/|unpack ".*": no space left/;

/** Leaves that much room. */
async function fillUp(path: string, leftBytes: number): Promise<void> {
  const { bavail, bsize } = statfsSync(path);
  await using file = await open(join(path, 'filler'), 'w');
  const bytes = Math.max(0, bavail * bsize - leftBytes);
  const block = Buffer.alloc(64 * KIB, 1);
  for (let at = 0; at < bytes; at += block.length)
    await file.write(block, 0, Math.min(block.length, bytes - at));
}

/** What a user does; each leaves nothing when it fails. */
const operations: Readonly<Record<string, (daemon: Daemon) => Promise<{ code: number; stderr: string }>>> = {
  load: async (daemon) => exec(daemon.argv('docker', 'load'), { input: await busyboxArchive() }),
  tag: (daemon) => daemon.docker('tag', 'busybox', 'other:1'),
  run: (daemon) => daemon.docker('run', '--rm', 'busybox', 'true'),
  create: (daemon) => daemon.docker('create', '--name', 'made', 'busybox'),
  commit: (daemon) => daemon.docker('commit', 'base', 'committed:1'),
  import: async (daemon) =>
    exec(daemon.argv('docker', 'import', '-', 'imported:1'), { input: Buffer.alloc(900 * KIB) }),
};

test('a full data root: every operation says so, and all work again when there is room', NEEDS, async (t) => {
  await using daemon = await startDaemon(t, { busybox: false });
  const { dataRoot: root } = daemon;
  await daemon.stop();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'full', root]);
  try {
    await daemon.restart();
    await loadImage(daemon.socket, await busyboxArchive());
    await daemon.dockerOk('create', '--name', 'base', 'busybox');
    const failed = new Set<string>();
    for (const left of [0, 40, 400, 900]) {
      for (const [name, operation] of Object.entries(operations)) {
        await fillUp(root, left * KIB);
        const { code, stderr } = await operation(daemon);
        const told = code === 0 || FULL.test(stderr);
        assert.ok(told, `${name}, ${left} KiB left: ${stderr}`);
        failed.add(code === 0 ? '' : name);
        // It answers, and the disk can be made free by its own means.
        await daemon.docker('rm', '-f', 'made');
        await daemon.docker('rmi', 'other:1', 'committed:1', 'imported:1');
        await rm(join(root, 'filler'));
      }
    }
    assert.ok(failed.has('load') && failed.size >= 4, `Only ${[...failed].join(', ')} failed`);
    const found = (await rest(daemon.socket, 'GET', { path: '/wherry/system/verify' })).json<{
      Orphans: string[];
      Missing: string[];
    }>();
    assert.deepEqual([found.Orphans, found.Missing], [[], []]);
    for (const [name, operation] of Object.entries(operations)) {
      const { code, stderr } = await operation(daemon);
      assert.equal(code, 0, `${name}: ${stderr}`);
    }
    await daemon.dockerOk('rm', '-f', 'base', 'made');
  } finally {
    await daemon.stop();
    execFileSync('umount', ['-l', root]);
  }
});
