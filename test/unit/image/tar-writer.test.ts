import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import type { TarEntry } from '../../../image/tar/entry.ts';
import { TarReader } from '../../../image/tar/reader.ts';
import { TAR_END, tarHeader, tarPadding, type WrittenEntry } from '../../../image/tar/writer.ts';
import { seededRandom, type Random } from '../../lib/random.ts';

type Member = WrittenEntry & { readonly data: Buffer };

const write = (members: readonly Member[]): Buffer =>
  Buffer.concat([
    ...members.flatMap((member) => [tarHeader(member), member.data, tarPadding(member.data.byteLength)]),
    TAR_END,
  ]);

function read(archive: Uint8Array): { entry: TarEntry; data: Buffer }[] {
  const found: { entry: TarEntry; data: Buffer }[] = [];
  const reader = new TarReader({
    entry: (entry) => void found.push({ entry, data: Buffer.alloc(0) }),
    data: (chunk) => {
      const last = found.at(-1);
      if (last !== undefined) last.data = Buffer.concat([last.data, chunk]);
    },
    end: () => {},
  });
  reader.push(archive);
  reader.finish();
  return found;
}

const TYPES = [
  'file',
  'hardlink',
  'symlink',
  'character-device',
  'block-device',
  'directory',
  'fifo',
] as const;

function randomName(random: Random): string {
  const length = random.pick([1, 3, 50, 99, 100, 101, 250, 4000]);
  const letters = random.pick(['abc', 'ab/', '\xff\xfe', '\xc3\xa4x', 'a b=\n']);
  const name = Array.from({ length }, () => letters[random.below(letters.length)]).join('');
  return `n${name}z`;
}

function randomMember(random: Random): Member {
  const type = random.pick(TYPES);
  const data = type === 'file' ? random.bytes(random.pick([0, 1, 511, 512, 513, 3000])) : Buffer.alloc(0);
  const isDevice = type === 'character-device' || type === 'block-device';
  const xattrs = new Map<string, string>();
  for (let count = random.below(3); count > 0; count -= 1) {
    xattrs.set(
      `user.${randomName(random).slice(0, 40).replaceAll('=', '-')}`,
      random.text(random.below(300)),
    );
  }
  return {
    type,
    name: `${randomName(random)}${type === 'directory' ? '/' : ''}`,
    linkName: type === 'hardlink' || type === 'symlink' ? randomName(random) : '',
    mode: random.below(0o10000),
    uid: random.pick([0, 1000, 0o7777777, 0o10000000, 0xfffffffe]),
    gid: random.pick([0, 1000, 0o7777777, 0o10000000, 0xfffffffe]),
    mtime: {
      seconds: random.pick([0, 1, 1_700_000_000, 0o77777777777, 0o100000000000, -1, -2_000_000_000]),
      nanoseconds: random.pick([0, 1, 500_000_000, 999_999_999]),
    },
    size: data.byteLength,
    deviceMajor: isDevice ? random.below(0x1000) : 0,
    deviceMinor: isDevice ? random.below(0x100000) : 0,
    xattrs,
    data,
  };
}

for (let seed = 1; seed <= 40; seed += 1) {
  test(`the reader reads what the writer wrote (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const members = Array.from({ length: 20 }, () => randomMember(random));
    const archive = write(members);
    const found = read(archive);
    assert.deepEqual(
      found.map(({ entry: { atime: _atime, ...entry }, data }) => ({ ...entry, data })),
      members,
    );
    assert.equal(Buffer.compare(archive, write(members)), 0);
  });
}

test('a size beyond 8 GiB is stated in a pax record', () => {
  const header = tarHeader({ ...FILE, name: 'big', size: 0o100000000000 });
  let size = 0;
  const reader = new TarReader({ entry: (entry) => void (size = entry.size), data: () => {}, end: () => {} });
  reader.push(header);
  assert.equal(size, 0o100000000000);
});

const FILE = {
  type: 'file',
  mode: 0o640,
  uid: 1,
  gid: 2,
  mtime: { seconds: 1_700_000_000, nanoseconds: 0 },
} as const;

test('what ustar can say needs no extended header', () => {
  assert.equal(tarHeader({ ...FILE, name: 'n'.repeat(100) }).byteLength, 512);
});

const EMPTY = Buffer.alloc(0);
const LONG = `${'d'.repeat(150)}/f`;

/** For other readers: names in UTF-8. */
const SHARED: readonly Member[] = [
  { ...FILE, type: 'directory', name: 'dir', mode: 0o1777, data: EMPTY },
  {
    ...FILE,
    name: LONG,
    size: 3,
    mtime: { seconds: 1, nanoseconds: 750_000_000 },
    xattrs: new Map([['user.a', '\xff=\n']]),
    data: Buffer.from('abc'),
  },
  { ...FILE, name: Buffer.from('grün').toString('latin1'), uid: 3_000_000_000, data: EMPTY },
  { ...FILE, type: 'symlink', name: 'link', linkName: 'l'.repeat(120), data: EMPTY },
  { ...FILE, type: 'hardlink', name: 'again', linkName: LONG, data: EMPTY },
  { ...FILE, type: 'block-device', name: 'disk', deviceMajor: 259, deviceMinor: 70000, data: EMPTY },
];

test("python's tarfile reads names, links, times, owners and attributes", () => {
  const script = `
import tarfile, sys, json
tar = tarfile.open(fileobj=sys.stdin.buffer, mode='r|')
print(json.dumps([[m.name, m.type.decode(), m.linkname, m.uid, m.mtime, m.size, m.devmajor, m.devminor,
  m.pax_headers.get('SCHILY.xattr.user.a', '').encode('utf-8', 'surrogateescape').hex()] for m in tar]))`;
  const out = execFileSync('python3', ['-c', script], { input: write(SHARED), encoding: 'utf8' });
  assert.deepEqual(JSON.parse(out), [
    ['dir', '5', '', 1, 1_700_000_000, 0, 0, 0, ''],
    [LONG, '0', '', 1, 1.75, 3, 0, 0, 'ff3d0a'],
    ['grün', '0', '', 3_000_000_000, 1_700_000_000, 0, 0, 0, ''],
    ['link', '2', 'l'.repeat(120), 1, 1_700_000_000, 0, 0, 0, ''],
    ['again', '1', LONG, 1, 1_700_000_000, 0, 0, 0, ''],
    ['disk', '4', '', 1, 1_700_000_000, 0, 259, 70000, ''],
  ]);
});

test('GNU tar lists the same without a complaint', () => {
  const argv = ['--numeric-owner', '--quoting-style=literal', '--full-time', '--utc', '-tvf', '-'];
  const out = execFileSync('tar', argv, {
    input: write(SHARED),
    encoding: 'utf8',
    env: { LC_ALL: 'C.UTF-8' },
  });
  const lines = out
    .trim()
    .split('\n')
    .map((line) => line.replace(/ +/g, ' '));
  assert.deepEqual(lines, [
    'drwxrwxrwt 1/2 0 2023-11-14 22:13:20 dir/',
    `-rw-r----- 1/2 3 1970-01-01 00:00:01.75 ${LONG}`,
    '-rw-r----- 3000000000/2 0 2023-11-14 22:13:20 grün',
    `lrw-r----- 1/2 0 2023-11-14 22:13:20 link -> ${'l'.repeat(120)}`,
    `hrw-r----- 1/2 0 2023-11-14 22:13:20 again link to ${LONG}`,
    'brw-r----- 1/2 259,70000 2023-11-14 22:13:20 disk',
  ]);
});
