import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { openDatabase } from '../../../../common/sqlite.ts';
import { silentLog } from '../../../../common/log.ts';
import type { Digest } from '../../../../image/digest.ts';
import { openImageStore } from '../../../../image/store.ts';
import { configOf, dockerArchive, layer, type ImageParts } from '../../../lib/image-archives.ts';
import { testStore, type TestStore } from '../../../lib/image-store.ts';
import { pullFrom, plainRegistries } from '../../../lib/pulling.ts';
import { pullRegistry } from '../../../lib/pull-registry.ts';
import { seededRandom } from '../../../lib/random.ts';
import { requires } from '../../../lib/requires.ts';
import { tarball } from '../../../lib/tarball.ts';

const ROOT = requires('root');

const base = layer({ name: 'bulk', data: seededRandom(3).bytes(200_000) }, { name: 'd/', mode: 0o700 });
const app: ImageParts = { layers: [base, layer({ name: 'little', data: 'x' })], tags: ['app:1'] };
const other: ImageParts = {
  layers: [layer({ name: 'lowest', data: 'y' }), base],
  config: { Cmd: ['other'] },
};

const blobsIn = ({ dataRoot }: TestStore): string[] => readdirSync(join(dataRoot, 'content/blobs/sha256'));
const recipesIn = ({ dataRoot }: TestStore): string[] => readdirSync(join(dataRoot, 'content/recipes'));

