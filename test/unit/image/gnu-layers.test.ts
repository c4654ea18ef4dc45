import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { unpack } from '../../../image/workers/unpack.ts';
import { requires } from '../../lib/requires.ts';
import { tarball, type Member } from '../../lib/tarball.ts';
import { listTree } from '../../lib/tree-list.ts';

const ROOT = requires('root');

/** Unpacks an archive here and with GNU tar, and returns both trees. */
async function both(t: TestContext, archive: Uint8Array): Promise<{ ours: string; theirs: string }> {
  const base = mkdtempSync('/tmp/gnu-');
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const [blob, ours, theirs] = ['blob', 'ours', 'theirs'].map((name) => join(base, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(blob, archive);
  mkdirSync(theirs);
  const gnu = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '--same-owner', '-p', '-P'];
  execFileSync('tar', ['-C', theirs, ...gnu, '-xf', blob], { stdio: 'pipe' });
  const diffId = `sha256:${createHash('sha256').update(archive).digest('hex')}`;
  await unpack({ kind: 'unpack', blob, target: ours, diffId }, new AbortController().signal);
  return { ours, theirs };
}

/** A tree with all that a file system knows; packed by GNU tar with `options`. */
function packed(t: TestContext, options: readonly string[]): Uint8Array {
  const base = mkdtempSync('/tmp/gnu-source-');
  t.after(() => rmSync(base, { recursive: true, force: true }));
  execFileSync('sh', ['-ec', MAKE_TREE], { cwd: base });
  const all = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '--sparse', '-C', base];
  execFileSync('tar', [...all, ...options, '-cf', join(base, '..', `${base.slice(5)}.tar`), '.'], {
    stdio: 'pipe',
  });
  const path = join(base, '..', `${base.slice(5)}.tar`);
  const archive = readFileSync(path);
  rmSync(path);
  return archive;
}

const LONG = 'n'.repeat(180);
const MAKE_TREE = `
  mkdir -p usr/bin tmp ${LONG}/${LONG}; chmod 1777 tmp; chmod 2755 usr
  echo su > usr/bin/su; chown 7:8 usr/bin/su; chmod 4755 usr/bin/su; ln usr/bin/su usr/bin/su2
  ln -s su usr/bin/link; ln usr/bin/link usr/bin/hard; chown -h 3:4 usr/bin/link
  ln -s ../${LONG}/${LONG} usr/long; echo long > ${LONG}/${LONG}/${LONG}; ln ${LONG}/${LONG}/${LONG} again
  mknod null c 1 3; mknod disk b 259 70000; mkfifo pipe; chown 3000000:3000001 pipe
  touch -d '@1234567890.123456789' usr/bin/su; touch -d '1969-12-31 00:00:00.25 UTC' old; touch -d '@8589934592' future
  python3 - <<'END'
import os
os.setxattr('usr/bin/su', 'user.binary', bytes(range(256)))
os.setxattr('old', 'security.capability', bytes.fromhex('0100000280000000000000000000000000000000'))
acl = bytes.fromhex('02000000' '01000700ffffffff' '02000500e8030000' '04000500ffffffff' '10000700ffffffff' '20000000ffffffff')
os.setxattr('future', 'system.posix_acl_access', acl)
with open('many', 'wb') as f:
    for i in range(60):
        f.seek(i * 65536 * 2); f.write(b'data %d' % i * 500)
    f.truncate(60 * 65536 * 2 + 12345)
with open('all-hole', 'wb') as f: f.truncate(1 << 20)
with open('giant', 'wb') as f:
    f.write(b'first'); f.seek(5 << 30); f.write(b'behind 4 GiB')
END
`;

const FORMATS: readonly [name: string, options: readonly string[]][] = [
  ['of the pax format', ['--format=pax', '--sparse-version=1.0']],
  ['with sparse files of format 0.1', ['--format=pax', '--sparse-version=0.1']],
  ['with sparse files of format 0.0', ['--format=pax', '--sparse-version=0.0']],
  ["of GNU's own format", ['--format=gnu', '--no-xattrs']],
];

for (const [name, options] of FORMATS) {
  test(`an archive ${name} is unpacked as GNU tar does`, ROOT, async (t) => {
    const { ours, theirs } = await both(t, packed(t, options));
    assert.deepEqual(listTree(ours), listTree(theirs));
    const blocks = (path: string): number => statSync(join(ours, path)).blocks;
    assert.ok(
      blocks('giant') < 64 && blocks('many') < 60 * 24 && blocks('all-hole') === 0,
      'holes stay holes',
    );
    assert.equal(statSync(join(ours, 'giant')).size, (5 << 20) * 1024 + 12);
  });
}

test('what later members change is as GNU tar leaves it', ROOT, async (t) => {
  const members: Member[] = [
    { name: './', mode: 0o755, mtime: 5 },
    { name: 'd/', mtime: 1 },
    { name: 'd/f', data: 'one', mtime: 2 },
    { name: 'e', data: 'was a file' },
    { name: 'e', type: '2', linkName: 'd' },
    { name: 'twice', data: 'first, and longer' },
    { name: 'twice', data: 'second', mode: 0o4711, uid: 9 },
    { name: 'grown/', mode: 0o700 },
    { name: 'grown/', mode: 0o2751, uid: 5, gid: 6, mtime: 77 },
    { name: 'grown/child', data: 'not of the group of its directory' },
    { name: 'pax', type: 'g', data: '20 mtime=1000000000\n' },
    { name: 'v7dir/', type: '0' },
    { name: 'contiguous', type: '7', data: 'x' },
    { name: '\xff\xfe', data: 'no UTF-8' },
    { name: 'h', type: '1', linkName: 'twice' },
    { name: 'owner', data: '', uid: 4_000_000_000, gid: 4_000_000_001 },
  ];
  const { ours, theirs } = await both(t, tarball(members.filter(({ type }) => type !== 'g')));
  assert.deepEqual(listTree(ours), listTree(theirs));
  const withGlobal = await both(t, tarball(members));
  assert.deepEqual(
    listTree(withGlobal.ours),
    listTree(ours),
    'a global header changes nothing, as in docker',
  );
});

test('ACLs that a directory hands on stay with it', ROOT, async (t) => {
  const acl = Buffer.from(
    '0200000001000700ffffffff02000700e803000004000500ffffffff10000700ffffffff20000500ffffffff',
    'hex',
  ).toString('latin1');
  const archive = tarball([
    { name: 'd/', mode: 0o775, pax: { 'SCHILY.xattr.system.posix_acl_default': acl } },
    { name: 'd/file', data: '', mode: 0o640 },
    { name: 'd/own', data: '', mode: 0o670, pax: { 'SCHILY.xattr.system.posix_acl_access': acl } },
    { name: 'd/sub/', mode: 0o711 },
  ]);
  const { ours } = await both(t, archive);
  const lines = listTree(ours).map((line) => {
    const [name, mode] = line.split(' ');
    return [name, mode, line.includes('posix_acl_access'), line.includes('posix_acl_default')];
  });
  assert.deepEqual(lines.slice(1), [
    ["b'd'", '0o40775', false, true],
    ["b'd/file'", '0o100640', false, false],
    ["b'd/own'", '0o100775', true, false],
    ["b'd/sub'", '0o40711', false, false],
  ]);
});
