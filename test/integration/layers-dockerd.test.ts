import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { settle } from '../../image/layers/settle.ts';
import { unpack } from '../../image/workers/unpack.ts';
import { startDaemon } from '../lib/daemon.ts';
import { dockerArchive, layer } from '../lib/image-archives.ts';
import { requires } from '../lib/requires.ts';
import { loadImage } from '../lib/rest.ts';
import type { Member } from '../lib/tarball.ts';
import { listTree } from '../lib/tree-list.ts';

const capability = '\x01\0\0\x02\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0';
const acl = Buffer.from(
  '0200000001000700ffffffff02000700e803000004000500ffffffff10000700ffffffff20000500ffffffff',
  'hex',
).toString('latin1');

const below: readonly Member[] = [
  { name: './', mode: 0o711, uid: 1, mtime: 5 },
  { name: 'tmp/', mode: 0o1777, mtime: 6 },
  { name: 'bin/', mode: 0o2755, gid: 50, mtime: 7 },
  { name: 'bin/su', data: 'elf', mode: 0o6755, uid: 7, gid: 8, pax: { mtime: '1234567890.123456789' } },
  { name: 'bin/ping', data: 'elf', mode: 0o755, pax: { 'SCHILY.xattr.security.capability': capability } },
  // Docker gives the inode what the last of its names states, GNU tar what the first does: archives state the same for all.
  {
    name: 'bin/same',
    type: '1',
    linkName: 'bin/su',
    mode: 0o6755,
    uid: 7,
    gid: 8,
    pax: { mtime: '1234567890.123456789' },
  },
  { name: 'bin/link', type: '2', linkName: 'su', uid: 9, gid: 10 },
  { name: 'bin/hardlink-to-link', type: '1', linkName: 'bin/link', uid: 9, gid: 10 },
  { name: 'null', type: '3', major: 1, minor: 3, mode: 0o666 },
  { name: 'disk', type: '4', major: 259, minor: 70000, mode: 0o660, gid: 6 },
  { name: 'pipe', type: '6', mode: 0o622 },
  { name: 'acl', data: '', mode: 0o775, pax: { 'SCHILY.xattr.system.posix_acl_access': acl } },
  ...Array.from({ length: 30 }, (_, index) => ({
    name: 'long/'.repeat(index + 1),
    mode: 0o700,
    mtime: index,
  })),
  { name: `${'long/'.repeat(30)}f`, data: 'x', uid: 3_000_000_000, mtime: 8_589_934_592 },
  { name: '\xc3\xbc', data: 'UTF-8' },
  { name: '/absolute', data: 'counts from the root' },
  { name: 'old/', mtime: 9 },
  { name: 'old/a', data: '' },
  { name: 'gone', data: '' },
];

const above: readonly Member[] = [
  { name: './', mode: 0o755, mtime: 10 },
  { name: '.wh.gone', data: '' },
  { name: 'old/', mode: 0o750, mtime: 11 },
  { name: 'old/.wh..wh..opq', data: '' },
  { name: 'old/b', data: 'b' },
  { name: 'bin/', mode: 0o755, mtime: 12 },
  { name: 'bin/.wh.su', data: '' },
  { name: 'bin/link', data: 'a file now' },
];

/** A whiteout is a name and nothing else: its owner and time mean nothing. */
const meaning = (line: string): string => {
  const [path = '', mode = ''] = line.split(' ');
  return Number(mode) >> 12 === 0o2 && line.endsWith(' 0') ? `${path} whiteout` : line;
};

test(
  "layers lie on the disk as Debian's dockerd lays them",
  requires('root', 'dockerd', 'overlay'),
  async (t) => {
    const base = mkdtempSync('/tmp/layers-');
    t.after(() => rmSync(base, { recursive: true, force: true }));
    const tars = [layer(...below), layer(...above)];
    await using peer = await startDaemon(t, { peer: true, busybox: false });
    await loadImage(peer.socket, dockerArchive({ layers: tars, tags: ['x:1'] }));
    const graph = await peer.dockerOk('image', 'inspect', '-f', '{{json .GraphDriver.Data}}', 'x:1');
    const { UpperDir, LowerDir } = JSON.parse(graph) as { UpperDir: string; LowerDir: string };
    const theirs = [LowerDir, UpperDir];
    const lowers: string[] = [];
    for (const [index, tar] of tars.entries()) {
      const [blob, target] = [join(base, `b${index}`), join(base, `l${index}`)];
      writeFileSync(blob, tar);
      const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}`;
      const { implied, impliesRoot } = await unpack(
        { kind: 'unpack', blob, target, diffId },
        new AbortController().signal,
      );
      settle({ directory: target, lowers, implied, impliesRoot });
      lowers.unshift(target);
      // Not the root itself: docker 20.10 passes over what a layer says of it.
      const [mine, other] = [target, theirs[index] ?? ''].map((path) => listTree(path).slice(1).map(meaning));
      assert.deepEqual(mine, other);
    }
  },
);
