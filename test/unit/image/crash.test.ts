import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { dockerArchive, imageId, layer, type ImageParts } from '../../lib/image-archives.ts';
import { testStore, type TestStore } from '../../lib/image-store.ts';
import { requires } from '../../lib/requires.ts';

const ROOT = requires('root');

const parts: ImageParts = {
  layers: [
    layer({ name: './', mode: 0o711, uid: 3 }, { name: 'a', data: 'a' }),
    layer({ name: 'b', data: 'b' }),
  ],
  tags: ['app:1'],
};
const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const counts = (root: string): Record<string, number> =>
  Object.fromEntries(
    ['content/blobs/sha256', 'content/ingest', 'snapshots/l', 'snapshots/w', 'snapshots/t'].map((path) => [
      path,
      readdirSync(join(root, path)).length,
    ]),
  );

const NOTHING = {
  'content/blobs/sha256': 0,
  'content/ingest': 0,
  'snapshots/l': 0,
  'snapshots/w': 0,
  'snapshots/t': 0,
};
const ONE_IMAGE = { ...NOTHING, 'content/blobs/sha256': 3, 'snapshots/l': 2 };

/** Runs a story in a process of its own, which a failpoint kills. */
function crash(root: string, failpoint: string, story: string): void {
  const archive = join(root, 'archive.tar');
  writeFileSync(archive, dockerArchive(parts));
  const script = `
    import { createReadStream } from 'node:fs';
    import { openDatabase } from '${at('../../../common/sqlite.ts')}';
    import { makeCtx } from '${at('../../../common/ctx.ts')}';
    import { silentLog } from '${at('../../../common/log.ts')}';
    import { openImageStore } from '${at('../../../image/store.ts')}';
    const store = await openImageStore({ dataRoot: '${root}', db: openDatabase('${root}/meta.db'), log: silentLog });
    const ctx = makeCtx(silentLog);
    const load = () => store.images.load(ctx, createReadStream('${archive}'), () => {});
    ${story}`;
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, WHERRY_FAILPOINTS: failpoint },
    encoding: 'utf8',
  });
  assert.equal(ended.signal, 'SIGKILL', ended.stderr);
}

async function reopened(t: Parameters<typeof testStore>[0], root: string): Promise<TestStore> {
  const store = await testStore(t, root);
  await store.close();
  return store;
}

for (const failpoint of [
  'load.spooled=kill',
  'layer.unpacked=kill',
  'layer.unpacked=kill@2',
  'load.synced=kill',
]) {
  test(`a crash at ${failpoint} leaves nothing, and the next load works`, ROOT, async (t) => {
    const root = mkdtempSync('/tmp/crash-');
    crash(root, failpoint, 'await load();');
    await reopened(t, root);
    assert.deepEqual(counts(root), NOTHING);
    const again = await testStore(t, root);
    await again.loadBytes(dockerArchive(parts));
    assert.equal(again.images.get('app:1').id, imageId(parts));
    assert.deepEqual(counts(root), ONE_IMAGE);
  });
}

test('a crash while a snapshot is made leaves no directory', ROOT, async (t) => {
  const root = mkdtempSync('/tmp/crash-');
  crash(
    root,
    'snapshot.made=kill',
    "const [image] = await load(); await store.snapshots.prepare(ctx, 'c', image.topChain);",
  );
  const store = await reopened(t, root);
  assert.deepEqual(store.snapshots.keys(), []);
  assert.deepEqual(counts(root), ONE_IMAGE);
});

test('a crash while a snapshot is removed removes it', ROOT, async (t) => {
  const root = mkdtempSync('/tmp/crash-');
  crash(
    root,
    'snapshot.forgotten=kill',
    "const [image] = await load(); await store.snapshots.prepare(ctx, 'c', image.topChain); await store.snapshots.remove(ctx, 'c');",
  );
  const store = await reopened(t, root);
  assert.deepEqual(store.snapshots.keys(), []);
  assert.deepEqual(counts(root), ONE_IMAGE);
});

