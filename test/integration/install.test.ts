import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { exec, execOk } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

const script = fileURLToPath(new URL('../../scripts/install.ts', import.meta.url));

test('what is installed runs from there, and uninstall leaves nothing', requires('root'), async () => {
  const prefix = await mkdtemp(join(tmpdir(), 'prefix-'));
  try {
    await execOk([execPath, script, '--prefix', prefix]);
    await symlink(join(prefix, 'bin/wherry'), join(prefix, 'link'));
    for (const program of ['bin/wherry', 'bin/wherryd', 'link']) {
      assert.match(await execOk([join(prefix, program), '--version']), /\d+\.\d+\.\d+/);
    }
    // Loads koffi and the C library from where they were installed.
    const check = await exec([join(prefix, 'bin/wherryd'), 'check']);
    assert.equal(check.code, 0, check.stdout + check.stderr);
    await rm(join(prefix, 'link'));
    await execOk([execPath, script, '--prefix', prefix, '--remove']);
    assert.deepEqual(await readdir(prefix, { recursive: true }), ['bin', 'lib']);
  } finally {
    await rm(prefix, { recursive: true, force: true });
  }
});

test('DESTDIR stages without being written into the programs', async () => {
  const stage = await mkdtemp(join(tmpdir(), 'stage-'));
  try {
    await execOk([execPath, script, '--prefix', '/opt/w', '--destdir', stage]);
    assert.ok(!(await execOk(['cat', join(stage, 'opt/w/bin/wherry')])).includes(stage));
  } finally {
    await rm(stage, { recursive: true });
  }
});
