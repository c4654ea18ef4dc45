import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { readAccountFiles, readAccountFilesOf } from '../../../runtime/rootfs-files.ts';
import { requires } from '../../lib/requires.ts';

/** Layers, topmost first; a value that starts with `->` is a symbolic link, `whiteout`, `opaque`, `fifo` and `zero` are what they say. */
type Layer = Readonly<Record<string, string>>;

async function makeLayers(t: TestContext, layers: readonly Layer[]): Promise<string[]> {
  const directory = await mkdtemp('/tmp/wr-');
  t.after(() => rm(directory, { recursive: true, force: true }));
  return Promise.all(
    layers.map(async (layer, index) => {
      const root = join(directory, String(index));
      await mkdir(root);
      for (const [path, content] of Object.entries(layer)) await place(join(root, path), content);
      return root;
    }),
  );
}

async function place(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if (content.startsWith('->')) await symlink(content.slice(2), path);
  else if (content === 'whiteout') execFileSync('mknod', [path, 'c', '0', '0']);
  else if (content === 'zero') execFileSync('mknod', [path, 'c', '1', '5']);
  else if (content === 'fifo') execFileSync('mkfifo', [path]);
  else if (content === 'opaque') {
    await mkdir(path);
    execFileSync('python3', [
      '-c',
      `import os; os.setxattr(${JSON.stringify(path)}, 'trusted.overlay.opaque', b'y')`,
    ]);
  } else await writeFile(path, content);
}

describe('account files are read as overlayfs would show them', requires('root'), () => {
  for (const [name, layers, passwd] of [
    ['from the layer that has them', [{}, { 'etc/passwd': 'low' }], 'low'],
    ['the topmost wins', [{ 'etc/passwd': 'top' }, { 'etc/passwd': 'low' }], 'top'],
    ['a whiteout hides', [{ 'etc/passwd': 'whiteout' }, { 'etc/passwd': 'low' }], undefined],
    ['a whiteout of the directory hides', [{ etc: 'whiteout' }, { 'etc/passwd': 'low' }], undefined],
    ['an opaque directory hides', [{ etc: 'opaque' }, { 'etc/passwd': 'low' }], undefined],
    ['a file in the place of the directory hides', [{ etc: 'x' }, { 'etc/passwd': 'low' }], undefined],
    ['through a link', [{ 'etc/passwd': '->/usr/lib/passwd' }, { 'usr/lib/passwd': 'linked' }], 'linked'],
    ['through a linked directory', [{ etc: '->usr/etc' }, { 'usr/etc/passwd': 'linked' }], 'linked'],
    ['a link never leaves the root', [{ 'etc/passwd': '->../../../../../../etc/hostname' }, {}], undefined],
    ["an absolute link is the image's", [{ 'etc/passwd': '->/etc/hostname' }, {}], undefined],
    ['a loop ends', [{ 'etc/passwd': '->passwd' }, {}], undefined],
    ['a FIFO does not hold us', [{ 'etc/passwd': 'fifo' }, {}], undefined],
    ['a device is not read', [{ 'etc/passwd': 'zero' }, {}], undefined],
    ['a link to a device is not followed out', [{ 'etc/passwd': '->/dev/zero' }, {}], undefined],
  ] as const) {
    test(name, async (t) => {
      const files = await readAccountFiles(await makeLayers(t, layers));
      assert.deepEqual(files, { passwd, group: undefined });
    });
  }

  test('a huge one is refused without being read', async (t) => {
    const [top = ''] = await makeLayers(t, [{ 'etc/passwd': 'x' }]);
    await truncate(join(top, 'etc/passwd'), 2 ** 30);
    const before = process.memoryUsage().arrayBuffers;
    await assert.rejects(readAccountFiles([top]), { code: 'invalid-argument' });
    assert.ok(process.memoryUsage().arrayBuffers - before < 32 << 20);
  });

  test('one without any line end is read to its end', async (t) => {
    const layers = await makeLayers(t, [{ 'etc/group': 'x'.repeat(3 << 20) }]);
    assert.equal((await readAccountFiles(layers)).group?.length, 3 << 20);
  });
});

/** In a chroot of its own file system, on which no device can be opened; ends with the test. */
const LIVES_IN = `
import os, sys
directory, place = sys.argv[1:]
os.system("mount -t tmpfs -o nodev wherry " + place) == 0 or sys.exit(1)
os.system("cp -a " + directory + "/. " + place) == 0 or sys.exit(1)
os.chroot(place)
print("ready", flush=True)
sys.stdin.read()
`;

async function liveIn(t: TestContext, layer: Layer): Promise<number> {
  const [directory = '', place = ''] = await makeLayers(t, [layer, {}]);
  const child = spawn(
    'unshare',
    ['-m', '--propagation', 'private', 'python3', '-c', LIVES_IN, directory, place],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  t.after(async () => {
    const ended = once(child, 'exit');
    child.stdin.end();
    await ended;
  });
  assert.match(String((await once(child.stdout, 'data'))[0]), /^ready/);
  return child.pid ?? 0;
}

describe('account files of a process are read beneath its root', requires('root', 'unshare'), () => {
  test('of this one', async () => {
    assert.match((await readAccountFilesOf(process.pid)).passwd ?? '', /^root:/);
  });

  for (const [name, layer, passwd] of [
    ['a plain one', { 'etc/passwd': 'own' }, 'own'],
    ['one without any line end', { 'etc/passwd': 'x'.repeat(3 << 20) }, 'x'.repeat(3 << 20)],
    ['a link stays beneath the root', { 'etc/passwd': '->../../../../etc/own', 'etc/own': 'own' }, 'own'],
    ['an absolute link too', { 'etc/passwd': '->/etc/hostname' }, undefined],
    ['a loop ends', { 'etc/passwd': '->passwd' }, undefined],
    ['a FIFO does not hold us', { 'etc/passwd': 'fifo' }, undefined],
    // Opening it would fail there, and not opening it is the protection: some devices act on that.
    ['a device is not opened', { 'etc/passwd': 'zero' }, undefined],
    ['nor by a link', { 'etc/passwd': '->/dev/zero', 'dev/zero': 'zero' }, undefined],
    ['a directory is none', { 'etc/passwd/x': '' }, undefined],
  ] as const) {
    test(name, async (t) => {
      assert.deepEqual(await readAccountFilesOf(await liveIn(t, layer)), { passwd, group: undefined });
    });
  }

  test('a huge one is refused without being read', async (t) => {
    const pid = await liveIn(t, { 'etc/passwd': 'x' });
    await truncate(`/proc/${pid}/root/etc/passwd`, 2 ** 30);
    const before = process.memoryUsage().arrayBuffers;
    await assert.rejects(readAccountFilesOf(pid), { code: 'invalid-argument' });
    assert.ok(process.memoryUsage().arrayBuffers - before < 32 << 20);
  });
});
