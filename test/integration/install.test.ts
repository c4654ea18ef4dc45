import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
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
    const bash = await readFile(join(prefix, 'share/bash-completion/completions/wherry'), 'utf8');
    assert.match(bash, /^complete -F _wherry wherry$/m);
    const unit = await readFile(join(prefix, 'lib/systemd/system/wherry.service'), 'utf8');
    assert.match(unit, new RegExp(`^ExecStart=${prefix}/bin/wherryd -H fd://$`, 'm'));
    assert.match(unit, /^KillMode=process$/m, 'containers outlive the daemon');
    assert.match(
      await readFile(join(prefix, 'lib/systemd/system/wherry.socket'), 'utf8'),
      /^SocketMode=0660$/m,
    );
    await rm(join(prefix, 'link'));
    await execOk([execPath, script, '--prefix', prefix, '--remove']);
    const left = await readdir(prefix, { recursive: true });
    assert.deepEqual(
      left.toSorted(),
      [
        ...['bin', 'lib', 'lib/systemd', 'lib/systemd/system', 'share', 'share/bash-completion'],
        ...['share/bash-completion/completions', 'share/fish', 'share/fish/vendor_completions.d'],
        ...['share/zsh', 'share/zsh/site-functions'],
      ],
      'what others use, too',
    );
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
