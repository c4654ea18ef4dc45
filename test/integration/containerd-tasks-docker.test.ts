import assert from 'node:assert/strict';
import { join } from 'node:path';
import { built } from '../lib/clients.ts';
import { test, type TestContext } from 'node:test';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { exec, type Result } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

const NEEDS = requires('root', 'docker-client', 'ctr', 'busybox', 'nftables', 'overlay', 'unshare');

async function open(
  t: TestContext,
): Promise<{ daemon: Daemon; ctr: (...args: string[]) => Promise<Result> }> {
  const daemon = await startDaemon(t);
  const address = join(daemon.execRoot, 'containerd.sock');
  return { daemon, ctr: (...args) => exec(['ctr', '-a', address, '-n', 'moby', ...args]) };
}

test(
  "a container of docker's looks the same through every door, also to the lowest without a daemon",
  NEEDS,
  async (t) => {
    const { daemon, ctr } = await open(t);
    const id = await daemon.dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    const pid = await daemon.dockerOk('inspect', '-f', '{{.State.Pid}}', id);
    assert.match((await ctr('tasks', 'ls')).stdout, new RegExp(String.raw`^${id}\s+${pid}\s+RUNNING`, 'm'));
    const listing = `${await daemon.dockerOk('exec', id, 'ls')}\n`;
    assert.match(listing, /^bin\n/);
    assert.equal((await ctr('tasks', 'exec', '--exec-id', 'x', id, 'ls')).stdout, listing);
    const byRuntime = (): Promise<Result> =>
      exec([built('wherry-runtime'), '--root', join(daemon.execRoot, 'runtime/moby'), 'exec', id, 'ls']);
    assert.equal((await byRuntime()).stdout, listing);
    await daemon.kill9();
    assert.equal((await byRuntime()).stdout, listing);
    await daemon.restart();
    assert.equal((await ctr('tasks', 'exec', '--exec-id', 'x', id, 'sh', '-c', 'exit 5')).code, 5);
    assert.equal((await ctr('tasks', 'pause', id)).code, 0);
    assert.match(await daemon.dockerOk('ps'), /\(Paused\)/);
    assert.equal((await ctr('tasks', 'resume', id)).code, 0);
    assert.equal((await ctr('tasks', 'kill', '-s', 'KILL', id)).code, 0);
    assert.equal(await daemon.dockerOk('wait', id), '137');
    await daemon.dockerOk('rm', id);
    assert.deepEqual(await daemon.leftovers(), []);
  },
);
