import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { makeCtx } from '../../../common/ctx.ts';
import { silentLog } from '../../../common/log.ts';
import {
  configOf,
  dockerArchive,
  imageId,
  layer,
  ociArchive,
  squeeze,
  type ImageParts,
  type LayoutOptions,
} from '../../lib/image-archives.ts';
import { testStore, type TestStore } from '../../lib/image-store.ts';
import { requires } from '../../lib/requires.ts';
import { tarball, type Member } from '../../lib/tarball.ts';

const ROOT = requires('root');

const parts: ImageParts = {
  layers: [
    layer({ name: 'etc/' }, { name: 'etc/a', data: 'lower' }),
    layer({ name: 'etc/b', data: 'upper' }),
  ],
  tags: ['some/app:1'],
  config: { Cmd: ['run'], Env: ['A=b'], Labels: { x: 'y' } },
};
const named = (options: LayoutOptions): LayoutOptions => ({
  ...options,
  annotations: { 'io.containerd.image.name': 'docker.io/some/app:1' },
});

const archives: readonly [what: string, archive: () => Uint8Array][] = [
  ['an old docker archive', () => dockerArchive(parts)],
  ['an old docker archive with gzip layers', () => dockerArchive(parts, 'gzip')],
  ['a docker archive in gzip', () => squeeze(dockerArchive(parts), 'gzip')],
  ['a docker archive in zstd', () => squeeze(dockerArchive(parts, 'zstd'), 'zstd')],
  ['a docker archive in xz', () => squeeze(dockerArchive(parts, 'gzip'), 'xz')],
  ['a docker archive in bzip2', () => squeeze(dockerArchive(parts, 'gzip'), 'bzip2')],
  ['a docker archive with bzip2 layers', () => dockerArchive(parts, 'bzip2')],
  ['a docker archive with xz layers', () => dockerArchive(parts, 'xz')],
  ['what docker 25 saves', () => ociArchive(parts, { withDockerManifest: true })],
  ['an OCI layout', () => ociArchive(parts, named({}))],
  ['an OCI layout with gzip layers', () => ociArchive(parts, named({ how: 'gzip' }))],
  [
    'an OCI layout with zstd layers, in gzip',
    () => squeeze(ociArchive(parts, named({ how: 'zstd' })), 'gzip'),
  ],
  ['an OCI layout with an index in its index', () => ociArchive(parts, named({ nested: true }))],
];

for (const [what, archive] of archives) {
  test(`${what} is loaded`, ROOT, async (t) => {
    const store = await testStore(t);
    const [image] = await store.loadBytes(archive());
    assert.deepEqual(store.said, ['Loaded image: some/app:1\n']);
    assert.deepEqual(store.events, [`load ${imageId(parts)}`]);
    assert.equal(image?.id, imageId(parts));
    assert.deepEqual(image?.tags, ['some/app:1']);
    assert.deepEqual(image?.config, parts.config);
    assert.equal(image?.sizeBytes, 'lowerupper'.length);
    assert.equal(image?.createdAt, '2024-01-02T03:04:05Z');
    const { lower } = await store.snapshots.prepare(store.ctx, 'c', image?.topChain);
    assert.deepEqual(
      lower.map((path) => readdirSync(join(path, 'etc'))),
      [['b'], ['a']],
    );
  });
}

test('the manifest of a layout is kept, and none is made up', ROOT, async (t) => {
  const store = await testStore(t);
  const [saved] = await store.loadBytes(ociArchive(parts, { withDockerManifest: true }));
  assert.equal(saved?.descriptor?.mediaType, 'application/vnd.oci.image.manifest.v1+json');
  const blob = join(store.dataRoot, 'content/blobs', (saved?.descriptor?.digest ?? '').replace(':', '/'));
  assert.equal(readFileSync(blob).byteLength, saved?.descriptor?.size);
  const other = await testStore(t);
  const [plain] = await other.loadBytes(dockerArchive(parts));
  assert.equal(plain?.descriptor, undefined);
});

const annotations: readonly [annotation: Readonly<Record<string, string>>, said: string][] = [
  [{ 'org.opencontainers.image.ref.name': 'docker.io/library/x:2' }, 'Loaded image: x:2\n'],
  [{ 'org.opencontainers.image.ref.name': 'latest' }, `Loaded image ID: ${imageId(parts)}\n`],
  [{ 'org.opencontainers.image.ref.name': 'Not/A:Name:at all' }, `Loaded image ID: ${imageId(parts)}\n`],
  [
    { 'io.containerd.image.name': 'docker.io/library/x:3', 'org.opencontainers.image.ref.name': '3' },
    'Loaded image: x:3\n',
  ],
  [{}, `Loaded image ID: ${imageId(parts)}\n`],
];

for (const [annotation, said] of annotations) {
  test(`a layout with ${JSON.stringify(annotation)} is "${said.trim()}"`, ROOT, async (t) => {
    const store = await testStore(t);
    await store.loadBytes(ociArchive(parts, { annotations: annotation }));
    assert.deepEqual(store.said, [said]);
  });
}

