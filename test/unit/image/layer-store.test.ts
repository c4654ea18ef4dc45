import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeCtx } from '../../../common/ctx.ts';
import { silentLog } from '../../../common/log.ts';
import { openDatabase } from '../../../common/sqlite.ts';
import { createTables } from '../../../image/schema.ts';
import type { ChainId } from '../../../image/snapshots.ts';
import { openDirectories } from '../../../image/snapshots/directories.ts';
import { openLayers, type Layers } from '../../../image/snapshots/layers.ts';
import { openTrash } from '../../../image/snapshots/trash.ts';
import type { UnpackedLayer } from '../../../image/workers/jobs.ts';
import { workerPool } from '../../../image/workers/pool.ts';
import { unpack } from '../../../image/workers/unpack.ts';
import { requires } from '../../lib/requires.ts';
import { tarball, type Member } from '../../lib/tarball.ts';

const ROOT = requires('root');

test('layers of an image unpack at the same time, and come into being in their order', ROOT, async (t) => {
  const { layers, directories, dataRoot, ctx } = await openParts(t);
  const [first, second, third] = ['1', '2', '3'].map((name) => name.repeat(64) as ChainId) as [
    ChainId,
    ChainId,
    ChainId,
  ];
  const below = Promise.withResolvers<void>();
  const order: string[] = [];
  const unpackFrom =
    (members: readonly Member[], before: Promise<void>) =>
    async (target: string): Promise<UnpackedLayer> => {
      const layer = await unpackTo(dataRoot, members, target);
      order.push(members[0]?.name ?? '');
      await before;
      return layer;
    };
  const now = Promise.resolve();
  const ensured = Promise.all([
    layers.ensure(ctx, {
      chain: first,
      parent: undefined,
      unpack: unpackFrom(
        [
          { name: './', mode: 0o711 },
          { name: 'tmp/', mode: 0o1777, pax: { 'SCHILY.xattr.user.x': 'y' } },
        ],
        below.promise,
      ),
    }),
    layers.ensure(ctx, {
      chain: second,
      parent: first,
      unpack: unpackFrom([{ name: 'a/b', data: '' }], now),
    }),
    layers.ensure(ctx, {
      chain: third,
      parent: second,
      unpack: unpackFrom([{ name: 'tmp/x', data: '' }], now),
    }),
  ]);
  while (order.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual([...layers.all()], [], 'a layer is there before its parent');
  below.resolve();
  const [, , top] = await ensured;
  assert.deepEqual(
    [...layers.all()].map(({ chain }) => chain),
    [first, second, third],
  );
  assert.deepEqual(top?.root, { mode: 0o711, uid: 0, gid: 0 }, 'the root of all below it');
  const tmp = join(directories.layer(top?.directory ?? 0), 'tmp');
  assert.equal(statSync(tmp).mode & 0o7777, 0o1777);
  assert.deepEqual(xattrs(tmp), { 'user.x': 'y' });
});

test(
  'a layer whose parent fails is taken away again, and one that finds a new parent is not',
  ROOT,
  async (t) => {
    const { layers, directories, dataRoot, ctx, trash } = await openParts(t);
    const [parent, chain] = ['1'.repeat(64) as ChainId, '2'.repeat(64) as ChainId];
    const good = (target: string): Promise<UnpackedLayer> =>
      unpackTo(dataRoot, [{ name: 'a', data: 'a' }], target);
    const bad = Promise.withResolvers<UnpackedLayer>();
    const failing = (): Promise<UnpackedLayer> => bad.promise;
    const first = layers.ensure(ctx, { chain: parent, parent: undefined, unpack: failing });
    const above = layers.ensure(ctx, { chain, parent, unpack: good });
    const both = Promise.allSettled([first, above]);
    bad.reject(new Error('the parent is broken'));
    for (const result of await both)
      assert.match(
        String((result as PromiseRejectedResult).reason),
        /is broken|neither there nor on its way/,
      );
    await trash.close();
    assert.deepEqual([await directories.layers(), [...layers.all()]], [[], []]);

    const bad2 = Promise.withResolvers<UnpackedLayer>();
    const one = layers.ensure(ctx, { chain: parent, parent: undefined, unpack: () => bad2.promise });
    const other = layers.ensure(ctx, { chain: parent, parent: undefined, unpack: good });
    const top = layers.ensure(ctx, { chain, parent, unpack: good });
    bad2.reject(new Error('its client went away'));
    await assert.rejects(one, /went away/);
    await Promise.all([other, top]);
    assert.equal([...layers.all()].length, 2);
    const stranger = layers.ensure(ctx, {
      chain: '3'.repeat(64) as ChainId,
      parent: '4'.repeat(64) as ChainId,
      unpack: good,
    });
    await assert.rejects(stranger, { code: 'not-found' });
    await trash.close();
    assert.equal((await directories.layers()).length, 2);
  },
);

test('layers of an earlier version are measured when their database is opened', ROOT, async (t) => {
  const { layers, ctx, db, dataRoot, reopen } = await openParts(t);
  const chain = '1'.repeat(64) as ChainId;
  const { diskBytes } = await layers.ensure(ctx, {
    chain,
    parent: undefined,
    unpack: (target) => unpackTo(dataRoot, [{ name: 'a', data: 'a'.repeat(5000) }], target),
  });
  db.exec('ALTER TABLE snapshot_layer DROP COLUMN disk_bytes');
  db.exec('ALTER TABLE snapshot_layer DROP COLUMN entry_count');
  const again = reopen();
  await again.measureOld(ctx);
  assert.ok(diskBytes > 5000);
  assert.deepEqual([again.get(chain)?.diskBytes, again.get(chain)?.entryCount], [diskBytes, 1]);
  assert.equal(reopen().get(chain)?.diskBytes, diskBytes);
});

test(
  'what is held or live keeps what lies below it, and a layer without its parent goes',
  ROOT,
  async (t) => {
    const { layers, dataRoot, db, ctx, reopen } = await openParts(t);
    const [first, second, third] = ['1', '2', '3'].map((name) => name.repeat(64) as ChainId) as [
      ChainId,
      ChainId,
      ChainId,
    ];
    const ensure = (chain: ChainId, parent?: ChainId): Promise<unknown> =>
      layers.ensure(ctx, {
        chain,
        parent,
        unpack: (target) => unpackTo(dataRoot, [{ name: 'a', data: chain }], target),
      });
    const forget = (store: Layers, live: readonly ChainId[] = []): ChainId[] =>
      store.forget(new Set(live)).map(({ chain }) => chain);
    await ensure(first);
    await ensure(second, first);
    await ensure(third, second);
    const held = layers.hold([second]);
    assert.deepEqual(forget(layers), [third]);
    held[Symbol.dispose]();
    assert.deepEqual(forget(layers, [second]), []);
    assert.deepEqual(forget(layers), [second, first]);

    await ensure(first);
    await ensure(second, first);
    // As a version that held single layers left it.
    db.exec(`DELETE FROM snapshot_layer WHERE chain = '${first}'`);
    assert.deepEqual(forget(reopen()), [second]);
  },
);

const xattrs = (path: string): unknown =>
  JSON.parse(
    execFileSync('python3', [
      '-c',
      'import os,sys,json; p=sys.argv[1]; print(json.dumps({n: os.getxattr(p, n, follow_symlinks=False).decode("latin1") for n in os.listxattr(p, follow_symlinks=False)}))',
      path,
    ]).toString(),
  );

async function unpackTo(
  dataRoot: string,
  members: readonly Member[],
  target: string,
): Promise<UnpackedLayer> {
  const tar = tarball(members);
  const blob = join(dataRoot, `blob-${createHash('sha256').update(target).digest('hex')}`);
  writeFileSync(blob, tar);
  const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}`;
  return unpack({ kind: 'unpack', blob, target, diffId }, new AbortController().signal);
}

async function openParts(t: TestContext) {
  const dataRoot = mkdtempSync('/tmp/layers-');
  const db = openDatabase(join(dataRoot, 'meta.db'));
  createTables(db);
  const ctx = makeCtx(silentLog);
  const pool = workerPool(2);
  const directories = await openDirectories(join(dataRoot, 'snapshots'));
  const trash = openTrash(directories, { ctx, log: silentLog, pool });
  const reopen = (): Layers => {
    createTables(db);
    return openLayers({ db, directories, trash, pool });
  };
  t.after(async () => {
    await trash.close();
    await pool.close();
    db.close();
    rmSync(dataRoot, { recursive: true });
  });
  return { layers: reopen(), directories, trash, dataRoot, db, ctx, reopen };
}
