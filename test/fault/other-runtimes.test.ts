import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../lib/daemon.ts';
import { requires } from '../lib/requires.ts';

const NEEDS = requires('root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare');
const args = ['--add-runtime', 'other=runc'];
const RUN = ['run', '--runtime', 'other', '--name', 'one', 'busybox', 'true'];

/** Each with the daemon's end there, on the way of a container that another runtime has. */
const FAILPOINTS = ['container.start.started', 'runtime.delete'];

for (const name of FAILPOINTS) {
  test(`${name}: killed there, the next daemon leaves nothing with the runtime`, NEEDS, async (t) => {
    const daemon = await startDaemon(t, { args });
    await daemon.stop();
    await daemon.restart({ failpoint: `${name}=kill` });
    await daemon.docker(...RUN);
    await daemon.exited();
    await daemon.restart();
    const { code, stderr } = await daemon.docker('start', '-a', 'one');
    assert.equal(code, 0, stderr);
    await daemon.dockerOk('rm', '-f', 'one');
    assert.deepEqual(await daemon.leftovers(), []);
  });
}

test('a runtime that fails to delete holds nothing up', NEEDS, async (t) => {
  const daemon = await startDaemon(t, { args, failpoint: 'runtime.delete=error@1' });
  await daemon.dockerOk(...RUN);
  await daemon.dockerOk('start', '-a', 'one');
  await daemon.dockerOk('rm', '-f', 'one');
  assert.match(await daemon.log(), /A runtime did not delete its container/);
  assert.deepEqual(await daemon.leftovers(), []);
});

test('a runtime that hangs is given up, with all that it has begun', NEEDS, async (t) => {
  const directory = await mkdtemp('/tmp/w-hangs-');
  t.after(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'hangs');
  await writeFile(path, '#!/bin/sh\ncase "$*" in *delete*) exit 1;; esac\nexec sleep 1000\n');
  await chmod(path, 0o755);
  const hangs = ['--add-runtime', `hangs=${path}`, '--storage-timeout', '3'];
  const daemon = await startDaemon(t, { args: hangs });
  const { code, stderr } = await daemon.docker(
    'run',
    '--runtime',
    'hangs',
    '--name',
    'one',
    'busybox',
    'true',
  );
  assert.equal(code, 125);
  assert.match(stderr, /OCI runtime create failed: It took too long to fork\/exec .*hangs/);
  await daemon.dockerOk('rm', '-f', 'one');
  assert.deepEqual(await daemon.leftovers(), []);
});

test(
  'a shim that was killed while there was no daemon: the next one ends its container',
  NEEDS,
  async (t) => {
    const daemon = await startDaemon(t, { args });
    const id = await daemon.dockerOk('run', '-d', '--runtime', 'other', 'busybox', 'sleep', '1000');
    const pid = await daemon.dockerOk('inspect', '-f', '{{.State.Pid}}', id);
    const shim = /^PPid:\s+(\d+)$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
    await daemon.kill9();
    process.kill(Number(shim), 'SIGKILL');
    await daemon.restart();
    assert.equal(await daemon.dockerOk('inspect', '-f', '{{.State.Status}}', id), 'exited');
    assert.equal(existsSync(`/proc/${pid}/exe`), false);
    assert.doesNotMatch(await daemon.log(), /A runtime did not delete its container/);
    await daemon.dockerOk('rm', id);
    assert.deepEqual(await daemon.leftovers(), []);
  },
);
