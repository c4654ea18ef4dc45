import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench } from '../../lib/layer-bench.ts';
import { requires } from '../../lib/requires.ts';
import type { Member } from '../../lib/tarball.ts';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = requires('root');

// ---------------------------------------------------------------- what hosts must survive

const escapes = (canary: string): readonly [what: string, members: readonly Member[]][] => [
  ['a traversal', [{ name: '../canary/secret', data: 'owned' }]],
  ['a traversal behind a directory', [{ name: 'a/' }, { name: 'a/../../canary/secret', data: 'owned' }]],
  ['a traversal of an absolute name', [{ name: `/..${canary}/secret`, data: 'owned' }]],
  ['a whiteout that climbs', [{ name: '../canary/.wh.secret' }]],
  ['a whiteout of the parent', [{ name: 'a/' }, { name: 'a/.wh..' }]],
  ['a whiteout of two dots', [{ name: 'a/' }, { name: 'a/.wh...' }]],
  ['a nameless whiteout', [{ name: 'a/' }, { name: 'a/.wh.' }]],
  ['a hard link to a file of the host', [{ name: 'x', type: '1', linkName: `${canary}/secret` }]],
  ['a hard link that climbs', [{ name: 'x', type: '1', linkName: '../canary/secret' }]],
  [
    'a hard link through a symbolic link',
    [
      { name: 'l', type: '2', linkName: canary },
      { name: 'x', type: '1', linkName: 'l/secret' },
    ],
  ],
  ['a hard link to a directory', [{ name: 'd/' }, { name: 'x', type: '1', linkName: 'd' }]],
  ['a hard link to the root', [{ name: 'x', type: '1', linkName: '/' }]],
  ['a root that is a symbolic link', [{ name: './', type: '2', linkName: canary }]],
  [
    'a file as an ancestor',
    [
      { name: 'f', data: '' },
      { name: 'f/x', data: '' },
    ],
  ],
  [
    'a loop of symbolic links',
    [
      { name: 'l', type: '2', linkName: 'l' },
      { name: 'l/x', data: '' },
    ],
  ],
  ['a name that is too long', [{ name: 'n'.repeat(300), data: '' }]],
  ['a path that is too deep', [{ name: 'd/'.repeat(5000), data: '' }]],
  ['a device number out of range', [{ name: 'd', type: '3', major: 5000, minor: 0 }]],
];

for (const [what, members] of escapes('/tmp/nowhere')) {
  test(`a layer with ${what} is refused and leaves nothing`, ROOT, async (t) => {
    const { apply, canary } = bench(t);
    const aimed = members.map(
      (member) => JSON.parse(JSON.stringify(member).replaceAll('/tmp/nowhere', canary)) as Member,
    );
    await assert.rejects(apply(aimed), { code: 'invalid-argument' });
  });
}

test('an absolute name counts from the layer', ROOT, async (t) => {
  const { apply, canary } = bench(t);
  const root = await apply([{ name: `${canary}/secret`, data: 'inside' }]);
  assert.equal(readFileSync(join(root, canary, 'secret'), 'utf8'), 'inside');
});

test('symbolic links in a path are followed within the layer only', ROOT, async (t) => {
  const { apply, canary } = bench(t);
  const root = await apply([
    { name: 'usr/lib/' },
    { name: 'lib', type: '2', linkName: '/usr/lib' },
    { name: 'lib/a.so', data: 'a' },
    { name: 'up', type: '2', linkName: '../../../../usr' },
    { name: 'up/b', data: 'b' },
    { name: 'out', type: '2', linkName: canary },
    { name: 'out/secret', data: 'owned' },
    { name: 'out/.wh.other' },
  ]);
  assert.equal(readFileSync(join(root, 'usr/lib/a.so'), 'utf8'), 'a');
  assert.equal(readFileSync(join(root, 'usr/b'), 'utf8'), 'b');
  // The link led to nothing in the layer: a directory takes its place.
  assert.deepEqual(readdirSync(join(root, 'out')), ['other', 'secret']);
});

test('a whiteout through a symbolic link hides nothing outside', ROOT, async (t) => {
  const { apply, canary } = bench(t);
  const root = await apply([
    { name: 'l', type: '2', linkName: '..' },
    { name: 'l/.wh.secret' },
    { name: 'l/.wh.canary' },
  ]);
  assert.deepEqual(readdirSync(root).sort(), ['canary', 'l', 'secret']);
  assert.ok(existsSync(join(canary, 'secret')));
});

test('what is written through a replaced name never reaches its old target', ROOT, async (t) => {
  const { apply, canary } = bench(t);
  const root = await apply([
    { name: 's', type: '2', linkName: `${canary}/secret` },
    { name: 's', data: 'file' },
    { name: 'd', type: '2', linkName: canary },
    { name: 'd/', mode: 0o700 },
    { name: 'd/secret', data: 'inside' },
    { name: 'h', type: '2', linkName: `${canary}/secret` },
    { name: 'k', type: '1', linkName: 'h' },
  ]);
  assert.equal(readFileSync(join(root, 's'), 'utf8'), 'file');
  assert.equal(readFileSync(join(root, 'd/secret'), 'utf8'), 'inside');
  assert.equal(readlinkSync(join(root, 'k')), `${canary}/secret`);
});

