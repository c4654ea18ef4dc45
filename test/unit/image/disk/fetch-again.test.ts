import assert from 'node:assert/strict';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Damage } from '../../../../image/disk.ts';
import { layer } from '../../../lib/image-archives.ts';
import { testStore, type TestStore } from '../../../lib/image-store.ts';
import { pullFrom, plainRegistries } from '../../../lib/pulling.ts';
import { pullRegistry } from '../../../lib/pull-registry.ts';
import { requires } from '../../../lib/requires.ts';

const NEEDS = requires('root', 'docker-registry');

const parts = {
  layers: [
    layer({ name: 'a', data: Buffer.alloc(70_000, 'a') }),
    layer({ name: 'b', data: Buffer.alloc(50_000, 'b') }),
  ],
};

async function pulled(t: TestContext) {
  const registry = await pullRegistry(t);
  const image = await registry.push(parts, 'app:1');
  const store = await testStore(t, undefined, plainRegistries());
  await pullFrom({ store, ctx: store.ctx }, `${registry.host}/app:1`);
  const blob = (digest: string): string => join(store.dataRoot, 'content/blobs/sha256', digest.slice(7));
  return { registry, store, image, blob };
}

const short = (damage: readonly Damage[]): object[] =>
  damage.map(({ what, digest, repaired }) => ({ what, digest, repaired }));

async function isSound(store: TestStore): Promise<void> {
  const { orphans, missing, expectedBytes, actualBytes } = await store.disk.verify(store.ctx);
  assert.deepEqual([orphans, missing, actualBytes], [[], [], expectedBytes]);
  assert.deepEqual(await store.disk.check(store.ctx, { repair: false }), []);
}

test('a damaged and a missing blob are fetched again, and nothing else', NEEDS, async (t) => {
  const { registry, store, image, blob } = await pulled(t);
  const [low = '', top = ''] = image.layers.map(({ digest }) => digest);
  const bytes = readFileSync(blob(low));
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  writeFileSync(blob(low), bytes);
  assert.deepEqual(short(await store.disk.check(store.ctx, { repair: true })), [
    { what: 'blob', digest: low, repaired: true },
  ]);
  assert.deepEqual([registry.gets(low), registry.gets(top)], [2, 1]);
  rmSync(blob(top));
  rmSync(store.disk.layers(`${registry.host}/app:1`)[1]?.directory ?? '', { recursive: true });
  const damage = await store.disk.check(store.ctx, { repair: true });
  assert.deepEqual(
    damage.map(({ what, repaired }) => [what, repaired]),
    [
      ['blob', true],
      ['layer', true],
    ],
  );
  assert.deepEqual([registry.gets(low), registry.gets(top)], [2, 2]);
  await isSound(store);
});

test('a manifest is fetched again', NEEDS, async (t) => {
  const { store, image, blob } = await pulled(t);
  for (const harm of [
    (): void => rmSync(blob(image.manifest)),
    (): void => truncateSync(blob(image.manifest), 10),
  ]) {
    harm();
    assert.deepEqual(short(await store.disk.check(store.ctx, { repair: true })), [
      { what: 'blob', digest: image.manifest, repaired: true },
    ]);
    await isSound(store);
  }
});

test(
  'what the registry sends is verified; a blob that does not come is told, with the reason',
  NEEDS,
  async (t) => {
    const { registry, store, image, blob } = await pulled(t);
    const low = image.layers[0]?.digest ?? '';
    truncateSync(blob(low), 10);
    registry.onBlob(() => ({ corrupt: true }));
    const [found, ...rest] = await store.disk.check(store.ctx, { repair: true });
    assert.deepEqual([rest, found?.repaired], [[], false]);
    assert.match(found?.problem ?? '', /verification failed/);
    const { orphans } = await store.disk.verify(store.ctx);
    assert.deepEqual(orphans, []);
    registry.onBlob(() => undefined);
    assert.deepEqual(short(await store.disk.check(store.ctx, { repair: true })), [
      { what: 'blob', digest: low, repaired: true },
    ]);
    await isSound(store);
  },
);
