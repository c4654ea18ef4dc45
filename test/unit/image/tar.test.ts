import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TarEntry } from '../../../image/tar/entry.ts';
import { TarReader } from '../../../image/tar/reader.ts';
import { tarball, type Member } from '../../lib/tarball.ts';

function read(archive: Uint8Array, chunkBytes = archive.byteLength): { entries: TarEntry[]; data: string[] } {
  const entries: TarEntry[] = [];
  const data: string[] = [];
  const reader = new TarReader({
    entry: (entry) => {
      entries.push(entry);
      data.push('');
    },
    data: (chunk) => data.push(`${data.pop()}${Buffer.from(chunk).toString('latin1')}`),
    end: () => {},
  });
  for (let at = 0; at < archive.byteLength; at += chunkBytes)
    reader.push(archive.subarray(at, at + chunkBytes));
  reader.finish();
  return { entries, data };
}

const members: readonly Member[] = [
  { name: 'dir/', mode: 0o1777 },
  { name: 'dir/file', data: 'x'.repeat(1000), uid: 1000, gid: 3_000_000_000 },
  { name: 'empty', data: '' },
  { name: `long/${'n'.repeat(200)}`, data: 'long' },
  {
    name: 'xattr',
    data: 'a',
    pax: { 'SCHILY.xattr.security.capability': '\x01\0\0\x02\x80\xff=\n\x20', mtime: '1.5' },
  },
  { name: '\xff\xfe', data: 'bytes' },
  { name: 'before 1970', pax: { mtime: '-1.25' } },
];

for (const chunkBytes of [1, 7, 511, 512, 513, 100_000]) {
  test(`an archive in chunks of ${chunkBytes} is read as a whole`, () => {
    const { entries, data } = read(tarball(members), chunkBytes);
    assert.deepEqual(
      entries.map(({ name }) => name),
      members.map(({ name }) => name),
    );
    assert.deepEqual(
      data,
      members.map((member) => member.data ?? ''),
    );
    assert.equal(entries[0]?.type, 'directory');
    assert.equal(entries[0]?.mode, 0o1777);
    assert.deepEqual([entries[1]?.uid, entries[1]?.gid], [1000, 3_000_000_000]);
    assert.equal(entries[4]?.xattrs.get('security.capability'), '\x01\0\0\x02\x80\xff=\n\x20');
    assert.deepEqual(entries[4]?.mtime, { seconds: 1, nanoseconds: 500_000_000 });
    assert.deepEqual(entries[6]?.mtime, { seconds: -2, nanoseconds: 750_000_000 });
  });
}

test('GNU long names and links apply to the next member only', () => {
  const long = 'g'.repeat(300);
  const { entries } = read(
    tarball([
      { name: '././@LongLink', type: 'L', data: `${long}\0` },
      { name: '././@LongLink', type: 'K', data: `${long}2\0` },
      { name: 'cut', type: '2' },
      { name: 'next', type: '2', linkName: 'short' },
    ]),
  );
  assert.deepEqual(
    entries.map(({ name, linkName }) => [name, linkName]),
    [
      [long, `${long}2`],
      ['next', 'short'],
    ],
  );
});

test('a directory or a link has no data, whatever size it states', () => {
  const { entries } = read(
    tarball([{ name: 'd/', size: 4096 }, { name: 'l', type: '1', linkName: 'x', size: 9 }, { name: 'f' }]),
  );
  assert.deepEqual(
    entries.map(({ name, size }) => [name, size]),
    [
      ['d/', 0],
      ['l', 0],
      ['f', 0],
    ],
  );
});

const whole = tarball([{ name: 'f', data: 'y'.repeat(2000) }]);
const damaged = Buffer.from(whole);
damaged[0] = 0x67;

const ONE = { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '9' };
const sparse = (pax: Record<string, string>, data = '12345678'): Uint8Array =>
  tarball([{ name: 'f', pax, data }]);

/** With `blocks` further blocks of the map, each of which says that there is one more. */
function oldSparse(blocks: number): Uint8Array {
  const header = tarball([{ name: 'f', type: 'S' }]).subarray(0, 512);
  header.fill(' ', 148, 156);
  header[482] = 1;
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  const more = Buffer.alloc(512);
  more[504] = 1;
  return Buffer.concat([header, ...Array.from({ length: blocks }, () => more)]);
}

const refused: readonly [what: string, archive: Uint8Array, message: RegExp][] = [
  ['cut within data', whole.subarray(0, 1000), /unexpected end/],
  ['cut within a header', whole.subarray(0, 100), /unexpected end/],
  ['with a wrong checksum', damaged, /wrong checksum/],
  ['of text', Buffer.alloc(1024, 'hello '), /invalid tar header/],
  ['with a negative size', tarball([{ name: 'f', size: -5 }]), /size -5/],
  ['with an owner beyond 32 bits', tarball([{ name: 'f', uid: 0x1_0000_0000 }]), /owner/],
  [
    'with a map of a sparse file that overlaps',
    sparse({ 'GNU.sparse.map': '0,4,2,4', 'GNU.sparse.size': '9' }),
    /malformed map/,
  ],
  [
    'with a map that holds more than there is',
    sparse({ 'GNU.sparse.map': '0,4,10,99', 'GNU.sparse.size': '200' }),
    /malformed map/,
  ],
  [
    'with a map beyond the file',
    sparse({ 'GNU.sparse.map': '5,8', 'GNU.sparse.size': '9' }),
    /malformed map/,
  ],
  ['with half a segment', sparse({ 'GNU.sparse.map': '5,8,9', 'GNU.sparse.size': '9' }), /malformed map/],
  [
    'with a map that never ends',
    sparse(ONE, `400000\n${'0\n'.repeat(600_000)}`),
    /map of a sparse file is too long/,
  ],
  ['with a map of no numbers', sparse(ONE, '1\nx\n2\n'), /malformed map/],
  ['with an old map that never ends', oldSparse(4000), /map of a sparse file is too long/],
  [
    'with an unknown kind of sparse file',
    sparse({ 'GNU.sparse.major': '2', 'GNU.sparse.minor': '0' }),
    /format 2.0/,
  ],
  [
    'with a hole where none can be kept',
    sparse({ 'GNU.sparse.map': '', 'GNU.sparse.size': '900000000000' }, ''),
    /not supported here/,
  ],
  ['with an unknown type', tarball([{ name: 'f', type: 'V' }]), /type "V" is not supported/],
  ['with a giant extended header', tarball([{ name: 'x', type: 'x', size: 2 << 20 }]), /extended header of/],
  ['with a malformed pax record', tarball([{ name: 'x', type: 'x', data: '99 a=b\n' }]), /malformed pax/],
  ['with a pax record of length 0', tarball([{ name: 'x', type: 'x', data: '0 a=b\n' }]), /malformed pax/],
  ['with NUL in a name', tarball([{ name: 'f', pax: { path: 'a\0b' } }]), /NUL/],
  ['with data after the end', Buffer.concat([Buffer.alloc(512), whole]), /after a zero block/],
];

for (const [what, archive, message] of refused) {
  test(`an archive ${what} is refused`, () => {
    assert.throws(() => read(archive), { code: 'invalid-argument', message });
  });
}
