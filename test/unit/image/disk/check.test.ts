import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Damage } from '../../../../image/disk.ts';
import { dockerArchive, imageId, layer, type ImageParts } from '../../../lib/image-archives.ts';
import { testStore, type TestStore } from '../../../lib/image-store.ts';
import { requires } from '../../../lib/requires.ts';

const ROOT = requires('root');

const lower = layer(
  { name: './', mode: 0o711, uid: 3 },
  { name: 'etc/', mode: 0o750, gid: 7 },
  { name: 'etc/conf', data: 'left alone', mode: 0o640, uid: 5 },
  { name: 'file', data: 'the content of a file' },
  { name: 'link', type: '2', linkName: 'file' },
  { name: 'again', type: '1', linkName: 'file' },
);
// Implies `etc/`, hides `file`.
const upper = layer(
  { name: 'etc/more', data: 'more' },
  { name: '.wh.file' },
  { name: 'deep/er/est', data: 'x' },
);
const parts: ImageParts = { layers: [lower, upper], tags: ['app:1'] };

async function loaded(t: Parameters<typeof testStore>[0]): Promise<TestStore> {
  const store = await testStore(t);
  await store.loadBytes(dockerArchive(parts));
  return store;
}

const directories = (store: TestStore): string[] =>
  store.disk.layers('app:1').map(({ directory }) => directory);
const blobs = (store: TestStore): string[] => {
  const holder = join(store.dataRoot, 'content/blobs/sha256');
  return store.disk.layers('app:1').map(({ blob }) => join(holder, blob?.slice(7) ?? ''));
};
const short = (damage: readonly Damage[]): object[] =>
  damage.map(({ what, images, repaired }) => ({ what, images, repaired }));
const oneLayer = (repaired: boolean): object[] => [{ what: 'layer', images: [imageId(parts)], repaired }];

/** The account holds, and the disk has nothing but what it speaks of. */
async function isSound(store: TestStore): Promise<void> {
  const { orphans, missing, expectedBytes, actualBytes } = await store.disk.verify(store.ctx);
  assert.deepEqual([orphans, missing, actualBytes], [[], [], expectedBytes]);
  assert.deepEqual(await store.disk.check(store.ctx, { repair: false }), []);
}

test('nothing is wrong with a store that nobody damaged, also after a restart', ROOT, async (t) => {
  const store = await loaded(t);
  const before = directories(store);
  assert.deepEqual(await store.disk.check(store.ctx, { repair: true }), []);
  assert.deepEqual(directories(store), before);
  await store.close();
  await isSound(await testStore(t, store.dataRoot));
});

/** Each is done to the directory of the lower layer. */
const harm: readonly (readonly [what: string, shell: string, told: RegExp])[] = [
  [
    'a byte of a file',
    'touch -r file ../ref; printf X | dd of=file conv=notrunc; touch -r ../ref file; rm ../ref',
    /content/,
  ],
  ['a truncated file', ': > etc/conf', /"etc\/conf" has another size/],
  ['a missing file', 'rm etc/conf', /"etc\/conf" is missing/],
  ['a file too many', 'touch x', /"x" is too many/],
  ['a mode', 'chmod 4755 file', /mode/],
  ['an owner', 'chown 9 etc', /"etc" has another owner/],
  ['a time', 'touch -d @5 file', /time/],
  ['a link that leads elsewhere', 'ln -sfn f1le link; touch -h -d @0 link', /"link" /],
  ['a broken hard link', 'cp -p file new; mv new file', /time|number of links/],
  ['an extended attribute', `python3 -c 'import os; os.setxattr("file", "user.x", b"y")'`, /attributes/],
  ['another type', 'rm etc/conf; mkdir etc/conf', /type/],
  ['the whole directory', 'cd ..; rm -r "$OLDPWD"', /is missing/],
];

for (const [what, shell, told] of harm) {
  test(`damage to a layer is found and repaired: ${what}`, ROOT, async (t) => {
    const store = await loaded(t);
    const [directory = ''] = directories(store);
    execFileSync('sh', ['-ec', `cd "${directory}"; ${shell}`], { stdio: 'ignore' });
    const found = await store.disk.check(store.ctx, { repair: false });
    assert.deepEqual(short(found), oneLayer(false));
    assert.match(found[0]?.problem ?? '', told);
    const exchanged: string[][] = [];
    const onExchanged = (): void => void exchanged.push(directories(store));
    assert.deepEqual(short(await store.disk.check(store.ctx, { repair: true, onExchanged })), oneLayer(true));
    assert.equal(exchanged.length, 1);
    await isSound(store);
    assert.equal(readFileSync(join(directories(store)[0] ?? '', 'etc/conf'), 'utf8'), 'left alone');
    await store.close();
    await isSound(await testStore(t, store.dataRoot));
  });
}

