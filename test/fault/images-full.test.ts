import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, statfsSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { messageOf } from '../../common/errors.ts';
import { openDatabase, reserveLog } from '../../common/sqlite.ts';
import { dockerArchive, layer } from '../lib/image-archives.ts';
import { testStore, type TestStore } from '../lib/image-store.ts';
import { requires } from '../lib/requires.ts';

const ROOT = requires('root');
const KIB = 1024;
const SIZE_KIB = 12 * KIB;
/** A fiftieth of that. */
const RESERVE_KIB = Math.floor(SIZE_KIB / 50);

const lower = layer({ name: 'a', data: Buffer.alloc(400 * KIB, 1) }, { name: 'b', data: 'b' });
const upper = layer({ name: 'c', data: Buffer.alloc(300 * KIB, 2) });
const archive = dockerArchive({ layers: [lower, upper], tags: ['app:1'] });
const small = dockerArchive({ layers: [layer({ name: 's', data: 's' })], tags: ['small:1'] });

/** Runs a story on a file system of its own that is soon full. */
async function onSmallDisk(t: TestContext, story: (store: TestStore) => Promise<void>): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_KIB}k`, 'full', path]);
  try {
    // As the daemon does.
    using db = openDatabase(join(path, 'meta.db'));
    await reserveLog(db);
    const store = await testStore(t, path);
    try {
      await story(store);
    } finally {
      await store.close();
    }
  } finally {
    execFileSync('umount', ['-l', path]);
    rmdirSync(path);
  }
}

/** Leaves that much room; `free` gives the rest back. */
async function fillUp(path: string, leftBytes: number): Promise<{ free: () => Promise<void> }> {
  const filler = join(path, 'filler');
  const { bavail, bsize } = statfsSync(path);
  await using file = await open(filler, 'w');
  const bytes = Math.max(0, bavail * bsize - leftBytes);
  for (let at = 0; at < bytes; at += bsize) await file.write(Buffer.alloc(Math.min(bsize, bytes - at), 1));
  return { free: () => rm(filler, { force: true }) };
}

/** Every refusal names the place or the file, in the words that docker's users know. */
const FULL =
  /Cannot (write to "\/.*"|unpack ".*"): no space left on device|Cannot \w+ "\/.*": ENOSPC|ENOSPC: no space left on device, \w+ '\/.*'/;

async function isSound(store: TestStore): Promise<void> {
  const { orphans, missing, expectedBytes, actualBytes } = await store.disk.verify(store.ctx);
  assert.deepEqual([orphans, missing, actualBytes], [[], [], expectedBytes]);
}

test('a load on a full disk says where, leaves nothing, and works when there is room again', ROOT, (t) =>
  onSmallDisk(t, async (store) => {
    await store.loadBytes(small);
    const told = new Set<string>();
    // From no room at all to room for all but the last step.
    for (let left = 0; left < 1_600; left += 100) {
      const filler = await fillUp(store.dataRoot, left * KIB);
      const outcome = await store.loadBytes(archive).then(
        () => 'loaded',
        (error: unknown) => messageOf(error),
      );
      if (outcome !== 'loaded') {
        assert.match(outcome, FULL, `${left} KiB left`);
        told.add(/content\/ingest|unpack|snapshots\/l|meta\.db/.exec(outcome)?.[0] ?? outcome);
        assert.deepEqual(
          store.images.list().map(({ tags }) => tags),
          [['small:1']],
        );
      }
      // Still full: what is there can be used, and what failed has left nothing.
      await isSound(store);
      await filler.free();
      if (outcome === 'loaded')
        await store.images.remove(store.ctx, 'app:1', { force: true, users: () => [] });
    }
    assert.ok(told.has('content/ingest') && told.has('unpack'), `Failed at ${[...told].join(', ')}`);
    await store.loadBytes(archive);
    await isSound(store);
  }),
);

test('unpacking leaves the reserve, and says so', ROOT, (t) =>
  onSmallDisk(t, async (store) => {
    const filler = await fillUp(store.dataRoot, RESERVE_KIB * KIB - 4 * KIB);
    await assert.rejects(store.loadBytes(small), {
      code: 'internal',
      message:
        /^Cannot write to ".*": no space left on device but the \d+ bytes that .*"image-reserve" keeps$/,
    });
    assert.deepEqual(store.images.list(), []);
    await isSound(store);
    await filler.free();
    await store.loadBytes(small);
  }),
);

test('on a full disk images can be removed, pruned and reclaimed, which makes room', ROOT, (t) =>
  onSmallDisk(t, async (store) => {
    for (const remove of [
      () => store.images.remove(store.ctx, 'app:1', { force: true, users: () => [] }),
      () =>
        store.disk.prune(store.ctx, {
          danglingOnly: false,
          createdBefore: undefined,
          labels: [],
          notLabels: [],
          dryRun: false,
          isUsed: () => false,
        }),
      () =>
        store.disk.reclaim(store.ctx, {
          dryRun: false,
          isUsed: () => false,
          marks: { highPercent: 95, lowPercent: 0 },
        }),
    ]) {
      await store.loadBytes(archive);
      const filler = await fillUp(store.dataRoot, 0);
      await remove();
      assert.deepEqual(store.images.list(), []);
      await store.loadBytes(small);
      await filler.free();
      await store.images.remove(store.ctx, 'small:1', { force: true, users: () => [] });
      await isSound(store);
    }
  }),
);

test('on a full disk snapshots are refused with their path, and can be removed', ROOT, (t) =>
  onSmallDisk(t, async (store) => {
    await store.loadBytes(archive);
    const top = store.images.get('app:1').topChain;
    await store.snapshots.prepare(store.ctx, 'before', top);
    const filler = await fillUp(store.dataRoot, 0);
    for (let index = 0; index < 100; index += 1) {
      try {
        await store.snapshots.prepare(store.ctx, `k${index}`, top);
      } catch (error) {
        assert.match(messageOf(error), FULL);
        break;
      }
    }
    for (const key of store.snapshots.keys()) await store.snapshots.remove(store.ctx, key);
    await filler.free();
    await store.snapshots.prepare(store.ctx, 'after', top);
    assert.deepEqual(store.snapshots.keys(), ['after']);
    await isSound(store);
  }),
);
