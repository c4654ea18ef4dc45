import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { makeCtx } from '../../common/ctx.ts';
import { setPatience } from '../../common/patient-fs.ts';
import { silentLog } from '../../common/log.ts';
import { openDatabase } from '../../common/sqlite.ts';
import { openImageStore } from '../../image/store.ts';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { mountFreezable, type Freezable } from '../lib/freezable.ts';
import { dockerArchive, layer } from '../lib/image-archives.ts';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { rest } from '../lib/rest.ts';

const NEEDS = requires('root', 'bindfs', 'docker-client', 'busybox', 'nftables', 'overlay');
const TIMEOUT_S = 4;
const HANGING = 6;

const archive = (name: string): Buffer =>
  dockerArchive({ layers: [layer({ name, data: Buffer.alloc(300_000, name) })], tags: [`${name}:1`] });

const daemonHere = (t: TestContext): Promise<Daemon> =>
  startDaemon(t, { args: ['--storage-timeout', String(TIMEOUT_S)] });

/** What has nothing to do with the storage that hangs. */
async function othersGoOn(daemon: Daemon): Promise<void> {
  assert.equal(await daemon.dockerOk('run', '--rm', '--network', 'none', 'busybox', 'echo', 'fine'), 'fine');
  assert.match(await daemon.dockerOk('images'), /busybox/);
  assert.match(await daemon.dockerOk('system', 'df'), /Images/);
  await daemon.dockerOk('ps', '-a');
  await daemon.dockerOk('inspect', 'busybox');
}

test('starts that hang on a bind hold up nobody, and name its path', NEEDS, async (t) => {
  const daemon = await daemonHere(t);
  const real = join(daemon.directory, 'real');
  await mkdir(join(real, 'sub'), { recursive: true });
  await using storage = await mountFreezable(real, join(daemon.directory, 'fuse'));
  const path = join(storage.path, 'sub');
  const names = Array.from({ length: HANGING }, (_, n) => `h${n}`);
  for (const name of names) {
    const volume = name === 'h0' ? `${path}/made:/x` : `${path}:/x`;
    await daemon.dockerOk('create', '--name', name, '--network', 'none', '-v', volume, 'busybox', 'true');
  }
  storage.freeze();
  const starts = names.map((name) => rest(daemon.socket, 'POST', { path: `/containers/${name}/start` }));
  let settled = 0;
  for (const start of starts) void start.then(() => (settled += 1));
  await othersGoOn(daemon);
  const own = join(daemon.directory, 'own');
  await daemon.dockerOk('run', '--rm', '--network', 'none', '-v', `${own}:/x`, 'busybox', 'touch', '/x/y');
  assert.deepEqual(await readdir(own), ['y']);
  for (const [index, answer] of (await Promise.all(starts)).entries()) {
    assert.equal(answer.status, 500, answer.text);
    assert.match(answer.text, /It took too long to .*does its storage answer\?/);
    assert.ok(answer.text.includes(index === 0 ? `${path}/made` : path), answer.text);
  }
  assert.equal(settled, HANGING);
  await othersGoOn(daemon);
  assert.match(await daemon.dockerOk('inspect', '-f', '{{.State.Status}}', 'h1'), /created/);
  storage.thaw();
  await eventually(
    'what hung can be started',
    async () => (await daemon.docker('start', '-a', 'h1')).code === 0,
  );
  await daemon.dockerOk('rm', '-f', ...names);
  await storage[Symbol.asyncDispose]();
  await eventually('nothing is left', async () => (await daemon.leftovers()).length === 0, 30_000);
  await rm(own, { recursive: true });
});

test('loads and saves that hang on the content hold up nobody, and name their path', NEEDS, async (t) => {
  const daemon = await daemonHere(t);
  await daemon.stop();
  const content = join(daemon.dataRoot, 'content');
  await rename(content, `${content}.real`);
  const storage = await mountFreezable(`${content}.real`, content);
  t.after(() => daemon.kill9());
  try {
    await daemon.restart();
    storage.freeze();
    const call = (method: string, path: string, body?: Uint8Array) =>
      rest(daemon.socket, method, body === undefined ? { path } : { path, body });
    const hanging = [
      ...['a', 'b', 'c'].map((name) => call('POST', '/images/load', archive(name))),
      ...[1, 2, 3].map(() => call('GET', '/images/busybox/get')),
    ];
    await othersGoOn(daemon);
    for (const { text } of await Promise.all(hanging)) {
      assert.match(text, /has not answered for 4 s/);
      assert.ok(text.includes(content), text);
    }
    await othersGoOn(daemon);
    storage.thaw();
    await eventually('a load works again', async () =>
      (await call('POST', '/images/load', archive('d'))).text.includes('Loaded image'),
    );
    await eventually('nothing is left', async () => (await readdir(`${content}.real/ingest`)).length === 0);
    assert.match(await daemon.dockerOk('images'), /^d /m);
    assert.equal(await daemon.stop(), 0);
  } finally {
    await storage[Symbol.asyncDispose]();
  }
});

interface HungStore extends AsyncDisposable {
  readonly storage: Freezable;
  readonly store: Awaited<ReturnType<typeof openImageStore>>;
  readonly root: string;
}

/** Its layers lie on storage that may hang. */
async function hungStore(): Promise<HungStore> {
  await using stack = new AsyncDisposableStack();
  const root = await mkdtemp(join(tmpdir(), 'hung-'));
  stack.defer(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, 'real'));
  const storage = stack.use(await mountFreezable(join(root, 'real'), join(root, 'snapshots')));
  const db = openDatabase(join(root, 'meta.db'));
  stack.defer(() => db.close());
  const store = await openImageStore({ dataRoot: root, db, log: silentLog, storagePatienceMs: 1_000 });
  stack.defer(() => setPatience(120_000));
  stack.defer(() => store.close());
  const owned = stack.move();
  return { storage, store, root, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

test('a worker that hangs is replaced: its layer is named, and gone after the thaw', NEEDS, async () => {
  await using hung = await hungStore();
  const { storage, store, root } = hung;
  const ctx = makeCtx(silentLog);
  const load = (bytes: Buffer) => store.images.load(ctx, Readable.from([bytes]), () => {});
  const files = Array.from({ length: 2_000 }, (_, n) => ({ name: `f${n}`, data: `${n}` }));
  const many = (tag: string): Buffer =>
    dockerArchive({ layers: [layer({ name: tag, data: tag }, ...files)], tags: [`${tag}:1`] });
  // More than there are workers.
  const loads = ['a', 'b', 'c'].map((tag) => load(many(tag)));
  const results = Promise.allSettled(loads);
  const real = join(root, 'real', 'l');
  await eventually('it unpacks', async () => {
    const layers = await readdir(real);
    return layers.length > 0 && (await readdir(join(real, layers[0] ?? ''))).length > 20;
  });
  storage.freeze();
  for (const result of await results) {
    if (result.status === 'fulfilled') continue;
    assert.match(String(result.reason), /The storage at ".*snapshots\/.*" has not answered for 1 s/);
  }
  assert.ok((await results).some(({ status }) => status === 'rejected'));
  const before = store.images.list().length;
  storage.thaw();
  await eventually('what failed is gone', async () => (await readdir(real)).length === before, 30_000);
  const trash = join(root, 'real', 't');
  await eventually('the trash is empty', async () => (await readdir(trash)).length === 0, 30_000);
  await load(many('e'));
  assert.deepEqual((await store.disk.verify(ctx)).orphans, []);
});