test('later members replace earlier ones of any type, and directories merge', ROOT, async (t) => {
  const { apply } = bench(t);
  const root = await apply([
    { name: 'a', data: '1' },
    { name: 'a', data: '2' },
    { name: 'b/' },
    { name: 'b/c/' },
    { name: 'b/c/d', data: '' },
    { name: 'b', data: 'file' },
    { name: 'e', data: '' },
    { name: 'e/' },
    { name: 'e/f', data: '' },
    { name: 'e/', mode: 0o711 },
    { name: 'p', type: '6' },
    { name: 'p', type: '1', linkName: 'a' },
  ]);
  assert.equal(readFileSync(join(root, 'a'), 'utf8'), '2');
  assert.equal(readFileSync(join(root, 'b'), 'utf8'), 'file');
  assert.deepEqual(readdirSync(join(root, 'e')), ['f']);
  assert.equal(statSync(join(root, 'e')).mode & 0o7777, 0o711);
  assert.equal(statSync(join(root, 'p')).ino, statSync(join(root, 'a')).ino);
});

test('attributes of overlayfs are not taken from an image', ROOT, async (t) => {
  const { apply } = bench(t);
  const root = await apply([
    {
      name: 'd/',
      pax: {
        'SCHILY.xattr.trusted.overlay.redirect': '/etc',
        'SCHILY.xattr.trusted.overlay.opaque': 'y',
        'SCHILY.xattr.user.ok': '1',
      },
    },
  ]);
  const listed = execFileSync(
    'python3',
    ['-c', 'import os,sys; print(sorted(os.listxattr(sys.argv[1])))', join(root, 'd')],
    { encoding: 'utf8' },
  );
  assert.equal(listed.trim(), "['user.ok']");
});

test('a tree deeper than a path can be is replaced and removed', ROOT, async (t) => {
  const { apply } = bench(t);
  const deep = 'd/'.repeat(1500);
  const members: Member[] = [
    { name: deep },
    { name: 'l', type: '2', linkName: `d/${'d/'.repeat(1498)}d` },
    { name: `l/${deep}` },
    { name: `l/${deep}f`, data: 'x' },
  ];
  await apply(members);
  const root = await apply([...members, { name: 'd', data: 'file' }]);
  assert.deepEqual(readdirSync(root).sort(), ['d', 'l']);
  await assert.rejects(apply([...members, { name: '../x', data: '' }]), { code: 'invalid-argument' });
});

test('a directory that became a link takes no attributes of the host, and gives it none', ROOT, async (t) => {
  const { apply, canary } = bench(t);
  const below = await apply([
    { name: 'd/', mode: 0o1777, uid: 7 },
    { name: 'd2/', mode: 0o1777 },
    { name: 'e', type: '2', linkName: canary },
    { name: 'x/y/', mode: 0o1777, uid: 7 },
  ]);
  const root = await apply(
    [
      { name: 'd/implied', data: '' },
      { name: 'd', type: '2', linkName: canary },
      { name: 'e/implied', data: '' },
      { name: 'x/y/implied', data: '' },
      { name: 'x', type: '2', linkName: join(canary, '..') },
      { name: 'own/', mode: 0o700 },
      { name: 'd2/implied', data: '' },
      { name: 'd2', type: '2', linkName: 'own' },
    ],
    [below],
  );
  assert.equal(statSync(join(root, 'own')).mode & 0o7777, 0o700);
  assert.equal(readlinkSync(join(root, 'd')), canary);
  const { mode, uid } = statSync(join(root, 'e'));
  assert.deepEqual([mode & 0o7777, uid], [0o755, 0]);
});

test('a layer that implies directories without end is refused', ROOT, async (t) => {
  const { apply } = bench(t);
  const deep = `${'n'.repeat(219)}/`.repeat(17);
  const members = Array.from({ length: 320 }, (_, index): Member => ({
    name: `${index}/${deep}f`,
    data: '',
  }));
  await assert.rejects(apply(members), /too many directories/);
});

test('a path longer than PATH_MAX is one like any other', ROOT, async (t) => {
  const { apply } = bench(t);
  const deep = `${'n'.repeat(200)}/`.repeat(40);
  const root = await apply([
    { name: deep, mode: 0o711 },
    { name: `${deep}f`, data: 'x' },
    { name: `${deep}g`, type: '1', linkName: 'f', pax: { linkpath: `${deep}f` } },
    { name: `${deep}.wh.gone` },
  ]);
  const walk = `import os,sys\nos.chdir(sys.argv[1])\nfor _ in range(40): os.chdir('n'*200)\nprint(sorted(os.listdir()), oct(os.stat('.').st_mode), os.stat('f').st_nlink)`;
  const found = execFileSync('python3', ['-c', walk, root], { encoding: 'utf8' });
  assert.equal(found.trim(), "['f', 'g', 'gone'] 0o40711 2");
});

// ---------------------------------------------------------------- races (random layers: test/fuzz/layers.test.ts)

test('a racer that swaps directories for symbolic links leads nothing out', ROOT, async (t) => {
  const { apply, canary } = bench(t);
  const racer = `
    const { renameSync, symlinkSync, mkdirSync, readdirSync, rmSync } = require('node:fs');
    const base = ${JSON.stringify(join(canary, '..'))};
    for (;;) for (const layer of readdirSync(base).filter((name) => name.startsWith('l'))) {
      const at = base + '/' + layer + '/d';
      try { renameSync(at, at + 'x'); symlinkSync(${JSON.stringify(canary)}, at); } catch {}
      try { rmSync(at); renameSync(at + 'x', at); } catch {}
    }`;
  const child = spawn(process.execPath, ['-e', racer], { stdio: 'ignore' });
  try {
    const members = Array.from({ length: 300 }, (_, index): Member[] => [
      { name: `d/f${index}`, data: 'x' },
      { name: `d/s${index}/`, mode: 0o777 },
      { name: `e${index}`, data: '' },
      { name: `d/.wh.secret` },
      { name: `d/secret`, type: '1', linkName: `e${index}` },
    ]).flat();
    for (let round = 0; round < 12; round += 1) {
      // The racer may take away what a member needs: that is refused, and fine.
      await apply([{ name: 'd/' }, ...members]).catch(() => {});
    }
  } finally {
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  }
});