async function saved(store: TestStore, reference: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await store.archives.save(store.ctx, [reference], undefined)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The digest of the large layer's blob, and where its file is. */
function large(store: TestStore, reference: string): { digest: Digest; file: string; directory: string } {
  const view = store.disk.layers(reference).find(({ sizeBytes }) => sizeBytes === 200_000);
  assert.ok(view?.blob !== undefined);
  const file = join(store.dataRoot, 'content/blobs/sha256', view.blob.slice(7));
  return { digest: view.blob, file, directory: view.directory };
}

const whole = async (store: TestStore): Promise<void> => {
  assert.deepEqual(await store.disk.check(store.ctx, { repair: false }), []);
  const { expectedBytes, actualBytes, ...odd } = await store.disk.verify(store.ctx);
  assert.deepEqual(odd, { orphans: [], missing: [] });
  assert.equal(expectedBytes, actualBytes);
};

for (const how of ['none', 'gzip', 'zstd'] as const) {
  test(`a blob in ${how} is dropped, and a saved archive is the same as before`, ROOT, async (t) => {
    const store = await testStore(t);
    await store.loadBytes(dockerArchive(app, how));
    const before = { archive: await saved(store, 'app:1'), usage: store.disk.usage() };
    const { digest, file } = large(store, 'app:1');
    const compacted = await store.disk.compact(store.ctx);
    assert.deepEqual(compacted.map(({ kind }) => kind).sort(), ['dropped', 'kept']);
    const dropped = compacted.find(({ kind }) => kind === 'dropped');
    assert.ok(dropped?.kind === 'dropped' && dropped.digest === digest);
    assert.ok(dropped.recipeBytes < 1000 && dropped.blobBytes > 200_000, JSON.stringify(dropped));
    assert.equal(existsSync(file), false);
    assert.deepEqual(recipesIn(store), [digest.slice(7)]);
    const usage = store.disk.usage();
    assert.equal(before.usage.contentBytes - usage.contentBytes, dropped.blobBytes - dropped.recipeBytes);
    const view = store.disk.layers('app:1')[0];
    assert.deepEqual(
      [view?.blob, view?.blobBytes, view?.recipeBytes],
      [digest, dropped.blobBytes, dropped.recipeBytes],
    );
    await whole(store);
    assert.ok((await saved(store, 'app:1')).equals(before.archive));
    assert.deepEqual(readdirSync(join(store.dataRoot, 'content/ingest')), []);
    await store.close();

    const again = await testStore(t, store.dataRoot);
    assert.ok((await saved(again, 'app:1')).equals(before.archive));
    await whole(again);
    await again.images.remove(again.ctx, 'app:1', { force: true, users: () => [] });
    assert.deepEqual([blobsIn(again), recipesIn(again)], [[], []]);
  });
}

test('with the option on, blobs go by themselves, also those of a store that had it off', ROOT, async (t) => {
  const store = await testStore(t);
  await store.loadBytes(dockerArchive(app, 'gzip'));
  const { file } = large(store, 'app:1');
  await store.close();
  const db = openDatabase(join(store.dataRoot, 'meta.db'));
  const on = await openImageStore({ dataRoot: store.dataRoot, db, log: silentLog, dropBlobs: true });
  while (existsSync(file)) await sleep(20);
  await on.close();
  db.close();
});

test('what somebody holds stays until it is let go', ROOT, async (t) => {
  const store = await testStore(t);
  await store.loadBytes(dockerArchive(app));
  const { file, digest } = large(store, 'app:1');
  const archive = (await store.archives.save(store.ctx, ['app:1'], undefined))[Symbol.asyncIterator]();
  await archive.next();
  const busy = await store.disk.compact(store.ctx);
  assert.ok(busy.some((each) => each.kind === 'busy' && each.digest === digest));
  assert.equal(existsSync(file), true);
  await whole(store);
  await archive.return?.(undefined);
  const compacted = await store.disk.compact(store.ctx);
  assert.ok(compacted.some((each) => each.kind === 'dropped' && each.digest === digest));
  assert.equal(existsSync(file), false);
});

test(
  'an image that is removed while it is saved is made again from its layers, which then go',
  ROOT,
  async (t) => {
    const store = await testStore(t);
    await store.loadBytes(dockerArchive(app));
    const before = await saved(store, 'app:1');
    await store.disk.compact(store.ctx);
    const archive = await store.archives.save(store.ctx, ['app:1'], undefined);
    await store.images.remove(store.ctx, 'app:1', { force: true, users: () => [] });
    const chunks: Uint8Array[] = [];
    for await (const chunk of archive) chunks.push(chunk);
    assert.ok(Buffer.concat(chunks).equals(before));
    assert.deepEqual([blobsIn(store), recipesIn(store)], [[], []]);
    assert.deepEqual(readdirSync(join(store.dataRoot, 'snapshots/l')), []);
  },
);

test('what a namespace of containerd has a name for is kept, also without its image', ROOT, async (t) => {
  const store = await testStore(t);
  await store.loadBytes(dockerArchive(app));
  const { digest, file } = large(store, 'app:1');
  const { content } = store.namespaced;
  await content.adopt(
    store.ctx,
    { namespace: 'n', lease: undefined },
    { file: undefined, digest, labels: {} },
  );
  const compacted = await store.disk.compact(store.ctx);
  assert.match(
    compacted.map((each) => (each.kind === 'kept' && each.digest === digest ? each.reason : '')).join(''),
    /a namespace of containerd's API has it/,
  );
  await store.images.remove(store.ctx, 'app:1', { force: true, users: () => [] });
  assert.equal(existsSync(file), true);
  content.delete('n', digest);
  await store.namespaced.collect();
  assert.equal(existsSync(file), false);
});

test('a damaged layer is found, named, and nothing that is wrong is saved', ROOT, async (t) => {
  const store = await testStore(t);
  await store.loadBytes(dockerArchive(app, 'gzip'));
  await store.disk.compact(store.ctx);
  const { digest, directory } = large(store, 'app:1');
  writeFileSync(join(directory, 'bulk'), Buffer.alloc(200_000));
  const text = `Cannot make the blob ${digest} again: layer sha256:[0-9a-f]{64} in "${directory}" has changed, it makes sha256:[0-9a-f]{64}; "wherry system check --repair" fetches it once more`;
  await assert.rejects(saved(store, 'app:1'), new RegExp(`^Error: ${text}$|${text}`));
  const [damage] = await store.disk.check(store.ctx, { repair: false });
  assert.match(damage?.problem ?? '', new RegExp(`^${text}$`));
  // The same archive again brings the blob back, and with it the layer can be repaired.
  await store.loadBytes(dockerArchive(app, 'gzip'));
  const repaired = await store.disk.check(store.ctx, { repair: true });
  assert.deepEqual(
    repaired.map(({ what, repaired: done }) => [what, done]),
    [['layer', true]],
  );
  await whole(store);
  await store.disk.compact(store.ctx);
  await whole(store);
});

test('a damaged or lost recipe is found', ROOT, async (t) => {
  const store = await testStore(t);
  await store.loadBytes(dockerArchive(app));
  await store.disk.compact(store.ctx);
  const { digest } = large(store, 'app:1');
  const recipe = join(store.dataRoot, 'content/recipes', digest.slice(7));
  writeFileSync(recipe, 'nonsense');
  const [damage] = await store.disk.check(store.ctx, { repair: false });
  assert.match(damage?.problem ?? '', /The recipe is damaged/);
  rmSync(recipe);
  const { missing } = await store.disk.verify(store.ctx);
  assert.deepEqual(missing, [recipe]);
});

test('a dropped blob is fetched again by check, which exchanges the damaged layer', ROOT, async (t) => {
  const registry = await pullRegistry(t);
  const store = await testStore(t, undefined, plainRegistries());
  const reference = `${registry.host}/app:1`;
  await registry.push(app, 'app:1');
  await pullFrom({ store, ctx: store.ctx }, reference);
  await store.disk.compact(store.ctx);
  const { directory, digest } = large(store, reference);
  writeFileSync(join(directory, 'bulk'), 'short');
  const damage = await store.disk.check(store.ctx, { repair: true });
  assert.deepEqual(
    damage.map(({ what, repaired }) => [what, repaired]),
    [
      ['blob', true],
      ['layer', true],
    ],
  );
  assert.equal(registry.gets(digest), 2);
  assert.deepEqual(recipesIn(store), []);
  await whole(store);
});

test(
  'a dropped blob is not fetched again: not for the same image, nor for another with the layer',
  ROOT,
  async (t) => {
    const registry = await pullRegistry(t);
    const store = await testStore(t, undefined, plainRegistries());
    await registry.push(app, 'app:1');
    await registry.push(other, 'other:1');
    const reference = `${registry.host}/app:1`;
    await pullFrom({ store, ctx: store.ctx }, reference);
    await store.disk.compact(store.ctx);
    const { digest } = large(store, reference);
    await pullFrom({ store, ctx: store.ctx }, reference);
    // The same layer on top of another one.
    await pullFrom({ store, ctx: store.ctx }, `${registry.host}/other:1`);
    assert.equal(registry.gets(digest), 1);
    assert.equal(store.disk.layers(`${registry.host}/other:1`)[1]?.sizeBytes, 200_000);
    await whole(store);
    // Each of the two makes it when the other is damaged.
    const { directory } = large(store, reference);
    writeFileSync(join(directory, 'bulk'), 'changed');
    assert.ok((await saved(store, `${registry.host}/other:1`)).byteLength > 200_000);
    const damage = await store.disk.check(store.ctx, { repair: true });
    assert.deepEqual(
      damage.map(({ what, repaired }) => [what, repaired]),
      [['layer', true]],
    );
    assert.equal(registry.gets(digest), 1);
  },
);

test('a layer that has changed is fetched for a pull of another image', ROOT, async (t) => {
  const registry = await pullRegistry(t);
  const store = await testStore(t, undefined, plainRegistries());
  await registry.push(app, 'app:1');
  await registry.push(other, 'other:1');
  await pullFrom({ store, ctx: store.ctx }, `${registry.host}/app:1`);
  await store.disk.compact(store.ctx);
  const { digest, directory } = large(store, `${registry.host}/app:1`);
  writeFileSync(join(directory, 'bulk'), 'changed');
  await pullFrom({ store, ctx: store.ctx }, `${registry.host}/other:1`);
  assert.equal(registry.gets(digest), 2);
  assert.equal(store.disk.layers(`${registry.host}/other:1`)[1]?.sizeBytes, 200_000);
});

test('why a blob is kept is remembered, and tried again when asked', ROOT, async (t) => {
  const store = await testStore(t);
  // Two members: no compressor writes that.
  const blob = Buffer.concat([gzipSync(base.subarray(0, 5000)), gzipSync(base.subarray(5000))]);
  await store.loadBytes(archiveOf(blob));
  const expected = [{ kind: 'kept', reason: 'no compressor here makes the same gzip of its tar' }];
  for (const _ of [1, 2]) {
    const compacted = await store.disk.compact(store.ctx);
    assert.deepEqual(
      compacted.map(({ digest, blobBytes, ...rest }) => (assert.ok(digest && blobBytes), rest)),
      expected,
    );
  }
  assert.deepEqual([recipesIn(store), readdirSync(join(store.dataRoot, 'content/ingest'))], [[], []]);
  await whole(store);
});

function archiveOf(blob: Uint8Array): Buffer {
  const config = configOf({ layers: [base] });
  const manifest = [{ Config: 'config.json', RepoTags: ['app:1'], Layers: ['layer.tar'] }];
  return tarball([
    { name: 'layer.tar', data: blob },
    { name: 'config.json', data: config },
    { name: 'manifest.json', data: JSON.stringify(manifest) },
  ]);
}
