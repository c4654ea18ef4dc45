import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bench } from '../../lib/layer-bench.ts';
import { requires } from '../../lib/requires.ts';
import type { Member } from '../../lib/tarball.ts';

const ROOT = requires('root');

// ---------------------------------------------------------------- what images rely on

test('owners, modes, times, links, devices and attributes arrive as they are', ROOT, async (t) => {
  const { applied, apply } = bench(t);
  const capability = '\x01\0\0\x02\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0';
  const members: Member[] = [
    { name: './', mode: 0o750, uid: 5, gid: 6, mtime: 1000 },
    { name: 'bin/', mtime: 2000 },
    { name: 'bin/su', data: 'elf', mode: 0o4755, uid: 7, gid: 8, pax: { mtime: '1234567890.123456789' } },
    {
      name: 'bin/newuidmap',
      data: 'elf',
      mode: 0o755,
      pax: { 'SCHILY.xattr.security.capability': capability },
    },
    { name: 'bin/same', type: '1', linkName: 'bin/su' },
    { name: 'bin/link', type: '2', linkName: 'su', uid: 9, gid: 10 },
    { name: 'null', type: '3', major: 1, minor: 3, mode: 0o666 },
    { name: 'disk', type: '4', major: 259, minor: 70000, mode: 0o660, gid: 6 },
    { name: 'pipe', type: '6', mode: 0o622 },
    { name: 'tmp/', mode: 0o1777, mtime: 3000 },
    { name: 'bin/\xff', data: 'bytes' },
  ];
  const root = await apply(members);
  const su = lstatSync(join(root, 'bin/su'), { bigint: true });
  assert.deepEqual(
    [su.mode & 0o7777n, su.uid, su.gid, su.mtimeNs, su.nlink],
    [0o4755n, 7n, 8n, 1234567890123456789n, 2n],
  );
  const link = lstatSync(join(root, 'bin/link'));
  assert.deepEqual([link.uid, link.gid, readlinkSync(join(root, 'bin/link'))], [9, 10, 'su']);
  const stat = (name: string): string =>
    execFileSync('stat', ['-c', '%F %a %g %t:%T', join(root, name)], { encoding: 'utf8' }).trim();
  assert.equal(stat('null'), 'character special file 666 0 1:3');
  assert.equal(stat('disk'), 'block special file 660 6 103:11170');
  assert.equal(stat('pipe'), 'fifo 622 0 0:0');
  const value = execFileSync(
    'python3',
    [
      '-c',
      'import os,sys; print(os.getxattr(sys.argv[1], "security.capability").hex())',
      join(root, 'bin/newuidmap'),
    ],
    { encoding: 'utf8' },
  );
  assert.equal(value.trim(), Buffer.from(capability, 'latin1').toString('hex'));
  const names = readdirSync(join(root, 'bin'), { encoding: 'buffer' }).map((name) => name.toString('hex'));
  assert.ok(names.includes('ff'));
  const times = ['', 'bin', 'tmp'].map((name) => lstatSync(join(root, name)).mtimeMs / 1000);
  assert.deepEqual(times, [1000, 2000, 3000], 'a directory keeps its time whatever comes into it later');
  const result = await applied(members);
  const { sizeBytes, opaqueRoot, entryCount, implied, impliesRoot } = result;
  assert.deepEqual([sizeBytes, opaqueRoot, result.root], [11, false, { mode: 0o750, uid: 5, gid: 6 }]);
  assert.deepEqual([entryCount, implied, impliesRoot], [10, [], false]);
  const du = execFileSync('du', ['-s', '-B1', root], { encoding: 'utf8' });
  assert.equal(result.diskBytes, Number(/^\d+/.exec(du)?.[0]));
});

test('a directory that a layer implies looks as it does below', ROOT, async (t) => {
  const { apply } = bench(t);
  const below = await apply([
    { name: './', mode: 0o711 },
    { name: 'tmp/', mode: 0o1777 },
    { name: 'srv/', uid: 3, gid: 4, mode: 0o2750 },
  ]);
  const root = await apply(
    [
      { name: 'tmp/x', data: '' },
      { name: 'srv/a/b', data: '' },
    ],
    [below],
  );
  const modes = ['', 'tmp', 'srv', 'srv/a'].map((name) => {
    const { mode, uid, gid } = statSync(join(root, name));
    return [mode & 0o7777, uid, gid];
  });
  assert.deepEqual(modes, [
    [0o711, 0, 0],
    [0o1777, 0, 0],
    [0o2750, 3, 4],
    [0o755, 0, 0],
  ]);
});

test(
  'whiteouts and opaque directories hide what is below, in an overlay',
  requires('root', 'overlay', 'unshare'),
  async (t) => {
    const { apply, merged } = bench(t);
    const below = await apply([
      { name: 'file', data: '' },
      { name: 'dir/' },
      { name: 'dir/old', data: '' },
      { name: 'opaque/' },
      { name: 'opaque/old', data: '' },
      { name: 'again/' },
      { name: 'again/old', data: '' },
      { name: 'first/' },
      { name: 'first/old', data: '' },
      { name: 'link', type: '2', linkName: 'dir' },
      { name: 'kept/' },
      { name: 'kept/old', data: '' },
      { name: 'both', data: 'old' },
    ]);
    const above = await apply(
      [
        { name: '.wh.file' },
        { name: '.wh.dir' },
        { name: 'opaque/new', data: '' },
        { name: 'opaque/.wh..wh..opq' },
        { name: '.wh.again' },
        { name: 'again/' },
        { name: 'again/new', data: '' },
        { name: 'first/' },
        { name: 'first/new', data: '' },
        { name: '.wh.first' },
        { name: 'link', data: 'a file now' },
        { name: 'kept/.wh.absent' },
        { name: 'both', data: 'new' },
        { name: '.wh.both' },
        { name: '.wh..wh.plnk/' },
        { name: '.wh..wh.plnk/1.2', data: '' },
        { name: '.wh..wh.aufs', data: '' },
      ],
      [below],
    );
    assert.deepEqual(merged([above, below]), [
      'again d',
      'again/new f',
      'both f',
      'first d',
      'first/new f',
      'kept d',
      'kept/old f',
      'link f',
      'opaque d',
      'opaque/new f',
    ]);
  },
);

test("a hard link to one of AUFS' pseudo-links has its content, and those are gone", ROOT, async (t) => {
  const { apply } = bench(t);
  const root = await apply([
    { name: './', mtime: 7 },
    { name: '.wh..wh.plnk/', mode: 0o700 },
    { name: '.wh..wh.plnk/12.34', data: 'several names', mode: 0o640 },
    { name: 'a', type: '1', linkName: '.wh..wh.plnk/12.34' },
    { name: 'b', type: '1', linkName: './.wh..wh.plnk/12.34' },
    { name: '.wh..wh.aufs', data: '' },
  ]);
  assert.deepEqual(readdirSync(root).sort(), ['a', 'b']);
  const { size, nlink, mode } = statSync(join(root, 'b'));
  assert.deepEqual([size, nlink, mode & 0o777, statSync(root).mtimeMs], [13, 2, 0o640, 7000]);
});

test('a layer that hides its root says so', ROOT, async (t) => {
  const { applied } = bench(t);
  assert.equal((await applied([{ name: '.wh..wh..opq' }])).opaqueRoot, true);
});
