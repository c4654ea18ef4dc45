import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { CommitRequest, ImportRequest } from '../../../../image/archives.ts';
import { bzip2Of, dockerArchive, layer, xzOf } from '../../../lib/image-archives.ts';
import { testStore, type TestStore } from '../../../lib/image-store.ts';
import { requires } from '../../../lib/requires.ts';
import { tarball } from '../../../lib/tarball.ts';

const ROOT = requires('root');
const BASE = dockerArchive({
  layers: [layer({ name: 'etc/' }, { name: 'etc/old', data: 'old' })],
  tags: ['base:1'],
});

/** A store with an image and a snapshot on it; `upper` is what a container would write to. */
async function place(t: TestContext): Promise<TestStore & { upper: string; request: CommitRequest }> {
  const store = await testStore(t);
  const [image] = await store.loadBytes(BASE);
  assert.ok(image !== undefined);
  const { upper } = await store.snapshots.prepare(store.ctx, 'c', image.topChain);
  const request: CommitRequest = {
    snapshot: 'c',
    image: image.id,
    reference: 'made:1',
    config: { Cmd: ['sh'] },
    changes: [],
    author: '',
    comment: '',
    containerId: 'f'.repeat(64),
    command: ['sh'],
  };
  return { ...store, upper, request };
}

const IMPORT: ImportRequest = { reference: undefined, message: '', changes: [], platform: undefined };

const importing = (store: TestStore, data: Readable | Uint8Array, request = IMPORT): Promise<string> =>
  store.archives.importRoot(store.ctx, data instanceof Readable ? data : Readable.from([data]), request);

/** Blobs, what is on its way in, layers. */
const counts = ({ dataRoot }: TestStore): number[] =>
  ['content/blobs/sha256', 'content/ingest', 'snapshots/l'].map(
    (path) => readdirSync(join(dataRoot, path)).length,
  );

const descriptors = (): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });

const openBelow = (path: string): string[] => descriptors().filter((name) => name.startsWith(path));

test(
  'the same change is the same layer, once on the disk; a committed image is saved and loaded',
  ROOT,
  async (t) => {
    const store = await place(t);
    writeFileSync(join(store.upper, 'new'), 'new');
    const first = await store.archives.commit(store.ctx, store.request);
    const before = counts(store);
    const second = await store.archives.commit(store.ctx, {
      ...store.request,
      reference: 'made:2',
      comment: 'x',
    });
    assert.notEqual(first, second);
    const [a, b] = [store.images.get('made:1'), store.images.get('made:2')];
    assert.deepEqual(a.diffIds, b.diffIds);
    assert.equal(counts(store)[0], (before[0] ?? 0) + 1, 'only a configuration more');
    assert.equal(counts(store)[2], before[2]);
    const other = await testStore(t);
    const archive = await store.archives.save(store.ctx, ['made:1'], undefined);
    const [loaded] = await other.loadBytes(await buffer(Readable.from(archive)));
    assert.equal(loaded?.id, first);
    assert.deepEqual(
      store.events.filter((event) => event.startsWith('tag')),
      ['tag made:1', 'tag made:2'],
    );
  },
);

test('an image that is removed while a container of it is committed keeps the layers', ROOT, async (t) => {
  const store = await place(t);
  writeFileSync(join(store.upper, 'new'), 'new');
  await store.archives.commit(store.ctx, store.request);
  await store.images.remove(store.ctx, 'base:1', { force: true, users: () => [] });
  await store.snapshots.prepare(store.ctx, 'again', store.images.get('made:1').topChain);
  assert.deepEqual(await store.archives.changes(store.ctx, 'again'), []);
  await assert.rejects(store.archives.commit(store.ctx, store.request), { code: 'not-found' });
});

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Commits in a process of its own, which a failpoint ends or makes fail; returns the data root. */
function committed(t: TestContext, failpoint: string): string {
  const root = mkdtempSync('/tmp/crash-');
  t.after(() => rmSync(root, { recursive: true, force: true }));
  writeFileSync(join(root, 'archive.tar'), BASE);
  const script = `
    import { createReadStream, writeFileSync } from 'node:fs';
    import { openDatabase } from '${at('../../../../common/sqlite.ts')}';
    import { makeCtx } from '${at('../../../../common/ctx.ts')}';
    import { silentLog } from '${at('../../../../common/log.ts')}';
    import { openImageStore } from '${at('../../../../image/store.ts')}';
    const store = await openImageStore({ dataRoot: '${root}', db: openDatabase('${root}/meta.db'), log: silentLog });
    const ctx = makeCtx(silentLog);
    const [image] = await store.images.load(ctx, createReadStream('${root}/archive.tar'), () => {});
    const { upper } = await store.snapshots.prepare(ctx, 'c', image.topChain);
    writeFileSync(upper + '/new', 'new');
    await store.archives.commit(ctx, { snapshot: 'c', image: image.id, reference: 'made:1', config: {}, changes: [],
      author: '', comment: '', containerId: 'f', command: [] }).catch(() => {});
    await store.close();`;
  const { status, signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, WHERRY_FAILPOINTS: failpoint },
    encoding: 'utf8',
  });
  assert.equal(signal ?? status, failpoint.includes('kill') ? 'SIGKILL' : 0, stderr);
  return root;
}

