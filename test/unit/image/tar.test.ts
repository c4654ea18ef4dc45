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

const refused: readonly [what: string, archive: Uint8Array, message: RegExp][] = [
  ['cut within data', whole.subarray(0, 1000), /unexpected end/],
  ['cut within a header', whole.subarray(0, 100), /unexpected end/],
  ['with a wrong checksum', damaged, /wrong checksum/],
  ['of text', Buffer.alloc(1024, 'hello '), /invalid tar header/],
  ['with a negative size', tarball([{ name: 'f', size: -5 }]), /size -5/],
  ['with an owner beyond 32 bits', tarball([{ name: 'f', uid: 0x1_0000_0000 }]), /owner/],
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
