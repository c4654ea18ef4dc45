import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RemovedImage } from '../../../image/images.ts';
import { dockerArchive, imageId, layer, type ImageParts } from '../../lib/image-archives.ts';
import { testStore, type TestStore } from '../../lib/image-store.ts';
import { requires } from '../../lib/requires.ts';

const ROOT = requires('root');

const base = layer({ name: 'base', data: 'base' });
const app: ImageParts = { layers: [base, layer({ name: 'app', data: '1' })], tags: ['app:1'] };
const other: ImageParts = { layers: [base], tags: ['other:1'], created: '2025-01-01T00:00:00Z' };
const id = imageId(app);
const short = id.slice(7, 19);
const running = [{ id: 'c'.repeat(64), running: true }];
const stopped = [{ id: 'd'.repeat(64), running: false }];

const loaded = async (t: Parameters<typeof testStore>[0]): Promise<TestStore> => {
  const store = await testStore(t);
  await store.loadBytes(dockerArchive(app));
  await store.loadBytes(dockerArchive(other));
  store.events.length = 0;
  return store;
};

test('images are found by name, id and beginning of an id', ROOT, async (t) => {
  const store = await loaded(t);
  for (const text of [
    'app:1',
    'docker.io/library/app:1',
    id,
    id.slice(7),
    short,
    id.slice(7, 11),
    `sha256:${short}`,
  ]) {
    assert.equal(store.images.get(text).id, id, text);
  }
  assert.deepEqual(
    store.images.list().map(({ tags }) => tags[0]),
    ['other:1', 'app:1'],
    'newest first',
  );
});

const missing: readonly [text: string, code: string, message: string][] = [
  ['nope', 'not-found', 'No such image: nope:latest'],
  ['app', 'not-found', 'No such image: app:latest'],
  ['localhost:5000/app:1', 'not-found', 'No such image: localhost:5000/app:1'],
  [`sha256:${'0'.repeat(64)}`, 'not-found', `No such image: sha256:${'0'.repeat(64)}`],
  ['A', 'invalid-argument', 'invalid reference format: repository name (library/A) must be lowercase'],
];

for (const [text, code, message] of missing) {
  test(`"${text.slice(0, 20)}" is answered with ${code}`, ROOT, async (t) => {
    const store = await loaded(t);
    assert.throws(() => store.images.get(text), { code, message });
  });
}

test('a tag moves from one image to another', ROOT, async (t) => {
  const store = await loaded(t);
  await store.images.tag(store.ctx, short, 'other:1');
  assert.equal(store.images.get('other:1').id, id);
  assert.deepEqual(store.images.get(id).tags, ['app:1', 'other:1']);
  assert.deepEqual(store.images.get(imageId(other)).tags, []);
  assert.deepEqual(store.events, ['tag other:1']);
});

test('a loaded name that belongs to another image moves, as docker says', ROOT, async (t) => {
  const store = await loaded(t);
  store.said.length = 0;
  await store.loadBytes(dockerArchive({ ...other, tags: ['app:1'] }));
  assert.deepEqual(store.said, [
    `The image app:1 already exists, renaming the old one with ID ${id} to empty string\n`,
    'Loaded image: app:1\n',
  ]);
  assert.deepEqual(store.images.get(id).tags, []);
});

for (const target of ['Bad', `x@sha256:${'0'.repeat(64)}`, 'sha256:1', '0'.repeat(64)]) {
  test(`an image can't be named "${target.slice(0, 20)}"`, ROOT, async (t) => {
    const store = await loaded(t);
    await assert.rejects(store.images.tag(store.ctx, 'app:1', target), { code: 'invalid-argument' });
  });
}

interface Removal {
  readonly what: string;
  readonly tags?: readonly string[];
  readonly reference: string;
  readonly force?: boolean;
  readonly users?: typeof running;
  readonly removed?: (RemovedImage | 'image' | 'layer')[];
  readonly refused?: string;
}

const untagged: RemovedImage = { untagged: 'app:1' };
const removals: readonly Removal[] = [
  { what: 'the last name deletes', reference: 'app:1', removed: [untagged, 'image', 'layer'] },
  { what: 'one of two names untags', tags: ['app:2'], reference: 'app:1', removed: [untagged] },
  { what: 'an id with one name deletes', reference: short, removed: [untagged, 'image', 'layer'] },
  {
    what: 'an id with two names of two repositories is refused',
    tags: ['b:1'],
    reference: short,
    refused: `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
  },
  {
    what: 'an id with two tags is refused',
    tags: ['app:2'],
    reference: id,
    refused: `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
  },
  {
    what: 'an id with two names is forced',
    tags: ['b:1'],
    reference: short,
    force: true,
    removed: [untagged, { untagged: 'b:1' }, 'image', 'layer'],
  },
  {
    what: 'the last name of a used image is refused',
    reference: 'app:1',
    users: stopped,
    refused: `conflict: unable to remove repository reference "app:1" (must force) - container dddddddddddd is using its referenced image ${short}`,
  },
  {
    what: 'one of two names of a used image untags',
    tags: ['app:2'],
    reference: 'app:1',
    users: running,
    removed: [untagged],
  },
  {
    what: 'the last name of a stopped container’s image is forced',
    reference: 'app:1',
    force: true,
    users: stopped,
    removed: [untagged, 'image', 'layer'],
  },
  {
    what: 'the last name of a running container’s image is forced, the image stays',
    reference: 'app:1',
    force: true,
    users: running,
    removed: [untagged],
  },
  {
    what: 'the id of a running container’s image is refused',
    reference: short,
    force: true,
    users: running,
    refused: `conflict: unable to delete ${short} (cannot be forced) - image is being used by running container cccccccccccc`,
  },
  {
    what: 'the id of a stopped container’s image is refused',
    reference: short,
    users: stopped,
    refused: `conflict: unable to delete ${short} (must be forced) - image is being used by stopped container dddddddddddd`,
  },
];

for (const { what, tags = [], reference, force = false, users = [], removed, refused } of removals) {
  test(`rmi: ${what}`, ROOT, async (t) => {
    const store = await loaded(t);
    for (const tag of tags) await store.images.tag(store.ctx, id, tag);
    const chain = store.images.get(id).topChain ?? '';
    const removing = store.images.remove(store.ctx, reference, { force, users: () => users });
    if (refused !== undefined) {
      await assert.rejects(removing, { code: 'conflict', message: refused });
      assert.deepEqual(store.images.get(id).tags, ['app:1', ...tags]);
      return;
    }
    const expected = removed?.map((item) =>
      item === 'image' ? { deleted: id } : item === 'layer' ? { deleted: chain } : item,
    );
    assert.deepEqual(await removing, expected);
    assert.equal(
      store.images.list().some((image) => image.id === id),
      !(removed ?? []).includes('image'),
    );
    assert.equal(store.images.get('other:1').sizeBytes, 4, 'the shared layer stays');
  });
}
