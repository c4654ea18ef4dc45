import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { constants as zlib, deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { bzip2Of } from '../../../lib/image-archives.ts';
import { randomLayer } from '../../../lib/random-layer.ts';
import { seededRandom } from '../../../lib/random.ts';
import { recordBlob } from '../../../lib/rebuilding.ts';
import { requires } from '../../../lib/requires.ts';
import { tarball, type Member } from '../../../lib/tarball.ts';

const ROOT = requires('root');

/** What a recipe can hold in little: so that it is worth it whatever else is in the layer. */
const BULK: Member = { name: 'bulk', data: seededRandom(7).bytes(300_000) };
const same = (left: Uint8Array, right: Uint8Array): void => assert.ok(Buffer.from(left).equals(right));

const LONG = 'n'.repeat(150);
const MAKE_TREE = `
  mkdir -p usr/bin tmp ${LONG}/${LONG}; chmod 1777 tmp
  head -c 700000 /dev/urandom > bulk
  echo su > usr/bin/su; chown 7:8 usr/bin/su; chmod 4755 usr/bin/su; ln usr/bin/su usr/bin/su2
  ln -s su usr/bin/link; ln -s ../${LONG}/${LONG} usr/long; echo long > ${LONG}/${LONG}/${LONG}
  mknod null c 1 3; mkfifo pipe; : > empty; head -c 513 /dev/urandom > odd
  python3 - <<'END'
import os
os.setxattr('usr/bin/su', 'user.binary', bytes(range(256)))
with open('many', 'wb') as f:
    for i in range(60):
        f.seek(i * 65536 * 2); f.write(b'data %d' % i * 500)
    f.truncate(60 * 65536 * 2 + 12345)
with open('all-hole', 'wb') as f: f.truncate(1 << 20)
END
`;

function packed(t: TestContext, options: readonly string[]): Buffer {
  const base = mkdtempSync('/tmp/rebuild-source-');
  t.after(() => rmSync(base, { recursive: true, force: true }));
  execFileSync('sh', ['-ec', MAKE_TREE], { cwd: base });
  return execFileSync('tar', ['-C', base, ...options, '-cf', '-', '.'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1 << 28,
  });
}

const XATTRS = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '--sparse'];
const FORMATS: readonly [name: string, options: readonly string[]][] = [
  ['of the pax format, sparse 1.0', ['--format=pax', '--sparse-version=1.0', ...XATTRS]],
  ['of the pax format, sparse 0.1', ['--format=pax', '--sparse-version=0.1', ...XATTRS]],
  ['of the pax format, sparse 0.0', ['--format=pax', '--sparse-version=0.0', ...XATTRS]],
  ["of GNU's format", ['--format=gnu', '--numeric-owner', '--sparse']],
  ['with a record of 1 MB', ['--format=gnu', '--blocking-factor=2048']],
];

for (const [name, options] of FORMATS) {
  test(`an archive ${name} is made again, byte by byte`, ROOT, async (t) => {
    const tar = packed(t, options);
    const { again, recipeBytes } = await recordBlob(t, { tar, blob: tar });
    assert.ok(recipeBytes < 40_000, `${recipeBytes}`);
    same(await again(), tar);
  });
}

const block = (text: string): Buffer => Buffer.alloc(512, text);

const ODD: readonly [name: string, tar: Buffer][] = [
  ['without blocks at its end', tarball([BULK]).subarray(0, -1024)],
  ['with one zero block at its end', tarball([BULK]).subarray(0, -512)],
  ['with something behind its end', Buffer.concat([tarball([BULK]), block('behind'), Buffer.from('odd')])],
  ['whose padding is not zero', nonzeroPadding()],
  [
    'with a file that comes twice',
    tarball([{ name: 'a', data: 'first' }, BULK, { name: 'a', data: 'second' }]),
  ],
  ['with a file that a directory replaces', tarball([{ name: 'a', data: 'first' }, { name: 'a/' }, BULK])],
  [
    'with whiteouts that have contents',
    tarball([
      { name: '.wh.gone', data: 'text' },
      { name: 'd/.wh..wh..opq', data: 'more' },
      { name: '.wh..wh.aufs', data: 'ignored' },
      BULK,
    ]),
  ],
  [
    'with a file behind a symbolic link',
    tarball([
      { name: 'real/' },
      { name: 'link', type: '2', linkName: 'real' },
      { ...BULK, name: 'link/bulk' },
    ]),
  ],
  [
    'whose link is another in the end',
    tarball([
      { name: 'one/' },
      { name: 'two/' },
      { name: 'link', type: '2', linkName: 'one' },
      { name: 'link/a', data: 'in one' },
      { name: 'link', type: '2', linkName: 'two' },
      BULK,
    ]),
  ],
  ['with names that are no UTF-8', tarball([{ ...BULK, name: 'b\xff\xfe/\xe4' }])],
  ['with pax records and a global header', withGlobalHeader()],
];

function nonzeroPadding(): Buffer {
  const tar = tarball([{ name: 'a', data: 'x'.repeat(100) }, BULK]);
  tar.fill('P', 512 + 100, 1024);
  return tar;
}

function withGlobalHeader(): Buffer {
  const global: Member = { name: 'pax_global_header', type: 'g', data: '19 comment=a commit\n' };
  return tarball([global, { ...BULK, pax: { mtime: '1.5', 'SCHILY.xattr.user.a': 'b\xff' } }]);
}

