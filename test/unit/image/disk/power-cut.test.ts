import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { dockerArchive, layer } from '../../../lib/image-archives.ts';
import { testStore, type TestStore } from '../../../lib/image-store.ts';
import { seededRandom } from '../../../lib/random.ts';
import { requires } from '../../../lib/requires.ts';

const ROOT = requires('root');

const archiveOf = (name: string): Buffer =>
  dockerArchive({
    layers: [layer({ name: 'base', data: 'base' }), layer({ name, data: name.repeat(2_000) })],
    tags: [`${name}:1`],
  });

/** What a power cut leaves: the files as they are, and of the database's log only some of it. */
function copyOf(t: TestContext, dataRoot: string, logBytes: (size: number) => number): string {
  const copy = mkdtempSync(join(tmpdir(), 'cut-'));
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  execFileSync('cp', ['-a', `${dataRoot}/.`, copy]);
  rmSync(join(copy, 'meta.db-shm'), { force: true });
  const log = join(copy, 'meta.db-wal');
  truncateSync(log, logBytes(statSync(log).size));
  return copy;
}

/** Opens, has nothing without an owner, and whatever its rows speak of is whole. */
async function opens(t: TestContext, dataRoot: string): Promise<TestStore> {
  const store = await testStore(t, dataRoot);
  const { orphans, missing, expectedBytes, actualBytes } = await store.disk.verify(store.ctx);
  assert.deepEqual([orphans, missing, actualBytes], [[], [], expectedBytes]);
  assert.deepEqual(await store.disk.check(store.ctx, { repair: false }), []);
  return store;
}

test('a store opens with any beginning of its log, and has whole images only', ROOT, async (t) => {
  const store = await testStore(t);
  const random = seededRandom(11);
  for (const name of ['one', 'two', 'three']) await store.loadBytes(archiveOf(name));
  await store.snapshots.prepare(store.ctx, 'c', store.images.get('two:1').topChain);
  const counts = new Set<number>();
  for (let round = 0; round < 5; round += 1) {
    const root = copyOf(t, store.dataRoot, (size) => (round === 0 ? size : random.below(size)));
    const cut = await opens(t, root);
    counts.add(cut.images.list().length);
    // Whatever is lost can come again.
    await cut.loadBytes(archiveOf('three'));
    await cut.close();
    await (await opens(t, root)).close();
    rmSync(root, { recursive: true });
  }
  assert.ok(counts.has(3) && counts.size > 1, `Images left: ${[...counts].join(', ')}`);
});

test('what is half on its way in is cleared away', ROOT, async (t) => {
  const store = await testStore(t);
  await store.loadBytes(archiveOf('one'));
  await store.close();
  const path = (...parts: string[]): string => join(store.dataRoot, ...parts);
  cpSync(path('snapshots/l/1'), path('snapshots/l/90'), { recursive: true });
  cpSync(path('snapshots/l/1'), path('snapshots/t/91'), { recursive: true });
  cpSync(path('snapshots/l/1'), path('snapshots/w/92/u'), { recursive: true });
  cpSync(path('snapshots/l/1'), path('content/ingest/i1'), { recursive: true });
  writeFileSync(path('content/blobs/sha256', 'f'.repeat(64)), 'half a blob');
  const again = await opens(t, store.dataRoot);
  assert.deepEqual(
    again.images.list().map(({ tags }) => tags),
    [['one:1']],
  );
  await again.close();
  for (const directory of ['snapshots/t', 'snapshots/w', 'content/ingest']) {
    assert.deepEqual(readdirSync(path(directory)), []);
  }
});