for (const name of ['image.synced=kill', 'layer.unpacked=error@2']) {
  test(`a commit that meets ${name} leaves nothing`, ROOT, async (t) => {
    const root = committed(t, name);
    // A failure cleared away at once; after a crash, the next start does.
    const store = await testStore(t, root);
    assert.throws(() => store.images.get('made:1'), { code: 'not-found' });
    assert.deepEqual(counts(store), [2, 0, 1]);
  });
}

test('what is no file is never opened: FIFOs, devices and links stay what they are', ROOT, async (t) => {
  const store = await place(t);
  const secret = join(store.dataRoot, 'secret');
  writeFileSync(secret, 'of the host');
  symlinkSync(secret, join(store.upper, 'file'));
  symlinkSync('/etc', join(store.upper, 'directory'));
  execFileSync('mkfifo', [join(store.upper, 'fifo')]);
  execFileSync('mknod', [join(store.upper, 'watchdog'), 'c', '10', '130']);
  const socket = createServer().listen(join(store.upper, 'socket'));
  t.after(() => socket.close());
  const archive = await buffer(Readable.from(await store.archives.exportRoot(store.ctx, 'c')));
  const listed = execFileSync('tar', ['tvf', '-'], { input: archive, encoding: 'utf8' });
  const types = listed
    .trim()
    .split('\n')
    .map((line) => `${line[0]} ${line.split(' ').at(-1)}`);
  assert.deepEqual(
    types,
    ['l /etc', 'p fifo', `l ${secret}`, 'c watchdog', 'd etc/', '- etc/old'].sort(byName(listed)),
  );
  assert.ok(!archive.includes('of the host'));
  await store.archives.commit(store.ctx, store.request);
  const changes = await store.archives.changes(store.ctx, 'c');
  assert.deepEqual(
    changes.map(({ path }) => path),
    ['/directory', '/fifo', '/file', '/socket', '/watchdog'],
  );
});

/** In the order of the listing. */
const byName = (listed: string) => (a: string, b: string) =>
  listed.indexOf(a.slice(2)) - listed.indexOf(b.slice(2));

/** Exchanges a directory for a link to one of the host and a file for a FIFO, and back, as fast as it can. */
const SWAPPER = `
  const fs = require('node:fs');
  const [root, outside] = process.argv.slice(1);
  const safely = (act) => { try { act(); } catch {} };
  for (let round = 0; ; round += 1) {
    safely(() => fs.mkdirSync(root + '/swap'));
    safely(() => fs.writeFileSync(root + '/swap/secret', 'own'));
    safely(() => fs.writeFileSync(root + '/file', 'x'.repeat(round % 100000)));
    safely(() => fs.renameSync(root + '/swap', root + '/away'));
    safely(() => fs.symlinkSync(outside, root + '/swap'));
    safely(() => fs.rmSync(root + '/file'));
    safely(() => fs.symlinkSync(outside + '/secret', root + '/file'));
    safely(() => fs.rmSync(root + '/swap'));
    safely(() => fs.rmSync(root + '/file'));
    safely(() => fs.rmSync(root + '/away', { recursive: true }));
  }`;

test('a root that changes while it is read leads nowhere outside', ROOT, async (t) => {
  const store = await place(t);
  const outside = join(store.dataRoot, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'of the host');
  const swapper = spawn(process.execPath, ['-e', SWAPPER, store.upper, outside], { stdio: 'ignore' });
  const ended = new Promise((resolve) => swapper.once('exit', resolve));
  try {
    for (let round = 0; round < 25; round += 1) {
      const archive = await buffer(Readable.from(await store.archives.exportRoot(store.ctx, 'c')));
      assert.ok(!archive.includes('of the host'));
      execFileSync('tar', ['tf', '-'], { input: archive });
      await store.archives.changes(store.ctx, 'c');
    }
    assert.equal(swapper.exitCode, null);
  } finally {
    swapper.kill('SIGKILL');
    await ended;
  }
});