test('a layer is not exchanged below a container that runs', ROOT, async (t) => {
  const store = await loaded(t);
  const dirs = await store.snapshots.prepare(store.ctx, 'c', store.images.get('app:1').topChain);
  writeFileSync(join(directories(store)[0] ?? '', 'file'), 'changed');
  const found = await store.disk.check(store.ctx, { repair: true, mounted: () => new Set(['c']) });
  assert.deepEqual(short(found), oneLayer(false));
  assert.match(found[0]?.problem ?? '', /running container/);
  assert.deepEqual(store.snapshots.get('c'), dirs);
  assert.deepEqual(
    short(await store.disk.check(store.ctx, { repair: true, mounted: () => new Set() })),
    oneLayer(true),
  );
  assert.notDeepEqual(store.snapshots.get('c').lower, dirs.lower);
  await isSound(store);
});

test('a damaged blob is found; its layer can be measured only', ROOT, async (t) => {
  const store = await loaded(t);
  const [blob = ''] = blobs(store);
  const bytes = readFileSync(blob);
  bytes[700] = (bytes[700] ?? 0) ^ 1;
  writeFileSync(blob, bytes);
  const [found, ...rest] = await store.disk.check(store.ctx, { repair: true });
  assert.deepEqual(rest, []);
  assert.equal(found?.repaired, false);
  assert.match(found.problem, /is damaged.*not known where it came from/);
  rmSync(join(directories(store)[0] ?? '', 'file'));
  const both = await store.disk.check(store.ctx, { repair: true });
  assert.deepEqual(
    both.map(({ what, repaired }) => [what, repaired]),
    [
      ['blob', false],
      ['layer', false],
    ],
  );
  assert.match(both[1]?.problem ?? '', /no blob/);
});

test(
  'loading the image again replaces a blob that was cut short, and one that is missing',
  ROOT,
  async (t) => {
    const store = await loaded(t);
    const [low = '', top = ''] = blobs(store);
    truncateSync(low, 100);
    rmSync(top);
    assert.equal((await store.disk.check(store.ctx, { repair: false })).length, 2);
    await store.loadBytes(dockerArchive(parts));
    await isSound(store);
  },
);

test('a configuration is restored from its row', ROOT, async (t) => {
  const store = await loaded(t);
  const path = join(store.dataRoot, 'content/blobs/sha256', imageId(parts).slice(7));
  for (const damage of [(): void => rmSync(path), (): void => truncateSync(path, 5)]) {
    damage();
    const [found] = await store.disk.check(store.ctx, { repair: true });
    assert.deepEqual([found?.what, found?.digest, found?.repaired], ['blob', imageId(parts), true]);
    await isSound(store);
  }
});

test('a check that is cancelled leaves nothing behind', ROOT, async (t) => {
  const store = await loaded(t);
  const abort = new AbortController();
  const { makeCtx } = await import('../../../../common/ctx.ts');
  const ctx = makeCtx(store.ctx.log, abort.signal);
  const mounted = (): ReadonlySet<string> => {
    abort.abort();
    return new Set();
  };
  rmSync(join(directories(store)[0] ?? '', 'file'));
  await store.disk.check(ctx, { repair: true, mounted }).catch(() => {});
  await isSound(store);
});

test('a store opens whatever is missing, and says what', ROOT, async (t) => {
  const store = await loaded(t);
  await store.close();
  for (const path of ['snapshots/l', 'content/blobs/sha256']) {
    const [victim = ''] = readdirSync(join(store.dataRoot, path));
    rmSync(join(store.dataRoot, path, victim), { recursive: true });
  }
  const again = await testStore(t, store.dataRoot);
  const damage = await again.disk.check(again.ctx, { repair: false });
  assert.ok(damage.length >= 2, JSON.stringify(damage));
  assert.deepEqual(
    again.images.list().map(({ tags }) => tags),
    [['app:1']],
  );
  // Loading it again makes it whole.
  await again.images.remove(again.ctx, 'app:1', { force: true, users: () => [] });
  await again.loadBytes(dockerArchive(parts));
  await isSound(again);
});
