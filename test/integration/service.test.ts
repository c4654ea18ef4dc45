import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { built } from '../lib/clients.ts';
import { ended, eventually, execOk, start } from '../lib/process.ts';
import { ping } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

/** Listens, as systemd does for a service, and becomes the service; then says on stdout what it was told by sd_notify. */
const ACTIVATOR = `
import os, socket, sys, threading
path, command = sys.argv[1], sys.argv[2:]
listener = socket.socket(socket.AF_UNIX); listener.bind(path); listener.listen(8)
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); told.bind('\\0' + path)
child = os.fork()
if child == 0:
    os.dup2(listener.fileno(), 3)
    os.set_inheritable(3, True)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', NOTIFY_SOCKET='@' + path)
    os.execvp(command[0], command)
print(child, flush=True)
threading.Thread(target=lambda: [print(told.recv(100).decode(), flush=True) for _ in iter(int, 1)], daemon=True).start()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
`;

daemonSuite(
  'as a service',
  (daemon) => {
    const fetched = async (path: string): Promise<string> =>
      execOk([
        ...['nsenter', `--net=/proc/${daemon().netnsPid}/ns/net`, '--'],
        ...['busybox', 'wget', '-qO-', `http://127.0.0.1:9323${path}`],
      ]);

    test("tells prometheus what it does, under docker's names", async () => {
      await daemon().dockerOk('run', '--rm', 'busybox', 'true');
      await daemon().dockerOk('run', '-d', '--name', 'up', 'busybox', 'sleep', '300');
      const metrics = await fetched('/metrics');
      const value = (line: string): number =>
        Number(
          metrics
            .split('\n')
            .find((each) => each.startsWith(`${line} `))
            ?.split(' ')
            .at(-1),
        );
      assert.equal(value('engine_daemon_container_states_containers{state="running"}'), 1);
      assert.equal(value('engine_daemon_container_actions_seconds_count{action="start"}'), 2);
      assert.equal(value('engine_daemon_container_actions_seconds_count{action="create"}'), 2);
      assert.ok(value('engine_daemon_events_total') >= 6);
      assert.ok(value('process_resident_memory_bytes') > 1e6);
      assert.match(metrics, /^engine_daemon_engine_info\{.*graphdriver="overlay2"/m);
      await assert.rejects(fetched('/containers/json'), /404/);
    });

    test('shows what it is made of only while it is debugged', async () => {
      const ask = (path: string): Promise<string> =>
        execOk(['curl', '-s', '--unix-socket', daemon().socket, `http://docker${path}`]);
      assert.match(await ask('/debug/vars'), /"cmdline":\[.*"heapUsed":\d/);
      assert.match(await ask('/v1.51/debug/pprof/profile?seconds=0'), /"nodes":\[/);
    });

    test('serves the socket that systemd passes, and says when it is ready', async () => {
      const { directory } = daemon();
      const [script, path] = [join(directory, 'activate.py'), join(directory, 'passed')];
      await writeFile(script, ACTIVATOR);
      await chmod(script, 0o700);
      const roots = ['--data-root', join(directory, 'ad'), '--exec-root', join(directory, 'ar')];
      const service = start(
        ['unshare', '-n', 'python3', script, path, built('wherryd'), '-H', 'fd://', ...roots],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      let told = '';
      service.stdout?.on('data', (data: Buffer) => (told += String(data)));
      await eventually('it is ready', async () => /READY=1/.test(told) && ping(path));
      process.kill(Number(told.split('\n', 1)[0]), 'SIGHUP');
      await eventually('it has reloaded', async () => /RELOADING=1[^]*READY=1/.test(told));
      process.kill(Number(told.split('\n', 1)[0]), 'SIGTERM');
      assert.equal(await ended(service), 0);
      assert.match(told, /STOPPING=1/);
      if (service.stdout?.readableEnded === false) await once(service.stdout, 'end');
    });
  },
  { args: ['--metrics-addr', '127.0.0.1:9323', '--debug'] },
);