test('links of old archives stand for the layers that they name', ROOT, async (t) => {
  const store = await testStore(t);
  const one = layer({ name: 'x', data: 'same' });
  const twice: ImageParts = { layers: [one, one], tags: ['twice:1'] };
  const config = configOf(twice);
  await store.loadBytes(
    tarball([
      { name: 'aa/layer.tar', data: one },
      { name: 'bb/layer.tar', type: '2', linkName: '../aa/layer.tar' },
      { name: 'c.json', data: config },
      {
        name: 'manifest.json',
        data: JSON.stringify([
          { Config: 'c.json', RepoTags: twice.tags, Layers: ['aa/layer.tar', './bb/layer.tar'] },
        ]),
      },
    ]),
  );
  assert.equal(store.images.get('twice:1').diffIds.length, 2);
});

// ---------------------------------------------------------------- what is refused

const good = dockerArchive(parts);
const manifestOnly = (manifest: unknown, ...more: Member[]): Buffer =>
  tarball([...more, { name: 'manifest.json', data: JSON.stringify(manifest) }]);
const withConfig = (config: unknown, layers: readonly Uint8Array[] = []): Buffer =>
  manifestOnly(
    [{ Config: 'c', RepoTags: ['x:1'], Layers: layers.map((_, index) => `l${index}`) }],
    { name: 'c', data: JSON.stringify(config) },
    ...layers.map((data, index) => ({ name: `l${index}`, data })),
  );
const rootfs = { type: 'layers', diff_ids: [] };
const wrongDiff = { os: 'linux', rootfs: { type: 'layers', diff_ids: [`sha256:${'0'.repeat(64)}`] } };

const refused: readonly [what: string, archive: Uint8Array, message: RegExp][] = [
  ['nothing', Buffer.alloc(0), /does not contain a manifest.json/],
  ['no archive', Buffer.from('hello'.repeat(200)), /invalid tar header/],
  ['half an archive', good.subarray(0, 1500), /unexpected end/],
  ['half a gzip archive', squeeze(good, 'gzip').subarray(0, 200), /cannot decompress/],
  ['an archive without images', tarball([{ name: 'x', data: '' }]), /does not contain a manifest.json/],
  ['a manifest that is no JSON', tarball([{ name: 'manifest.json', data: '[' }]), /invalid manifest.json/],
  ['a null manifest', manifestOnly(null), /manifest cannot be null/],
  [
    'a manifest of 5 MB',
    tarball([{ name: 'manifest.json', data: Buffer.alloc(5 << 20, ' ') }]),
    /more than 4194304/,
  ],
  ['a missing configuration', manifestOnly([{ Config: 'c', Layers: [] }]), /does not contain "c"/],
  [
    'a climbing configuration',
    manifestOnly([{ Config: '../../etc/passwd', Layers: [] }]),
    /outside of the root/,
  ],
  [
    'a configuration that links out',
    manifestOnly([{ Config: 'c', Layers: [] }], { name: 'c', type: '2', linkName: '/etc/passwd' }),
    /does not contain "c"/,
  ],
  [
    'links in a circle',
    manifestOnly([{ Config: 'c', Layers: [] }], { name: 'c', type: '2', linkName: 'c' }),
    /too many links/,
  ],
  [
    'too few layers',
    withConfig({ os: 'linux', rootfs: wrongDiff.rootfs }),
    /length mismatch: expected 0, got 1/,
  ],
  [
    'a layer of another digest',
    withConfig(wrongDiff, [layer({ name: 'x', data: 'x' })]),
    /invalid diffID for layer: expected "sha256:000/,
  ],
  [
    'a layer that is cut',
    withConfig({ ...wrongDiff, rootfs: wrongDiff.rootfs }, [
      layer({ name: 'x', data: 'x'.repeat(900) }).subarray(0, 700),
    ]),
    /unexpected end/,
  ],
  ['an image for Windows', withConfig({ os: 'windows', rootfs }), /cannot load windows image on linux/],
  ['a configuration without rootfs', withConfig({ os: 'linux' }), /invalid rootfs/],
  [
    'diff ids that are none',
    withConfig({ rootfs: { diff_ids: ['../../x'] } }, [layer()]),
    /is no sha256 digest/,
  ],
  ['an Env that is no list', withConfig({ rootfs, config: { Env: 'A=b' } }), /invalid config.Env/],
  [
    '126 layers',
    withConfig({ rootfs: { diff_ids: Array(126).fill(`sha256:${'0'.repeat(64)}`) } }),
    /max depth exceeded/,
  ],
  [
    'a tag that is none',
    manifestOnly([{ Config: 'c', RepoTags: ['UPPER'], Layers: [] }], {
      name: 'c',
      data: JSON.stringify({ rootfs }),
    }),
    /must be lowercase/,
  ],
  ['a manifest that is an index too', ociArchive(parts, named({ manifest: { manifests: [] } })), /ambiguous/],
  [
    '20,001 members',
    tarball(Array.from({ length: 20_001 }, (_, index) => ({ name: `f${index}` }))),
    /more than 20000 members/,
  ],
];