test('what no row owns is collected at start, whatever it is', ROOT, async (t) => {
  const store = await testStore(t);
  await store.loadBytes(dockerArchive(parts));
  await store.snapshots.prepare(store.ctx, 'mine', store.images.get('app:1').topChain);
  await store.close();
  const { dataRoot: root } = store;
  for (const path of [
    'snapshots/l/900/x/y',
    'snapshots/w/901/u/z',
    'snapshots/w/901/w/work',
    'snapshots/t/902/deep',
    'content/ingest/i1',
  ]) {
    mkdirSync(join(root, path), { recursive: true });
  }
  writeFileSync(join(root, 'content/blobs/sha256', 'f'.repeat(64)), 'orphan');
  const again = await reopened(t, root);
  assert.deepEqual(counts(root), { ...ONE_IMAGE, 'snapshots/w': 1 });
  assert.deepEqual(again.snapshots.keys(), ['mine']);
  assert.deepEqual(again.images.get('app:1').tags, ['app:1']);
});

test('everything is known again after a restart', ROOT, async (t) => {
  const store = await testStore(t);
  await store.loadBytes(dockerArchive(parts));
  await store.images.tag(store.ctx, 'app:1', 'b:2');
  const dirs = await store.snapshots.prepare(store.ctx, 'c', store.images.get('app:1').topChain);
  const images = store.images.list();
  await store.close();
  const again = await testStore(t, store.dataRoot);
  assert.deepEqual(again.images.list(), images);
  assert.deepEqual(again.snapshots.get('c'), dirs);
});

test(
  'a writable snapshot is its own, looks like its image’s root, and goes with its files',
  ROOT,
  async (t) => {
    const store = await testStore(t);
    const [image] = await store.loadBytes(dockerArchive(parts));
    const first = await store.snapshots.prepare(store.ctx, 'c', image?.topChain);
    assert.deepEqual(await store.snapshots.prepare(store.ctx, 'c', image?.topChain), first, 'twice is once');
    const { mode, uid } = statSync(first.upper);
    assert.deepEqual([mode & 0o7777, uid], [0o711, 3]);
    for (const path of ['', 'snapshots', 'snapshots/l', 'snapshots/w', 'content', 'content/blobs']) {
      if (path !== '')
        assert.equal(statSync(join(store.dataRoot, path)).mode & 0o077, 0, `${path} is root’s alone`);
    }
    mkdirSync(join(first.upper, 'x/y'), { recursive: true });
    mkdirSync(join(first.work, 'work/incompat/volatile'), { recursive: true });
    await store.snapshots.clearVolatile('c');
    await store.snapshots.clearVolatile('c');
    assert.deepEqual(readdirSync(join(first.work, 'work/incompat')), []);
    await store.snapshots.remove(store.ctx, 'c');
    await store.snapshots.remove(store.ctx, 'c');
    assert.throws(() => store.snapshots.get('c'), { code: 'not-found' });
    await store.close();
    assert.deepEqual(counts(store.dataRoot), ONE_IMAGE);
  },
);

test('layers outlive their image while a snapshot stands on them, and no longer', ROOT, async (t) => {
  const store = await testStore(t);
  const [image] = await store.loadBytes(dockerArchive(parts));
  const { lower } = await store.snapshots.prepare(store.ctx, 'c', image?.topChain);
  await store.images.remove(store.ctx, 'app:1', { force: true, users: () => [] });
  assert.deepEqual(
    lower.map((path) => readdirSync(path)),
    [['b'], ['a']],
  );
  await store.snapshots.remove(store.ctx, 'c');
  await store.close();
  assert.deepEqual(counts(store.dataRoot), NOTHING);
});

test('an unknown chain is not found', ROOT, async (t) => {
  const store = await testStore(t);
  const unknown = `sha256:${'0'.repeat(64)}` as never;
  await assert.rejects(store.snapshots.prepare(store.ctx, 'c', unknown), { code: 'not-found' });
  assert.deepEqual(store.snapshots.keys(), []);
});

test('images and snapshots at once, again and again, keep what is in use', ROOT, async (t) => {
  const store = await testStore(t);
  const archive = dockerArchive(parts);
  await store.loadBytes(archive);
  const chain = store.images.get('app:1').topChain;
  await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const key = `c${index}`;
      await store.loadBytes(archive);
      const { lower } = await store.snapshots.prepare(store.ctx, key, chain).catch(() => ({ lower: [] }));
      for (const path of lower) assert.equal(readdirSync(path).length, 1);
      await store.images.remove(store.ctx, 'app:1', { force: true, users: () => [] }).catch(() => {});
      for (const path of lower) assert.equal(readdirSync(path).length, 1);
      await store.snapshots.remove(store.ctx, key);
    }),
  );
  await store.images.remove(store.ctx, 'app:1', { force: true, users: () => [] }).catch(() => {});
  await store.close();
  assert.deepEqual(counts(store.dataRoot), NOTHING);
});
