import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../lib/daemon.ts';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

const NEEDS = requires('root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare');
const KIB = 1024;

test('a full disk: the container runs on, the loss is told, the log goes on', NEEDS, async (t) => {
  await using daemon = await startDaemon(t);
  // Writes until it is told, one line at a time, and says in its own file system how far it is.
  const script =
    'i=0; until [ -e /stop ]; do i=$((i+1)); echo "line $i of about a hundred characters ..................................."; echo $i >/dev/shm/i; done; echo last';
  // Two files fit, but not beside the ballast.
  const bounds = ['--log-opt', 'max-size=50k', '--log-opt', 'max-file=2'];
  const id = await daemon.dockerOk('create', ...bounds, 'busybox', 'sh', '-c', script);
  const directory = join(daemon.dataRoot, 'containers', id);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'small', directory]);
  try {
    const since = String(Math.floor(Date.now() / 1000) - 1);
    await writeFile(join(directory, 'ballast'), Buffer.alloc(440 * KIB));
    await daemon.dockerOk('start', id);
    // The client knows no such field: it looks into the answer itself for the second time.
    const loss = async (): Promise<string> =>
      (await daemon.docker('inspect', '-f', '{{.State.LogError}}/{{.State.LogLostBytes}}', id)).stdout.trim();
    await eventually('the loss shows', async () => (await loss()).startsWith('ENOSPC/'));
    const count = async (): Promise<number> => Number(await daemon.dockerOk('exec', id, 'cat', '/dev/shm/i'));
    const before = await count();
    await eventually('it runs on', async () => (await count()) > before + 100);
    // A new daemon knows of it, and tells nobody twice.
    await daemon.kill9();
    await daemon.restart();
    assert.match(await loss(), /^ENOSPC\/[1-9]\d*$/);
    await rm(join(directory, 'ballast'));
    await eventually('it is written again', async () => /^\/[1-9]\d*$/.test(await loss()));
    await daemon.dockerOk('exec', id, 'touch', '/stop');
    assert.equal(await daemon.dockerOk('wait', id), '0');
    const events = await daemon.dockerOk(
      ...['events', '--since', since, '--until', String(Math.ceil(Date.now() / 1000) + 1)],
      ...['--filter', `container=${id}`, '--format', '{{.Action}} {{json .Actor.Attributes}}'],
    );
    const told = events.split('\n').filter((line) => line.startsWith('log-'));
    assert.match(told[0] ?? '', /^log-error .*"error":"ENOSPC".*"lostBytes":"\d+"/);
    assert.ok(
      told.some((line) => /^log-resume .*"lostBytes":"[1-9]\d*"/.test(line)),
      events,
    );
    assert.match(await daemon.log(), /cannot be written.*lostBytes=\d+/);
    // What is there are whole lines.
    const logs = await daemon.dockerOk('logs', id);
    for (const line of logs.split('\n'))
      assert.match(line, /^(line \d+ of about a hundred characters \.+|last)$/);
  } finally {
    await daemon.docker('rm', '-f', id);
    execFileSync('umount', ['-l', directory]);
    await rm(directory, { recursive: true, force: true });
  }
});