test('an export goes no faster than it is read, and ends with its reader', ROOT, async (t) => {
  const store = await place(t);
  const big = join(store.upper, 'big');
  const size = 256 * 1024 * 1024;
  const fd = openSync(big, 'w');
  ftruncateSync(fd, size);
  closeSync(fd);
  for (let round = 0; round < 10; round += 1) {
    const archive = (await store.archives.exportRoot(store.ctx, 'c'))[Symbol.asyncIterator]();
    await archive.next();
    if (round === 0) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.ok(positionOf(big) < size / 8, `${positionOf(big)} bytes were read for nobody`);
    }
    await archive.return?.();
  }
  // More than there are workers: each was given back.
  assert.deepEqual(
    openBelow(store.dataRoot).filter((name) => name.includes('/snapshots/')),
    [],
  );
});

function positionOf(path: string): number {
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) !== path) continue;
      return Number(/^pos:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]);
    } catch {
      // It was one of this listing itself.
    }
  }
  throw new Error(`${path} is not open`);
}

const tar = tarball([{ name: 'bin/' }, { name: 'bin/sh', data: 'sh', mode: 0o755 }]);

test('plain, in gzip, zstd, xz or bzip2, an archive is the same image but for its time', ROOT, async (t) => {
  const store = await testStore(t);
  const found = [];
  for (const archive of [tar, gzipSync(tar), zstdCompressSync(tar), xzOf(tar), bzip2Of(tar)]) {
    const id = await importing(store, archive, { ...IMPORT, reference: 'root:1', changes: ['CMD ["sh"]'] });
    found.push(store.images.get(id).diffIds);
  }
  for (const diffIds of found) assert.deepEqual(diffIds, found[0]);
  assert.deepEqual(store.images.get('root:1').config, { Cmd: ['sh'] });
  assert.deepEqual(store.events.slice(0, 2), ['tag root:1', 'import root:1']);
});

const xzHead = Buffer.concat([Buffer.from('fd377a585a0000', 'hex'), Buffer.alloc(100)]);

async function* broken(): AsyncGenerator<Uint8Array> {
  yield tar.subarray(0, 700);
  throw new Error('the client went away');
}

const refused: readonly [
  what: string,
  archive: () => Readable | Uint8Array,
  message: RegExp,
  request?: Partial<ImportRequest>,
][] = [
  ['in damaged bzip2', () => Buffer.from('BZh91AY&SY..........'), /with bzip2: it is damaged/],
  [
    'in bzip2 that is cut',
    () => bzip2Of(tar).subarray(0, 60),
    /decompress the archive with bzip2: it ends early/,
  ],
  ['in xz that is cut', () => xzOf(tar).subarray(0, 60), /decompress the archive with xz: it ends early/],
  ['in damaged xz', () => xzOf(tar).fill(0xff, 40, 60), /decompress the archive with xz: it is damaged/],
  ['in what only begins like xz', () => xzHead, /decompress the archive with xz/],
  ['that is text', () => Buffer.alloc(2000, 'hello '), /invalid tar header/],
  ['that is cut', () => tar.subarray(0, 700), /unexpected end/],
  ['in damaged gzip', () => gzipSync(tar).subarray(0, 60), /cannot decompress/],
  ['that leaves the root', () => tarball([{ name: '../x', data: '' }]), /outside of the root/],
  ['that breaks off', () => Readable.from(broken()), /ended early/],
  ['with an unknown change', () => tar, /FROM is not a valid change command/, { changes: ['FROM x'] }],
  ['for another system', () => tar, /operating system is not supported/, { platform: 'windows/amd64' }],
  ['with a malformed name', () => tar, /invalid reference format/, { reference: 'a b' }],
];

for (const [what, archive, message, request] of refused) {
  test(`an archive ${what} is refused and leaves nothing`, ROOT, async (t) => {
    const store = await testStore(t);
    await assert.rejects(importing(store, archive(), { ...IMPORT, ...request }), message);
    assert.deepEqual(counts(store), [0, 0, 0]);
    assert.deepEqual(store.images.list(), []);
    assert.deepEqual(
      openBelow(store.dataRoot).filter((name) => name.includes('/ingest/')),
      [],
    );
  });
}
