import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
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

  test('of a process by its root', async () => {
    assert.match((await readAccountFilesOf(process.pid)).passwd ?? '', /^root:/);
  });
});
