import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import type { IsUsed, PruneRequest } from '../../../../image/disk.ts';
import type { ImageId } from '../../../../image/snapshots.ts';
import { dockerArchive, imageId, layer, ociArchive, type ImageParts } from '../../../lib/image-archives.ts';
import { testStore, type TestStore } from '../../../lib/image-store.ts';
import { requires } from '../../../lib/requires.ts';

const ROOT = requires('root');
const KIB = 1024;

const base = layer({ name: 'base', data: 'b'.repeat(100 * KIB) });
const first = layer({ name: 'first', data: '1'.repeat(20 * KIB) }, { name: 'small', data: 'x' });
const second = layer({ name: 'second', data: '2'.repeat(30 * KIB) });

const one: ImageParts = {
  layers: [base, first],
  tags: ['one:1'],
  config: { Labels: { kind: 'a', tier: '1' } },
};
const two: ImageParts = { layers: [base, second], tags: ['two:1'], config: { Labels: { kind: 'b' } } };
const three: ImageParts = { layers: [second], tags: ['three:1'], created: '2030-01-01T00:00:00Z' };

const nobody: IsUsed = () => false;
const everything: PruneRequest = {
  danglingOnly: false,
  createdBefore: undefined,
  labels: [],
  notLabels: [],
  dryRun: false,
  isUsed: nobody,
};

const du = (...paths: string[]): number =>
  paths
    .map((path) => execFileSync('du', ['-s', '-B1', path], { encoding: 'utf8' }))
    .reduce((sum, line) => sum + Number.parseInt(line, 10), 0);

/** Of the directories that the account speaks of. */
const duOf = (store: TestStore): number =>
  du(...['content/blobs/sha256', 'snapshots/l'].map((path) => join(store.dataRoot, path)));

async function loaded(t: Parameters<typeof testStore>[0], ...images: ImageParts[]): Promise<TestStore> {
  const store = await testStore(t);
  for (const parts of images) await store.loadBytes(dockerArchive(parts));
  return store;
}

const idOf = (parts: ImageParts): ImageId => imageId(parts) as ImageId;

test('usage is what du says, each shared layer once', ROOT, async (t) => {
  const store = await loaded(t, one, two);
  const usage = store.disk.usage();
  assert.equal(usage.layersBytes, 150 * KIB + 1);
  const verified = await store.disk.verify(store.ctx);
  assert.deepEqual(verified, {
    expectedBytes: usage.layersDiskBytes + usage.contentDiskBytes,
    actualBytes: usage.layersDiskBytes + usage.contentDiskBytes,
    orphans: [],
    missing: [],
  });
  const holders = 2 * 4 * KIB; // the two directories themselves
  assert.equal(duOf(store), verified.actualBytes + holders);
});

test("shared and unique bytes are docker's", ROOT, async (t) => {
  const store = await loaded(t, one, two, three);
  const sizes = store.disk
    .usage()
    .images.map(({ id, sharedBytes, uniqueBytes }) => [id, sharedBytes, uniqueBytes]);
  assert.deepEqual(
    new Set(sizes.map((size) => size.join(' '))),
    new Set([
      [idOf(one), 100 * KIB, 20 * KIB + 1].join(' '),
      // The same diff on top of another layer is another layer.
      [idOf(two), 100 * KIB, 30 * KIB].join(' '),
      [idOf(three), 0, 30 * KIB].join(' '),
    ]),
  );
});

test('layers tell digests, directories, sizes and who shares them', ROOT, async (t) => {
  const store = await loaded(t, two);
  await store.loadBytes(ociArchive(one, { how: 'gzip', withDockerManifest: true }));
  const [low, top] = store.disk.layers('one:1');
  assert.deepEqual(new Set(low?.images), new Set([idOf(one), idOf(two)]));
  assert.deepEqual(top?.images, [idOf(one)]);
  assert.equal(top.sizeBytes, 20 * KIB + 1);
  assert.ok((top.blobBytes ?? 0) > 0 && (top.blobBytes ?? 0) < 10 * KIB, 'the blob is compressed');
  assert.equal(du(top.directory), top.diskBytes);
  const { shared, onlyFirst, onlySecond } = store.disk.diff('one:1', 'two:1');
  assert.deepEqual(
    shared.map(({ chainId }) => chainId),
    [low?.chainId],
  );
  assert.deepEqual(
    onlyFirst.map(({ sizeBytes }) => sizeBytes),
    [20 * KIB + 1],
  );
  assert.deepEqual(
    onlySecond.map(({ sizeBytes }) => sizeBytes),
    [30 * KIB],
  );
  assert.throws(() => store.disk.layers('four'), { code: 'not-found' });
});

test('a verification lists what has no row, and rows whose things are gone', ROOT, async (t) => {
  const store = await loaded(t, one);
  const path = (...parts: string[]): string => join(store.dataRoot, ...parts);
  const stray = `sha256:${'0'.repeat(64)}`;
  execFileSync('sh', [
    '-c',
    `mkdir ${path('snapshots/l/77')} && echo stray > ${path('content/blobs/sha256', stray.slice(7))}`,
  ]);
  const [low, top] = store.disk.layers('one:1');
  execFileSync('rm', ['-r', top?.directory ?? '']);
  execFileSync('rm', [path('content/blobs/sha256', low?.blob?.slice(7) ?? '')]);
  const { orphans, missing, expectedBytes, actualBytes } = await store.disk.verify(store.ctx);
  assert.deepEqual(orphans, [path('content/blobs/sha256', stray.slice(7)), path('snapshots/l/77')]);
  assert.deepEqual(missing, [path('content/blobs/sha256', low?.blob?.slice(7) ?? ''), top?.directory]);
  assert.notEqual(expectedBytes, actualBytes);
});

