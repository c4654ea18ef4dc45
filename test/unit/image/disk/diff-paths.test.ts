import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeCtx } from '../../../../common/ctx.ts';
import { codeOf } from '../../../../common/errors.ts';
import { dockerArchive, layer } from '../../../lib/image-archives.ts';
import { testStore, type TestStore } from '../../../lib/image-store.ts';
import { requires } from '../../../lib/requires.ts';
import type { Member } from '../../../lib/tarball.ts';

const ROOT = requires('root');

const BASE: readonly Member[] = [
  { name: 'etc/', mode: 0o755 },
  { name: 'etc/conf', data: 'one' },
  { name: 'etc/same', data: 'same' },
  { name: 'gone/' },
  { name: 'gone/file', data: 'x' },
  { name: 'link', type: '2', linkName: 'etc/conf' },
  { name: 'becomes-dir', data: 'x' },
  { name: 'was-dir/' },
  { name: 'was-dir/file', data: 'x' },
];

async function load(store: TestStore, tag: string, layers: readonly (readonly Member[])[]): Promise<void> {
  const parts = { layers: layers.map((members) => layer(...members)), tags: [tag] };
  await store.loadBytes(dockerArchive(parts));
}

async function lines(store: TestStore, first: string, second: string): Promise<string[]> {
  const all: string[] = [];
  for await (const some of store.disk.diffPaths(store.ctx, first, second)) {
    all.push(...some.map(({ path, kind, aspects }) => [kind[0], path, ...aspects].join(' ')));
  }
  return all;
}

/** `b` on top of the base, and what differs. */
const cases: readonly (readonly [what: string, on: readonly Member[], expected: readonly string[]])[] = [
  ['nothing', [], []],
  ['what is the same once more', [{ name: 'etc/same', data: 'same' }], []],
  ['a new file', [{ name: 'etc/new', data: 'n' }], ['a /etc/new']],
  ['a new directory, with all in it', [{ name: 'n/' }, { name: 'n/f' }], ['a /n', 'a /n/f']],
  ['a directory that is gone, itself alone', [{ name: '.wh.gone' }], ['d /gone']],
  ['another size', [{ name: 'etc/conf', data: 'three' }], ['c /etc/conf content']],
  ['other bytes of the same size', [{ name: 'etc/conf', data: 'two' }], ['c /etc/conf content']],
  [
    'mode, owner and time',
    [{ name: 'etc/conf', data: 'one', mode: 0o600, uid: 5, mtime: 9 }],
    ['c /etc/conf mode owner time'],
  ],
  [
    'attributes',
    [{ name: 'etc/conf', data: 'one', pax: { 'SCHILY.xattr.user.x': 'y' } }],
    ['c /etc/conf attributes'],
  ],
  ["a directory's mode", [{ name: 'etc/', mode: 0o700 }], ['c /etc mode']],
  ['a link that leads elsewhere', [{ name: 'link', type: '2', linkName: 'etc/none' }], ['c /link content']],
  [
    'a file that becomes a directory',
    [{ name: 'becomes-dir/' }, { name: 'becomes-dir/f', data: 'x' }],
    ['c /becomes-dir type', 'a /becomes-dir/f'],
  ],
  ['a directory that becomes a file', [{ name: 'was-dir', data: 'x' }], ['c /was-dir type']],
  [
    'an opaque directory',
    [{ name: 'etc/' }, { name: 'etc/.wh..wh..opq' }, { name: 'etc/same', data: 'same' }],
    ['d /etc/conf'],
  ],
];

test('paths that differ', ROOT, async (t) => {
  const store = await testStore(t);
  await load(store, 'base:1', [BASE]);
  for (const [index, [what, on, expected]] of cases.entries()) {
    await load(store, `other:${index}`, [BASE, on]);
    assert.deepEqual(await lines(store, 'base:1', `other:${index}`), expected, what);
  }
  // The same tree of other layers, which share nothing with the base on the disk.
  await load(store, 'apart:1', [[{ name: 'etc/', mode: 0o755 }], BASE]);
  assert.deepEqual(await lines(store, 'base:1', 'apart:1'), []);
});

test('the other way round, what was added is deleted', ROOT, async (t) => {
  const store = await testStore(t);
  await load(store, 'a:1', [BASE]);
  await load(store, 'b:1', [BASE, [{ name: 'n/' }, { name: 'n/f' }, { name: '.wh.link' }]]);
  assert.deepEqual(await lines(store, 'b:1', 'a:1'), ['a /link', 'd /n']);
});

test('an image that is not there is named at once', ROOT, async (t) => {
  const store = await testStore(t);
  await load(store, 'a:1', [BASE]);
  assert.throws(
    () => store.disk.diffPaths(store.ctx, 'a:1', 'none:1'),
    (error) => codeOf(error) === 'not-found',
  );
});

test('who stops reading holds nothing, and images that go meanwhile stay until the end', ROOT, async (t) => {
  const store = await testStore(t);
  const many = Array.from({ length: 4_000 }, (_, n): Member => ({
    name: `directory-${n % 20}/${'long'.repeat(20)}-${n}`,
  }));
  await load(store, 'a:1', [BASE]);
  await load(store, 'b:1', [BASE, many]);
  const abort = new AbortController();
  const reading = store.disk.diffPaths(makeCtx(store.ctx.log, abort.signal), 'a:1', 'b:1');
  const reader = reading[Symbol.asyncIterator]();
  const first = await reader.next();
  assert.ok(first.done !== true && first.value.length < 4_000, 'in pieces');
  for (const name of ['a:1', 'b:1']) {
    await store.images.remove(store.ctx, name, { force: true, users: () => [] });
  }
  assert.ok(store.disk.usage().layersBytes > 0);
  assert.equal((await reader.next()).done, false);
  await reader.return?.();
  const { orphans, missing, actualBytes } = await store.disk.verify(store.ctx);
  assert.deepEqual([orphans, missing, actualBytes], [[], [], 0]);
});