for (const [name, tar] of ODD) {
  test(`an archive ${name} is made again, byte by byte`, ROOT, async (t) => {
    const { again, recipeBytes } = await recordBlob(t, { tar, blob: tar });
    assert.ok(recipeBytes < 5_000, `${recipeBytes}`);
    same(await again(), tar);
  });
}

test('random archives are made again, byte by byte', ROOT, async (t) => {
  let made = 0;
  for (let seed = 1; made < 30 && seed < 2000; seed += 1) {
    const random = seededRandom(seed);
    const tar = tarball([...randomLayer(random, ['a', 'b']), BULK]);
    // What can't be unpacked has no blob to drop.
    const recording = await recordBlob(t, { tar, blob: tar }).catch(() => undefined);
    if (recording === undefined) continue;
    made += 1;
    assert.ok(Buffer.from(await recording.again()).equals(tar), `seed ${seed}`);
  }
  assert.equal(made, 30);
});

/** Text that compressors see differently. */
const TEXT = Array.from({ length: 20_000 }, (_, i) => `${(i * 7919) % 10_007} ${'ab'.repeat(i % 5)}\n`).join(
  '',
);
const TAR = tarball([{ name: 'text', data: TEXT }, BULK]);

const python = (level: number): Buffer => {
  const code = `import gzip,sys; sys.stdout.buffer.write(gzip.compress(sys.stdin.buffer.read(), ${level}))`;
  return execFileSync('python3', ['-c', code], { input: TAR, maxBuffer: 1 << 28 });
};
const flushed = (): Buffer => {
  // A member with a name, as gzip(1) writes it.
  const trailer = gzipSync(TAR).subarray(-8);
  const body = deflateRawSync(TAR, { level: 9 });
  const head = Buffer.from([0x1f, 0x8b, 8, 8, 1, 2, 3, 4, 2, 3, ...Buffer.from('layer.tar\0')]);
  return Buffer.concat([head, body, trailer]);
};

const BLOBS: readonly [name: string, make: () => Buffer][] = [
  ['gzip of Node, level 6', () => gzipSync(TAR)],
  ['gzip of Node, level 9', () => gzipSync(TAR, { level: 9 })],
  ['gzip of Node, level 1', () => gzipSync(TAR, { level: 1 })],
  ['gzip with a name', flushed],
  ['gzip of Python, level 6', () => python(6)],
  ['gzip of Python, level 9', () => python(9)],
  ['zstd', () => zstdCompressSync(TAR)],
  ['zstd, level 9 with a checksum', () => zstdWith(9)],
];

const zstdWith = (level: number): Buffer =>
  zstdCompressSync(TAR, { params: { [zlib.ZSTD_c_compressionLevel]: level, [zlib.ZSTD_c_checksumFlag]: 1 } });

for (const [name, make] of BLOBS) {
  test(`a blob by ${name} is made again, byte by byte`, ROOT, async (t) => {
    const blob = make();
    const { again } = await recordBlob(t, { tar: TAR, blob });
    same(await again(), blob);
  });
}

const KEPT: readonly [name: string, make: () => Buffer, reason: RegExp][] = [
  [
    'gzip of several members',
    () => Buffer.concat([gzipSync(TAR.subarray(0, 5000)), gzipSync(TAR.subarray(5000))]),
    /^no compressor here makes the same gzip of its tar$/,
  ],
  [
    'an encoder that nobody has',
    () => gzipSync(TAR, { level: 6, strategy: zlib.Z_RLE }),
    /^no compressor here makes the same gzip of its tar$/,
  ],
  ['bzip2', () => bzip2Of(TAR), /^no compressor here makes the same bzip2 of its tar$/],
];

for (const [name, make, reason] of KEPT) {
  test(`a blob by ${name} is kept`, ROOT, async (t) => {
    const { recorded } = await recordBlob(t, { tar: TAR, blob: make() });
    assert.ok(recorded.kind === 'kept', JSON.stringify(recorded));
    assert.match(recorded.reason, reason);
  });
}

test('a blob that the layer has nothing of is kept', ROOT, async (t) => {
  const replaced = tarball([BULK, { ...BULK, data: 'little' }]);
  const { recorded } = await recordBlob(t, { tar: replaced, blob: replaced });
  assert.deepEqual(recorded, { kind: 'kept', reason: 'a recipe would save too little' });
});

test('a layer that has changed makes something else, or says which file is gone', ROOT, async (t) => {
  const tar = tarball([BULK, { name: 'd/small', data: 'small' }]);
  const { again, directory } = await recordBlob(t, { tar, blob: tar });
  assert.deepEqual(readdirSync(directory).sort(), ['bulk', 'd']);
  const size = statSync(join(directory, 'bulk')).size;
  writeFileSync(join(directory, 'bulk'), Buffer.alloc(size));
  assert.equal(Buffer.from(await again()).equals(tar), false);
  writeFileSync(join(directory, 'bulk'), 'short');
  await assert.rejects(again(), /"bulk" in "\/tmp\/rebuild-.*\/layer" is shorter than it was$/);
  rmSync(join(directory, 'bulk'));
  await assert.rejects(again(), /"bulk" is missing in "\/tmp\/rebuild-.*\/layer"$/);
});
