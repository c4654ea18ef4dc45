import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { built } from '../lib/clients.ts';
import { exec, type Result } from '../lib/process.ts';
import { ping } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

daemonSuite('wherryd', (daemon) => {
  const wherryd = (...args: string[]): Promise<Result> =>
    exec(['unshare', '-n', built('wherryd'), ...args], { timeoutMs: 10_000 });
  const roots = (name: string): string[] => {
    const { directory } = daemon();
    const own = ['--data-root', join(directory, `${name}d`), '--exec-root', join(directory, `${name}r`)];
    return [...own, '-H', `unix://${join(directory, `${name}s`)}`];
  };

  test('refuses to start twice on one data root, and says which', async () => {
    const { dataRoot, directory } = daemon();
    const second = await wherryd(...roots('x'), '--data-root', dataRoot);
    assert.notEqual(second.code, 0);
    assert.ok((second.stderr + second.stdout).includes(dataRoot), second.stderr);
    assert.ok(await ping(join(directory, 's')), 'the first one goes on');
  });

  test('refuses to run without root', async () => {
    const result = await exec([
      'setpriv',
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      built('wherryd'),
      ...roots('n'),
    ]);
    assert.notEqual(result.code, 0);
    assert.match(result.stderr + result.stdout, /root/);
  });

  test('reads daemon.json; an unknown key is an error that names it', async () => {
    const file = join(daemon().directory, 'daemon.json');
    await writeFile(file, JSON.stringify({ 'no-such-key': 1, 'log-level': 'info' }));
    const unknown = await wherryd(...roots('u'), '--config-file', file);
    assert.notEqual(unknown.code, 0);
    assert.match(unknown.stderr + unknown.stdout, /no-such-key/);
    await writeFile(file, '{ not json');
    const broken = await wherryd(...roots('b'), '--config-file', file);
    assert.notEqual(broken.code, 0);
    assert.ok((broken.stderr + broken.stdout).includes(file));
  });

  test('check prints what the host offers', async () => {
    const { code, stdout } = await wherryd('check');
    assert.equal(code, 0, stdout);
    for (const feature of ['overlay', 'seccomp', 'cgroup', 'nf'])
      assert.match(stdout, new RegExp(feature, 'i'));
  });

  test('--version and --help', async () => {
    assert.match((await wherryd('--version')).stdout, /\d+\.\d+\.\d+/);
    assert.match((await wherryd('--help')).stdout, /--data-root/);
    const unknown = await wherryd('--no-such-flag');
    assert.notEqual(unknown.code, 0);
    assert.match(unknown.stderr, /no-such-flag/);
  });

  test('writes its pid file and takes it away', async () => {
    assert.equal(
      (await readFile(join(daemon().execRoot, 'wherryd.pid'), 'utf8')).trim(),
      String(daemon().pid),
    );
    assert.equal(await daemon().stop(), 0);
    await assert.rejects(readFile(join(daemon().execRoot, 'wherryd.pid')), { code: 'ENOENT' });
    await daemon().restart();
  });
});
