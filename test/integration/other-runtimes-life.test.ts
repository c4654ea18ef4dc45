import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { Daemon } from '../lib/daemon.ts';
import { OTHER_RUNTIMES } from '../lib/other-runtimes.ts';
import { eventually, exec } from '../lib/process.ts';
import { clients, daemonSuite } from '../lib/suite.ts';

/** One that is other people's: the rest of them differs in how it starts alone. */
const runtime = 'runc';
const args = ['--add-runtime', `${runtime}=${OTHER_RUNTIMES[runtime].path}`];
const COUNTS = 'trap "echo term; exit 3" TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done';

const inspected = (daemon: Daemon, id: string, field: string): Promise<string> =>
  daemon.dockerOk('inspect', '-f', `{{.State.${field}}}`, id);

daemonSuite(
  "the life of another runtime's container",
  (daemon) => {
    const run = (...more: string[]): Promise<string> =>
      daemon().dockerOk('run', '-d', '--runtime', runtime, ...more);
    const lines = async (id: string): Promise<number> =>
      (await daemon().dockerOk('logs', id)).split('\n').length;

    for (const client of clients) {
      test(`${runtime}, ${client}: a terminal that follows its size`, async () => {
        await using terminal = daemon().terminal(
          ...([client, 'run', '--rm', '-it', '--runtime', runtime, 'busybox', 'sh'] as const),
        );
        await terminal.shows(/[$#] /);
        terminal.type('tty; stty size\n');
        await terminal.shows('24 80');
        terminal.resize(40, 132);
        await eventually('the size arrived', async () => {
          terminal.type('stty size\n');
          return terminal.shows('40 132', 300).then(
            () => true,
            () => false,
          );
        });
        terminal.type('exit 6\n');
        assert.equal(await terminal.exit, 6);
      });
    }

    test(`${runtime}: logs, exec, pid, top, pause, update, stop, start, kill`, async () => {
      const id = await run('--memory', '64m', 'busybox', 'sh', '-c', COUNTS);
      await eventually('it counts', async () => (await lines(id)) > 2);
      const pid = await inspected(daemon(), id, 'Pid');
      assert.ok(existsSync(`/proc/${pid}/root/bin/busybox`));
      const ran = await daemon().docker('exec', '-e', 'A=1', id, 'sh', '-c', 'hostname; echo $A; exit 5');
      assert.deepEqual([ran.code, ran.stdout], [5, `${id.slice(0, 12)}\n1\n`]);
      assert.match(await daemon().dockerOk('top', id), new RegExp(`\\b${pid}\\b[^]*sh -c`));
      const limit = '/sys/fs/cgroup/memory/memory.limit_in_bytes';
      assert.equal(await daemon().dockerOk('exec', id, 'cat', limit), String(64 * 2 ** 20));
      await daemon().dockerOk('update', '--memory', '32m', '--memory-swap', '64m', id);
      assert.equal(await daemon().dockerOk('exec', id, 'cat', limit), String(32 * 2 ** 20));
      await daemon().dockerOk('pause', id);
      const paused = await lines(id);
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.equal(await lines(id), paused);
      await daemon().dockerOk('unpause', id);
      await eventually('it counts on', async () => (await lines(id)) > paused);
      await daemon().dockerOk('stop', '-t', '100', id);
      assert.equal(await inspected(daemon(), id, 'ExitCode'), '3');
      await daemon().dockerOk('start', id);
      await daemon().dockerOk('kill', id);
      assert.equal(await inspected(daemon(), id, 'ExitCode'), '137');
    });

    test(`${runtime}: exec as the runtime has it: user, directory, terminal, signals, failures, health`, async () => {
      const health = ['--health-cmd', 'test -e /proc/1', '--health-interval', '100ms'];
      const id = await run(...health, '--cap-drop', 'ALL', 'busybox', 'sleep', '1000');
      const as = ['exec', '-u', '1000:7', '-w', '/tmp', '-i', id, 'sh', '-c', 'id -u; id -g; pwd; cat'];
      const typed = await exec(daemon().argv('docker', ...as), { input: 'typed' });
      assert.deepEqual([typed.code, typed.stdout], [0, '1000\n7\n/tmp\ntyped']);
      const caps = ['exec', id, 'grep', 'CapEff', '/proc/self/status'];
      assert.match(await daemon().dockerOk(...caps), /0000000000000000/);
      const filtered = await daemon().dockerOk('exec', id, 'grep', '-c', 'Seccomp:.*2', '/proc/self/status');
      assert.equal(filtered, '1');
      const missing = await daemon().docker('exec', id, 'no-such-program');
      assert.equal(missing.code, 127, missing.stderr);
      assert.match(missing.stdout, /OCI runtime exec failed: exec failed: .*no-such-program/);
      const killed = await daemon().docker('exec', id, 'sh', '-c', 'kill -9 $$');
      assert.equal(killed.code, 137);
      await using terminal = daemon().terminal('docker', 'exec', '-it', id, 'sh');
      await terminal.shows(/[$#] /);
      terminal.type('tty; stty size; exit 4\n');
      await terminal.shows('24 80');
      assert.equal(await terminal.exit, 4);
      const healthy = async (): Promise<boolean> =>
        (await inspected(daemon(), id, 'Health.Status')) === 'healthy';
      await eventually('it is healthy', healthy);
    });

    test(`${runtime}: what passes the memory limit is killed, and inspect says so`, async () => {
      const hog = ['sh', '-c', 'head -c 200m /dev/zero | tail'];
      const flags = ['--runtime', runtime, '--name', 'hog', '-m', '20m'];
      const { code, stderr } = await daemon().docker('run', ...flags, 'busybox', ...hog);
      assert.equal(code, 137, stderr);
      assert.equal(await inspected(daemon(), 'hog', 'OOMKilled'), 'true');
    });

    test(`${runtime}: goes on without the daemon; the next one finds it, and how it ended`, async () => {
      const id = await run('busybox', 'sh', '-c', COUNTS);
      const ends = await run('--rm', 'busybox', 'sh', '-c', 'sleep 1; exit 4');
      await eventually('it counts', async () => (await lines(id)) > 2);
      const pid = await inspected(daemon(), id, 'Pid');
      await daemon().kill9();
      await eventually(
        'the other has ended',
        async () => !existsSync(`${daemon().execRoot}/shims/${ends}/sock`),
      );
      await daemon().restart();
      assert.equal(await inspected(daemon(), id, 'Pid'), pid);
      const before = await lines(id);
      await eventually('it counts on', async () => (await lines(id)) > before);
      assert.equal(await daemon().dockerOk('exec', id, 'echo', 'there'), 'there');
      await daemon().dockerOk('stop', id);
      assert.equal(await inspected(daemon(), id, 'ExitCode'), '3');
      await eventually('the other is gone', async () => (await daemon().docker('inspect', ends)).code === 1);
      // What the daemon opened at its start is another's by now.
      await daemon().dockerOk('rm', '-f', id);
    });

    test(`${runtime}: a shim that is killed takes its container along`, async () => {
      const id = await run('busybox', 'sleep', '1000');
      const pid = await inspected(daemon(), id, 'Pid');
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      process.kill(Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]), 'SIGKILL');
      await eventually('it has ended', async () => (await inspected(daemon(), id, 'Status')) === 'exited');
      assert.equal(await inspected(daemon(), id, 'ExitCode'), '137');
    });
  },
  { args },
);