test('the account says the same when the store is opened again', ROOT, async (t) => {
  const store = await loaded(t, one, two);
  store.disk.pin('one:1', true);
  const before = store.disk.usage();
  await store.close();
  const again = await testStore(t, store.dataRoot);
  assert.deepEqual(again.disk.usage(), before);
});

test('a prune removes images without a name, and tells what the account drops by', ROOT, async (t) => {
  const store = await loaded(t, one, two);
  await store.loadBytes(dockerArchive({ ...three, tags: ['one:1'] }));
  const before = store.disk.usage();
  const planned = await store.disk.prune(store.ctx, { ...everything, danglingOnly: true, dryRun: true });
  assert.deepEqual(store.disk.usage(), before);
  const done = await store.disk.prune(store.ctx, { ...everything, danglingOnly: true });
  assert.deepEqual(planned, done);
  assert.equal(
    done.removed.some((line) => 'deleted' in line && line.deleted === idOf(one)),
    true,
  );
  const after = store.disk.usage();
  const drop = (key: 'layersDiskBytes' | 'contentDiskBytes'): number => before[key] - after[key];
  assert.equal(done.reclaimedBytes, drop('layersDiskBytes') + drop('contentDiskBytes'));
  assert.ok(done.reclaimedBytes > 20 * KIB);
  assert.deepEqual(new Set(after.images.map(({ id }) => id)), new Set([idOf(two), idOf(three)]));
  assert.deepEqual(store.events.slice(-1), [`delete ${idOf(one)}`]);
});

const filters: readonly (readonly [
  name: string,
  request: Partial<PruneRequest>,
  left: readonly ImageParts[],
])[] = [
  ['all', {}, []],
  ['dangling only', { danglingOnly: true }, [one, two, three]],
  ['until', { createdBefore: new Date('2025-01-01') }, [three]],
  ['label', { labels: ['kind'] }, [three]],
  ['label with a value', { labels: ['kind=a'] }, [two, three]],
  ['two labels, both wanted', { labels: ['kind=b', 'tier'] }, [one, two, three]],
  ['label!', { notLabels: ['tier=1'] }, [one]],
  ['used by a container', { isUsed: (id) => id === idOf(two) }, [two]],
];

for (const [name, request, left] of filters) {
  test(`prune: ${name}`, ROOT, async (t) => {
    const store = await loaded(t, one, two, three);
    const planned = await store.disk.prune(store.ctx, { ...everything, ...request, dryRun: true });
    const done = await store.disk.prune(store.ctx, { ...everything, ...request });
    assert.deepEqual(planned, done);
    assert.deepEqual(
      new Set(store.images.list().map(({ id }) => id)),
      new Set(left.map((parts) => idOf(parts))),
    );
    const { orphans, missing, expectedBytes, actualBytes } = await store.disk.verify(store.ctx);
    assert.deepEqual([orphans, missing, expectedBytes], [[], [], actualBytes]);
  });
}

test('a prune leaves pinned images, and layers that a container has', ROOT, async (t) => {
  const store = await loaded(t, one, two);
  store.disk.pin('two:1', true);
  await store.snapshots.prepare(store.ctx, 'c', store.images.get('one:1').topChain);
  const { removed } = await store.disk.prune(store.ctx, everything);
  assert.deepEqual(removed, [{ untagged: 'one:1' }, { deleted: idOf(one) }]);
  assert.deepEqual(
    store.images.list().map(({ tags }) => tags),
    [['two:1']],
  );
  assert.equal(store.snapshots.get('c').lower.length, 2);
});

/** The mark is relative to how full this machine's disk is. */
const ABOVE = { highPercent: 0.001, lowPercent: 0 };

test('reclaim begins with the image used least recently', ROOT, async (t) => {
  const store = await loaded(t, one, two, three);
  const used = async (reference: string): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await store.images.tag(store.ctx, reference, reference);
  };
  for (const reference of ['two:1', 'three:1', 'one:1']) await used(reference);
  store.disk.pin('three:1', true);
  const all = await store.disk.reclaim(store.ctx, { dryRun: true, isUsed: nobody, marks: ABOVE });
  const gone = all.removed.flatMap((line) => ('untagged' in line ? [line.untagged] : []));
  assert.deepEqual(gone, ['two:1', 'one:1']);
  const marks = { highPercent: 100, lowPercent: 0 };
  assert.deepEqual(await store.disk.reclaim(store.ctx, { dryRun: false, isUsed: nobody, marks }), {
    removed: [],
    reclaimedBytes: 0,
  });
  const off = { highPercent: 0, lowPercent: 0 };
  assert.equal(
    (await store.disk.reclaim(store.ctx, { dryRun: false, isUsed: nobody, marks: off })).reclaimedBytes,
    0,
  );
  const isUsed: IsUsed = (id) => id === idOf(two);
  await store.disk.reclaim(store.ctx, { dryRun: false, isUsed, marks: ABOVE });
  assert.deepEqual(new Set(store.images.list().flatMap(({ tags }) => tags)), new Set(['two:1', 'three:1']));
});