for (const [what, archive, message] of refused) {
  test(`${what} is refused and leaves nothing`, ROOT, async (t) => {
    const store = await testStore(t);
    await assert.rejects(store.loadBytes(archive), { code: 'invalid-argument', message });
    assert.deepEqual(store.images.list(), []);
    assert.deepEqual(store.events, []);
    assert.deepEqual(onDisk(store), []);
  });
}

test('one bad image among good ones loads none', ROOT, async (t) => {
  const store = await testStore(t);
  const [first, second] = [layer({ name: 'x', data: 'good' }), layer({ name: 'x', data: 'bad' })];
  const fine: ImageParts = { layers: [first] };
  const archive = tarball([
    { name: 'l1', data: first },
    { name: 'l2', data: second },
    { name: 'c1', data: configOf(fine) },
    { name: 'c2', data: JSON.stringify(wrongDiff) },
    {
      name: 'manifest.json',
      data: JSON.stringify([
        { Config: 'c1', RepoTags: ['a:1'], Layers: ['l1'] },
        { Config: 'c2', RepoTags: ['b:1'], Layers: ['l2'] },
      ]),
    },
  ]);
  await assert.rejects(store.loadBytes(archive), /invalid diffID/);
  assert.deepEqual(store.images.list(), []);
  assert.deepEqual(onDisk(store), []);
});

test('a blob whose content is not its digest is refused', ROOT, async (t) => {
  const store = await testStore(t);
  const archive = ociArchive(parts, named({}));
  archive[archive.indexOf('"A=b"') + 1] = 0x42;
  await assert.rejects(store.loadBytes(archive), { code: 'invalid-argument', message: /blob sha256:\w+ of/ });
  assert.deepEqual(onDisk(store), []);
});

test('a client that goes away leaves nothing, and its stream is not closed for it', ROOT, async (t) => {
  const store = await testStore(t);
  const abort = new AbortController();
  const ctx = makeCtx(silentLog, abort.signal);
  const stalled = new Readable({ read: () => {} });
  stalled.push(good.subarray(0, 1000));
  const loading = store.images.load(ctx, stalled, () => {});
  setTimeout(() => abort.abort(), 50);
  await assert.rejects(loading, { code: 'canceled' });
  assert.equal(stalled.destroyed, false);
  stalled.destroy();
  assert.deepEqual(onDisk(store), []);
  assert.equal((await store.loadBytes(good)).length, 1);
});

test('an archive whose stream breaks is cancelled', ROOT, async (t) => {
  const store = await testStore(t);
  const broken = Readable.from(
    (async function* () {
      yield good.subarray(0, 1000);
      throw new Error('connection reset');
    })(),
  );
  await assert.rejects(
    store.images.load(store.ctx, broken, () => {}),
    { code: 'canceled' },
  );
  assert.deepEqual(onDisk(store), []);
});

test('the same archive many times at once is one image', ROOT, async (t) => {
  const store = await testStore(t);
  const other: ImageParts = {
    ...parts,
    layers: [...parts.layers, layer({ name: 'c', data: 'c' })],
    tags: ['other:1'],
  };
  await Promise.all(
    [0, 1, 2, 3].flatMap((index) => [
      store.loadBytes(index % 2 === 0 ? good : squeeze(good, 'gzip')),
      store.loadBytes(dockerArchive(other)),
    ]),
  );
  assert.equal(store.images.list().length, 2);
  assert.equal(readdirSync(join(store.dataRoot, 'snapshots/l')).length, 3);
  // Two configurations, and three layers as they came.
  assert.equal(readdirSync(join(store.dataRoot, 'content/blobs/sha256')).length, 5);
});

test('a layer of hundreds of megabytes costs no memory', ROOT, async (t) => {
  const store = await testStore(t);
  const archive = bomb();
  await store.loadBytes(good);
  const before = resetPeak();
  await store.loadBytes(archive);
  const grownMb = (peakRssBytes() - before) >> 20;
  assert.ok(grownMb < 100, `${grownMb} MB`);
  assert.equal(store.images.get('bomb:1').sizeBytes, BOMB_BYTES);
});

const BOMB_BYTES = 256 << 20;

function bomb(): Uint8Array {
  const zeros = layer({ name: 'zeros', data: Buffer.alloc(BOMB_BYTES) });
  return dockerArchive({ layers: [zeros], tags: ['bomb:1'] }, 'gzip');
}

/** Collects garbage and sets the mark of the highest use back to what is in use (man 5 proc, clear_refs). */
function resetPeak(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  writeFileSync('/proc/self/clear_refs', '5');
  return peakRssBytes();
}

const peakRssBytes = (): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) * 1024;

/** Files and directories of a store that a store without images does not have. */
const onDisk = (store: TestStore): string[] =>
  execFileSync('find', ['content', 'snapshots', '-mindepth', '2', '-not', '-path', 'content/blobs/sha256'], {
    cwd: store.dataRoot,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('snapshots/t/'));
