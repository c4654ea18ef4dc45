import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { directoriesIn } from '../../../daemon/core/volumes/directories.ts';
import { requires } from '../../lib/requires.ts';

function rootIn(t: TestContext): string {
  const directory = mkdtempSync('/tmp/w-directories-');
  t.after(() => rmSync(directory, { recursive: true }));
  const root = join(directory, 'volumes');
  mkdirSync(root);
  return root;
}

async function assertWorks(root: string): Promise<void> {
  const directories = directoriesIn(root);
  const [outer, inner] = [join(root, 'v'), join(root, 'v/_data')];
  for (const [path, mode] of [
    [outer, 0o701],
    [inner, 0o755],
    [outer, 0o700],
  ] as const)
    await directories.make(path, mode);
  assert.equal(statSync(outer).mode & 0o7777, 0o701);
  assert.equal(statSync(inner).mode & 0o7777, 0o755);
  writeFileSync(join(inner, 'file'), '');
  assert.equal(await directories.removeEmpty([inner, outer]), false);
  rmSync(join(inner, 'file'));
  assert.equal(await directories.removeEmpty([inner, outer]), true);
  assert.ok(!existsSync(outer));
  await directories.make(join(root, 'missing/v'), 0o701);
  assert.ok(existsSync(join(root, 'missing/v')));
  await assert.rejects(directories.make(join(root, 'nowhere/v\0'), 0o701));
}

describe('directories of volumes', () => {
  test("on the data root's disk", async (t) => assertWorks(rootIn(t)));

  test('on a disk of their own', requires('root'), async (t) => {
    const root = rootIn(t);
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', root]);
    try {
      await assertWorks(root);
    } finally {
      execFileSync('umount', [root]);
    }
  });
});
