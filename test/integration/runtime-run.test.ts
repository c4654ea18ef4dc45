import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { at } from '../../scripts/lib/paths.ts';
import { ended, eventually, start } from '../lib/process.ts';
import { openTerminal } from '../lib/pty.ts';
import { requires } from '../lib/requires.ts';
import { openRuntime, type TestRuntime } from '../lib/runtime.ts';

const NEEDS = requires('root', 'busybox');

/** Without the quoting of the log. */
const plain = (line: string): string => line.replaceAll('\\"', '"');

/** Runs a script as a container's process, to its end. */
async function runScript(
  runtime: TestRuntime,
  script: string,
  ...flags: string[]
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const bundle = await runtime.bundle('a', { args: ['sh', '-c', script] });
  const { code, stdout, stderr } = await runtime.run(['run', '--bundle', bundle, ...flags, 'a']);
  return { code, stdout, stderr };
}

interface Receiver {
  readonly socket: string;
  /** What it printed so far. */
  readonly text: () => string;
  readonly end: Promise<number>;
}

/** Waits on a socket for a descriptor. */
async function receiver(t: TestContext, runtime: TestRuntime, kind: 'terminal' | 'pidfd'): Promise<Receiver> {
  const socket = join(runtime.directory, 'socket');
  const child = start(['python3', at('test/lib/receiver.py'), socket, kind], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout?.on('data', (data: Buffer) => (text += data.toString()));
  await eventually('the receiver is ready', () => text === 'ready\n');
  return { socket, text: () => text.slice('ready\n'.length), end: ended(child) };
}

describe('run', NEEDS, () => {
  test('the exit code is the command’s own, or 128 and the signal', async () => {
    await using runtime = await openRuntime();
    const cases = [
      ['exit 0', 0],
      ['exit 7', 7],
      ['exit 255', 255],
      // The first process of a pid namespace gets only signals that it handles, or those from outside.
      ['sh -c "kill -TERM \\$\\$"; exit $?', 143],
    ] as const;
    for (const [script, code] of cases) assert.equal((await runScript(runtime, script)).code, code, script);
    assert.deepEqual(await runtime.leftovers(), []);
    const bundle = await runtime.bundle('a', { args: ['sleep', '1000'] });
    const killed = start(runtime.argv('run', '--bundle', bundle, 'a'), { stdio: 'ignore' });
    const { pid } = await eventually('it runs', async () => {
      const { code, stdout } = await runtime.run(['state', 'a']);
      const state = code === 0 ? (JSON.parse(stdout) as { status: string; pid: number }) : undefined;
      return state?.status === 'running' ? state : undefined;
    });
    process.kill(pid, 'SIGKILL');
    assert.equal(await ended(killed), 137);
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('a program that is not there, or can’t be executed', async () => {
    await using runtime = await openRuntime();
    const cases = [
      [['/bin/nosuch'], /exec: "\/bin\/nosuch": stat \/bin\/nosuch: no such file or directory/],
      [['nosuch'], /exec: "nosuch": executable file not found in \$PATH/],
      [['/etc'], /exec: "\/etc": is a directory|permission denied/],
    ] as const;
    for (const [args, expected] of cases) {
      const bundle = await runtime.bundle('a', { args });
      const { code, stderr } = await runtime.run(['run', '--bundle', bundle, 'a']);
      assert.equal(code, 1);
      assert.match(plain(stderr), expected);
      assert.deepEqual(await runtime.leftovers(), []);
    }
  });

  test('--keep keeps what has stopped', async () => {
    await using runtime = await openRuntime();
    assert.equal((await runScript(runtime, 'exit 3', '--keep')).code, 3);
    assert.equal((await runtime.state('a')).status, 'stopped');
    await runtime.ok('delete', 'a');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('--detach returns at once', async () => {
    await using runtime = await openRuntime();
    const pidFile = join(runtime.directory, 'pid');
    const bundle = await runtime.bundle('a');
    await runtime.ok('run', '-d', '--bundle', bundle, '--pid-file', pidFile, 'a');
    const { status, pid } = await runtime.state('a');
    assert.equal(status, 'running');
    assert.equal(await readFile(pidFile, 'utf8'), String(pid));
    await runtime.ok('delete', '-f', 'a');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('signals are passed on', async () => {
    await using runtime = await openRuntime();
    const script =
      'trap "echo got HUP" HUP; trap "echo got TERM; exit 5" TERM; echo set; while :; do sleep 0.05; done';
    const bundle = await runtime.bundle('a', { args: ['sh', '-c', script] });
    const child = start(runtime.argv('run', '--bundle', bundle, 'a'), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout?.on('data', (data: Buffer) => (text += data.toString()));
    await eventually('traps are set', () => text === 'set\n');
    child.kill('SIGHUP');
    await eventually('the first signal came', () => text.includes('got HUP'));
    child.kill('SIGTERM');
    assert.equal(await ended(child), 5);
    assert.equal(text, 'set\ngot HUP\ngot TERM\n');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('stdin, stdout and stderr are the caller’s', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a', { args: ['sh', '-c', 'cat; echo error >&2'] });
    const { code, stdout, stderr } = await runtime.run(['run', '--bundle', bundle, 'a'], {
      input: 'words\n',
    });
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'words\n', stderr: 'error\n' });
  });

  test('--preserve-fds and LISTEN_FDS pass descriptors on, and no others', async () => {
    await using runtime = await openRuntime();
    const files = ['three', 'four', 'five'].map((name) => join(runtime.directory, name));
    for (const file of files) await writeFile(file, `${file.slice(runtime.directory.length + 1)}\n`);
    const fds = files.map((file) => openSync(file, 'r'));
    const args = [
      'sh',
      '-c',
      'cd /proc/self/fd; for fd in [3-9]; do cat $fd; done; echo $LISTEN_FDS $LISTEN_PID',
    ];
    const run = async (
      flags: readonly string[],
      env: Readonly<Record<string, string>>,
    ): Promise<{ code: number; stdout: string; stderr: string }> =>
      runtime.run(['run', ...flags, '--bundle', await runtime.bundle('a', { args }), 'a'], { fds, env });
    const none = await run([], {});
    assert.equal(none.stdout.replace(/^.*directory of.*\n/m, ''), '\n', none.stderr);
    assert.equal((await run(['--preserve-fds', '2'], {})).stdout, 'three\nfour\n\n');
    assert.equal((await run([], { LISTEN_FDS: '1' })).stdout, 'three\n1 1\n');
    assert.equal(
      (await run(['--preserve-fds', '2'], { LISTEN_FDS: '1' })).stdout,
      'three\nfour\nfive\n1 1\n',
    );
    const missing = await run(['--preserve-fds', '9'], {});
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /preserved-fd 6: it is not open/);
    for (const fd of fds) closeSync(fd);
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('--pidfd-socket', async (t) => {
    await using runtime = await openRuntime();
    const { socket, text, end } = await receiver(t, runtime, 'pidfd');
    const bundle = await runtime.bundle('a');
    await runtime.ok('run', '--detach', '--pidfd-socket', socket, '--bundle', bundle, 'a');
    assert.equal(await end, 0);
    assert.match(text(), new RegExp(`\\n${(await runtime.state('a')).pid}\\n$`));
  });
});

describe('terminals', NEEDS, () => {
  test('--console-socket receives the master', async (t) => {
    await using runtime = await openRuntime();
    const { socket, text, end } = await receiver(t, runtime, 'terminal');
    const bundle = await runtime.bundle('a', {
      args: ['sh', '-c', 'tty; stty size; id -u'],
      process: { terminal: true, consoleSize: { height: 33, width: 99 } },
    });
    await runtime.ok('create', '--console-socket', socket, '--bundle', bundle, 'a');
    await runtime.ok('start', 'a');
    assert.equal(await end, 0);
    assert.equal(text(), '/dev/ptmx\nTrue\n/dev/pts/0\r\n33 99\r\n0\r\n');
  });

  test('a terminal and a console socket go together', async () => {
    await using runtime = await openRuntime();
    const tty = await runtime.bundle('tty', { process: { terminal: true } });
    const none = await runtime.bundle('none');
    const cases = [
      [['create', '--bundle', tty], /cannot allocate tty if runc will detach without setting console socket/],
      [
        ['run', '-d', '--bundle', tty],
        /cannot allocate tty if runc will detach without setting console socket/,
      ],
      [
        ['create', '--bundle', none, '--console-socket', '/x'],
        /cannot use console socket if runc will not detach or allocate tty/,
      ],
      [
        ['run', '--bundle', tty, '--console-socket', '/x'],
        /cannot use console socket if runc will not detach or allocate tty/,
      ],
      [['create', '--bundle', tty, '--console-socket', '/nonexistent'], /nonexistent/],
    ] as const;
    for (const [words, expected] of cases) {
      const { code, stderr } = await runtime.run([...words, 'a']);
      assert.equal(code, 1);
      assert.match(stderr, expected);
    }
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('a foreground terminal is relayed, with its size and its keys', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a', {
      args: [
        'sh',
        '-c',
        'trap "echo interrupted" INT; stty size; read line; echo "<$line>"; read line; stty size; exit 6',
      ],
      process: { terminal: true },
    });
    await using terminal = openTerminal(runtime.argv('run', '--bundle', bundle, 'a'), {
      rows: 31,
      columns: 91,
    });
    await terminal.shows('31 91');
    terminal.type('hello\r');
    await terminal.shows('<hello>');
    terminal.resize(32, 92);
    terminal.type('\x03');
    await terminal.shows('interrupted');
    terminal.type('\r');
    assert.equal(await terminal.exit, 6);
    await terminal.shows('32 92');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('exec --tty', async () => {
    await using runtime = await openRuntime();
    await runtime.ok('run', '-d', '--bundle', await runtime.bundle('a'), 'a');
    await using terminal = openTerminal(
      runtime.argv('exec', '--tty', 'a', 'sh', '-c', 'tty; read x; exit 4'),
    );
    await terminal.shows('/dev/pts/');
    terminal.type('\r');
    assert.equal(await terminal.exit, 4);
  });
});

describe('exec', NEEDS, () => {
  /** A running container. */
  const withContainer = async (runtime: TestRuntime): Promise<void> => {
    await runtime.ok('run', '-d', '--bundle', await runtime.bundle('a'), 'a');
  };

  test('the exit code is the command’s own; 255 for exec’s failures', async () => {
    await using runtime = await openRuntime();
    await withContainer(runtime);
    const cases = [
      [['exec', 'a', 'true'], 0, /^$/],
      [['exec', 'a', 'sh', '-c', 'exit 7'], 7, /^$/],
      [['exec', 'a', 'sh', '-c', 'kill -KILL $$'], 137, /^$/],
      [['exec', 'a', '/bin/nosuch'], 255, /stat \/bin\/nosuch: no such file or directory/],
      [['exec', 'a', 'nosuch'], 255, /executable file not found in \$PATH/],
      [['exec', 'b', 'true'], 255, /container does not exist/],
      [['exec', 'a'], 255, /args cannot be empty/],
      [['exec', '--user', 'x', 'a', 'true'], 255, /invalid syntax/],
      [['exec', '--cwd', '/nonexistent', 'a', 'true'], 255, /chdir to cwd \("\/nonexistent"\)/],
      [['exec', '--process', '/nonexistent', 'a'], 255, /nonexistent/],
      [['exec', '--cgroup', '/nonexistent', 'a', 'true'], 255, /error adding pid to cgroup/],
      [['exec', '--cgroup', 'nosuch:/x', 'a', 'true'], 255, /unknown controller nosuch/],
      [['exec', '--cgroup', '../..', 'a', 'true'], 255, /bad sub cgroup path/],
      [['exec', '--nosuch', 'a', 'true'], 255, /unknown flag|flag provided but not defined/],
    ] as const;
    for (const [words, code, stderr] of cases) {
      const result = await runtime.run(words);
      assert.equal(result.code, code, `${words.join(' ')}: ${result.stderr}`);
      assert.match(plain(result.stderr), stderr);
    }
    assert.equal((await runtime.state('a')).status, 'running');
    await runtime.ok('delete', '--force', 'a');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('flags', async () => {
    await using runtime = await openRuntime();
    await withContainer(runtime);
    const out = async (...words: string[]): Promise<string> => runtime.ok('exec', ...words);
    assert.equal(
      await out('--user', '1000:1001', '--additional-gids', '7', 'a', 'id'),
      'uid=1000 gid=1001 groups=7',
    );
    assert.equal(await out('-e', 'X=1', '--env', 'Y=2', 'a', 'sh', '-c', 'echo $X$Y$PATH'), '12/bin');
    assert.equal(await out('--cwd', '/tmp', 'a', 'pwd'), '/tmp');
    assert.equal(
      await out('a', 'sh', '-c', 'cut -d" " -f1 /proc/self/stat >/dev/null; cat /proc/1/comm'),
      'sleep',
    );
    assert.equal(await out('a', 'sh', '-c', 'grep -c . /proc/self/cgroup >/dev/null; hostname'), 'test');
    assert.match(
      await out('--cap', 'CAP_SYS_NICE', '--user', '0', 'a', 'grep', 'CapBnd', '/proc/self/status'),
      /0{8}20800420$/,
    );
    assert.match(await out('--no-new-privs', 'a', 'grep', 'NoNewPrivs', '/proc/self/status'), /1$/);
    const { stdout } = await runtime.run(['exec', 'a', 'cat'], { input: 'words' });
    assert.equal(stdout, 'words');
    const file = join(runtime.directory, 'process.json');
    const document = {
      args: ['sh', '-c', 'echo $Z; id -u'],
      env: ['PATH=/bin', 'Z=3'],
      cwd: '/',
      user: { uid: 5, gid: 5 },
    };
    await writeFile(file, JSON.stringify(document));
    assert.equal(await out('--process', file, 'a'), '3\n5');
  });

  test('--detach, with a pid file; it ends with the container', async () => {
    await using runtime = await openRuntime();
    await withContainer(runtime);
    const pidFile = join(runtime.directory, 'pid');
    await runtime.ok('exec', '--detach', '--pid-file', pidFile, 'a', 'sleep', '1000');
    const pids = JSON.parse(await runtime.ok('ps', '-f', 'json', 'a')) as number[];
    assert.ok(pids.includes(Number(await readFile(pidFile, 'utf8'))));
    await runtime.ok('delete', '--force', 'a');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('--cgroup joins what the container made', requires('cgroup-v1'), async () => {
    await using runtime = await openRuntime();
    await withContainer(runtime);
    const { pid } = await runtime.state('a');
    const place = `/sys/fs/cgroup/pids${runtime.cgroupParent}/a`;
    await runtime.run(['exec', 'a', 'true']);
    await mkdir(join(place, 'sub'));
    await runtime.ok('exec', '--detach', '--cgroup', 'pids:sub', 'a', 'sleep', '1001');
    const inside = (await readFile(join(place, 'sub/cgroup.procs'), 'utf8')).trim();
    assert.match(inside, /^\d+$/);
    assert.notEqual(inside, String(pid));
    assert.deepEqual(
      new Set(JSON.parse(await runtime.ok('ps', '-f', 'json', 'a')) as number[]),
      new Set([pid, Number(inside)]),
      'ps finds it too',
    );
    await runtime.ok('delete', '--force', 'a');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('--ignore-paused runs it once the container goes on', async () => {
    await using runtime = await openRuntime();
    await withContainer(runtime);
    await runtime.ok('pause', 'a');
    const child = start(runtime.argv('exec', '--ignore-paused', 'a', 'true'), { stdio: 'inherit' });
    await eventually('it is there', async () => (await runtime.ok('ps', '-f', 'json', 'a')).includes(','));
    assert.equal(child.exitCode, null);
    await runtime.ok('resume', 'a');
    assert.equal(await ended(child), 0);
  });

  test('a created container takes execs too', async () => {
    await using runtime = await openRuntime();
    await runtime.ok('create', '--bundle', await runtime.bundle('a'), 'a');
    assert.equal(await runtime.ok('exec', 'a', 'echo', 'early'), 'early');
    assert.equal((await runtime.state('a')).status, 'created');
  });
});
