import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test, type TestContext } from 'node:test';
import { busyboxArchive } from '../lib/busybox.ts';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { ended, eventually, start } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

type Event = Readonly<Record<string, unknown>>;

interface Listener {
  /** Runs ctr to its end; returns its code. */
  readonly ctr: (...words: string[]) => Promise<number>;
  /** What has been told since the last time; it must be of these topics. */
  readonly heard: (...topics: string[]) => Promise<readonly Event[]>;
}

/** Of the label that shows that events arrive. */
const LISTENING = 'listening';

/** Has `ctr events` print from now on. */
async function listen(t: TestContext, daemon: Daemon): Promise<Listener> {
  const address = join(daemon.execRoot, 'containerd.sock');
  const begin = (...words: string[]) =>
    start(['ctr', '-a', address, ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ctr = async (...words: string[]): Promise<number> => {
    const client = begin(...words);
    client.stdout?.resume();
    return ended(client);
  };
  const events = begin('events');
  t.after(async () => {
    events.kill('SIGKILL');
    await ended(events);
  });
  const told: { readonly topic: string; readonly event: Event }[] = [];
  let isHeard = false;
  assert.ok(events.stdout);
  createInterface(events.stdout).on('line', (line) => {
    const [, namespace, topic = '', json = ''] = /UTC (\S+) (\S+) (.*)$/.exec(line) ?? [];
    if (namespace === LISTENING) isHeard = true;
    else told.push({ topic, event: JSON.parse(json) as Event });
  });
  await eventually('it listens', async () => {
    await ctr('-n', LISTENING, 'namespaces', 'label', LISTENING, `at=${Date.now()}`);
    return isHeard;
  });
  const heard = async (...topics: string[]): Promise<readonly Event[]> => {
    await eventually(topics.join(), () => Promise.resolve(told.length >= topics.length));
    const since = told.splice(0);
    assert.deepEqual(
      since.map(({ topic }) => topic),
      topics,
    );
    return since.map(({ event }) => event);
  };
  return { ctr, heard };
}

const NEEDS = requires('root', 'ctr', 'docker-client', 'busybox', 'nftables', 'overlay');

describe("containerd's events of what it was not asked for", NEEDS, () => {
  test('tell what the docker client does, as those of a containerd below dockerd', async (t) => {
    const daemon = await startDaemon(t);
    const { heard } = await listen(t, daemon);
    const id = await daemon.dockerOk('run', '-d', '-t', 'busybox', 'sleep', '1000');
    const pid = Number(await daemon.dockerOk('inspect', '-f', '{{.State.Pid}}', id));
    const [made, task, started] = await heard('/containers/create', '/tasks/create', '/tasks/start');
    assert.deepEqual(made, { id, runtime: { name: 'io.containerd.runc.v2' } });
    assert.deepEqual([task?.['pid'], task?.['io']], [pid, { terminal: true }]);
    assert.deepEqual(started, { container_id: id, pid });

    await daemon.docker('exec', id, 'sh', '-c', 'exit 3');
    const [added, run, over] = await heard('/tasks/exec-added', '/tasks/exec-started', '/tasks/exit');
    const execId = added?.['exec_id'];
    assert.deepEqual(run, { container_id: id, exec_id: execId, pid: over?.['pid'] });
    const { exited_at: at, ...exec } = over ?? {};
    assert.ok(at);
    assert.deepEqual(exec, { container_id: id, id: execId, exit_status: 3, pid: run?.['pid'] });

    await daemon.dockerOk('pause', id);
    await daemon.dockerOk('unpause', id);
    await heard('/tasks/paused', '/tasks/resumed');
    await daemon.dockerOk('kill', id);
    const END = ['/tasks/exit', '/tasks/delete', '/containers/delete'];
    const [exit, gone, forgotten] = await heard(...END);
    const { exited_at: exitedAt } = exit ?? {};
    const end = { container_id: id, pid, exit_status: 137, exited_at: exitedAt };
    assert.deepEqual([exit, gone, forgotten], [{ ...end, id }, end, { id }]);
    await daemon.dockerOk('rm', id);
    // What does not start is nobody's task.
    await daemon.docker('run', '--rm', 'busybox', 'nosuch');
    await daemon.dockerOk('run', '--rm', 'busybox', 'true');
    await heard('/containers/create', '/tasks/create', '/tasks/start', ...END);
  });

  test('tell what the garbage collection takes', async (t) => {
    const daemon = await startDaemon(t, { busybox: false });
    const archive = join(daemon.directory, 'busybox.tar');
    await writeFile(archive, await busyboxArchive());
    const { ctr, heard } = await listen(t, daemon);
    assert.equal(await ctr('images', 'import', archive), 0);
    await heard('/images/create', '/snapshot/prepare', '/snapshot/commit');
    const name = 'docker.io/library/busybox:latest';
    assert.equal(await ctr('images', 'label', name, 'containerd.io/gc.expire=2020-01-01T00:00:00Z'), 0);
    for (const words of [
      ['create', '--id', 'now'],
      ['rm', '--sync', 'now'],
    ])
      assert.equal(await ctr('leases', ...words), 0);
    const [, image, snapshot] = await heard('/images/update', '/images/delete', '/snapshot/remove');
    assert.deepEqual(image, { name });
    assert.match(String(snapshot?.['key']), /^sha256:/);
  });
});
