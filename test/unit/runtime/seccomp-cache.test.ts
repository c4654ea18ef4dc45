import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { compileCached } from '../../../runtime/security/seccomp-cache.ts';
import { compileSeccomp } from '../../../runtime/security/seccomp.ts';
import type { Seccomp } from '../../../runtime/spec.ts';

const profile: Seccomp = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO' }],
};
const MADE_BY = 'a build';

async function place(t: TestContext): Promise<string> {
  const directory = await mkdtemp('/tmp/wherry-seccomp-');
  t.after(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'cache');
}

/** Changes the last instruction of the one cached filter, to tell it from a fresh one. */
async function spoil(directory: string): Promise<void> {
  const [name = ''] = await readdir(directory);
  const bytes = await readFile(join(directory, name));
  bytes.writeUInt32LE(0x1234, bytes.byteLength - 4);
  await writeFile(join(directory, name), bytes);
}

const last = (directory: string, of = profile, madeBy: string | undefined = MADE_BY): number => {
  const { program } = compileCached(of, directory, madeBy);
  return new DataView(program.buffer, program.byteOffset).getUint32(program.byteLength - 4, true);
};

test('a filter is compiled once, and is the same', async (t) => {
  const directory = await place(t);
  const fresh = compileCached(profile, directory, MADE_BY);
  assert.deepEqual(compileCached(profile, directory, MADE_BY), fresh);
  assert.deepEqual(fresh, compileSeccomp(profile));
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
  await spoil(directory);
  assert.equal(last(directory), 0x1234, 'it comes from the cache');
});

test('another profile and another build have their own', async (t) => {
  const directory = await place(t);
  last(directory);
  await spoil(directory);
  assert.notEqual(last(directory, { ...profile, flags: [] }), 0x1234);
  assert.notEqual(last(directory, profile, 'another build'), 0x1234);
});

test('a directory that others may enter, or that a link leads to, does not count', async (t) => {
  const directory = await place(t);
  last(directory);
  await spoil(directory);
  const link = `${directory}-link`;
  await symlink(directory, link);
  assert.notEqual(last(link), 0x1234);
  await chmod(directory, 0o755);
  assert.notEqual(last(directory), 0x1234);
});

test('a damaged file is compiled anew, and a directory that can not be does no harm', async (t) => {
  const directory = await place(t);
  const fresh = last(directory);
  const [name = ''] = await readdir(directory);
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(9), Buffer.from('x'.repeat(500))]) {
    await writeFile(join(directory, name), bytes);
    assert.equal(last(directory), fresh);
  }
  assert.equal(last('/proc/nowhere'), fresh);
});

test('sources are not cached', async (t) => {
  const directory = await place(t);
  compileCached(profile, directory);
  await assert.rejects(readdir(directory), { code: 'ENOENT' });
});
