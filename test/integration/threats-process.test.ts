import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { buildExecPlan } from '../../runtime/exec.ts';
import { buildLaunchPlan } from '../../runtime/launch.ts';
import { at } from '../../scripts/lib/paths.ts';
import { eventually } from '../lib/process.ts';
import { findProgram, requires } from '../lib/requires.ts';
import { openRuntime, type TestRuntime } from '../lib/runtime.ts';
import { DEFAULT_MONITOR, dockerSpec, makeBench, runPlan } from '../unit/runtime/container.ts';

/** Rows of threats.md about a container's process. Each fails when the protection that it names is taken out. */

const host = requires('root', 'busybox', 'setpriv');

async function runtime(t: TestContext): Promise<TestRuntime> {
  const opened = await openRuntime();
  t.after(() => opened[Symbol.asyncDispose]());
  return opened;
}

const hashOf = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

describe('1: overwriting the runtime through /proc/self/exe', host, () => {
  const programs = [at('build/native/wherry-init'), at('build/lib/wherry-runtime.cjs'), process.execPath];
  const hashes = (): Promise<string[]> => Promise.all(programs.map(hashOf));

  test('as the entry point it is the launcher, which has nothing to do', async (t) => {
    const [r, before] = [await runtime(t), await hashes()];
    const bundle = await r.bundle('exe', { args: ['/proc/self/exe'] });
    const { code } = await r.run(['run', '--bundle', bundle, 'exe']);
    assert.notEqual(code, 0);
    assert.deepEqual(await hashes(), before);
  });

  test('while the init waits nobody reads its program, and with the capability nobody writes it', async (t) => {
    const [r, before] = [await runtime(t), await hashes()];
    await r.ok('create', '--bundle', await r.bundle('c', { args: ['sleep', '1000'] }), 'c');
    const refused = await r.run(['exec', 'c', 'readlink', '/proc/1/exe']);
    assert.notEqual(refused.code, 0, 'an init that can be looked at can be traced');
    const script = `readlink /proc/1/exe; exec 3</proc/1/exe || exit 9
      if echo x >/proc/1/exe; then echo opened; fi
      touch /held; while ! test -e /go; do sleep 0.02; done
      if echo x >/proc/self/fd/3; then echo truncated; fi
      if echo x >>/proc/self/fd/3; then echo written; fi
      echo end`;
    const argv = r.argv('exec', '--cap', 'CAP_SYS_PTRACE', 'c', 'sh', '-c', script);
    const held = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    let [said, errors] = ['', ''];
    held.stdout.on('data', (data: Buffer) => (said += data.toString()));
    held.stderr.on('data', (data: Buffer) => (errors += data.toString()));
    await eventually('it is held open', () => existsSync(join(r.rootfs, 'held')));
    await r.ok('start', 'c');
    await writeFile(join(r.rootfs, 'go'), '');
    await new Promise((resolve) => held.once('close', resolve));
    assert.equal(said, '/memfd:wherry-init (deleted)\nend\n');
    assert.match(errors, /Text file busy[^]*Operation not permitted[^]*Operation not permitted/);
    assert.deepEqual(await hashes(), before);
  });
});

describe('2: leaked descriptors and working directories', host, () => {
  test('no directory leads through /proc/self/fd, of a first process', async (t) => {
    const bench = await makeBench(t, dockerSpec('pwd'));
    for (let fd = 3; fd <= 255; fd += 1) {
      bench.request.spec.process.cwd = `/proc/self/fd/${fd}`;
      const { failure, stdout } = await runPlan(bench);
      assert.notEqual(failure, undefined, `descriptor ${fd}: ${stdout}`);
    }
  });

  test('nor of a further one', async (t) => {
    const r = await runtime(t);
    await r.ok('run', '--detach', '--bundle', await r.bundle('c'), 'c');
    const { pid } = await r.state('c');
    const spec = JSON.parse(await readFile(join(r.directory, 'bundles/c/config.json'), 'utf8')) as Parameters<
      typeof buildExecPlan
    >[0]['spec'];
    const bench = await makeBench(t, dockerSpec(''));
    for (let fd = 3; fd <= 255; fd += 1) {
      const plan = buildExecPlan({
        ...bench.request,
        pid,
        spec,
        process: { ...spec.process, args: ['pwd'], cwd: `/proc/self/fd/${fd}` },
        keeper: { kind: 'shim', monitor: DEFAULT_MONITOR },
        seccomp: undefined,
      });
      const { failure, stdout } = await runPlan(bench, plan);
      assert.match(failure ?? '', /^chdir to cwd/, `descriptor ${fd}: ${stdout}`);
    }
    const { code, stderr } = await r.run(['exec', '--cwd', '/proc/self/fd/7', 'c', 'pwd']);
    assert.equal(code, 255);
    assert.match(stderr, /chdir to cwd \(\\?"\/proc\/self\/fd\/7\\?"\) set in config\.json failed/);
  });

  test('nothing that the caller has open but 0 to 2 and what it preserves', async (t) => {
    const r = await runtime(t);
    const fds = [openSync('/', 'r'), openSync('/', 'r')];
    t.after(() => fds.forEach((fd) => closeSync(fd)));
    const list = ['sh', '-c', 'ls /proc/1/fd; true'];
    const bundle = await r.bundle('c', { args: list });
    const all = async (...flags: string[]): Promise<string> =>
      (await r.run(['run', '--bundle', bundle, ...flags, 'c'], { fds })).stdout;
    assert.equal(await all(), '0\n1\n2\n');
    assert.equal(await all('--preserve-fds', '1'), '0\n1\n2\n3\n');
    await r.ok('run', '--detach', '--bundle', await r.bundle('d'), 'd');
    const self = ['sh', '-c', 'ls /proc/$$/fd; true'];
    assert.equal((await r.run(['exec', 'd', ...self], { fds })).stdout, '0\n1\n2\n');
  });
});

/** A command of ours whose caller has inheritable capabilities and groups. */
async function asCaller(r: TestRuntime, flags: readonly string[], ...words: string[]): Promise<string> {
  const setpriv = findProgram('setpriv') ?? '';
  const { status, stdout, stderr } = spawnSync(setpriv, [...flags, ...r.argv(...words)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  assert.equal(status, 0, `${stdout}${stderr}`);
  return stdout;
}

describe('10: inheritable capabilities', host, () => {
  test('are none, whatever the caller has, of a first and of a further process', async (t) => {
    const r = await runtime(t);
    const show = ['grep', '-E', 'Cap(Inh|Amb)', '/proc/self/status'];
    const none = 'CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n';
    const flags = ['--inh-caps', '+chown,+kill', '--ambient-caps', '+chown,+kill'];
    const bundle = await r.bundle('c', { args: show });
    assert.equal(await asCaller(r, flags, 'run', '--bundle', bundle, 'c'), none);
    await r.ok('run', '--detach', '--bundle', await r.bundle('d'), 'd');
    assert.equal(await asCaller(r, flags, 'exec', 'd', ...show), none);
  });
});

describe('12: supplementary groups', host, () => {
  const GROUP = 4242;
  const caller = ['--groups', String(GROUP)];

  test('of the caller do not go along', async (t) => {
    const r = await runtime(t);
    const user = { uid: 1000, gid: 1001 };
    const bundle = await r.bundle('c', { args: ['id', '-G'], process: { user } });
    assert.equal(await asCaller(r, caller, 'run', '--bundle', bundle, 'c'), '1001\n');
    await r.ok('run', '--detach', '--bundle', await r.bundle('d', { process: { user } }), 'd');
    assert.equal(await asCaller(r, caller, 'exec', 'd', 'id', '-G'), '1001\n');
  });

  test('of the process are there, so that a file which its group may not read is not read', async (t) => {
    const r = await runtime(t);
    const file = join(r.rootfs, 'negative');
    await writeFile(file, 'secret');
    await chown(file, 0, GROUP);
    await chmod(file, 0o604);
    const user = { uid: 1000, gid: 1001, additionalGids: [GROUP] };
    const bundle = await r.bundle('c', { args: ['cat', '/negative'], process: { user } });
    const { stdout, stderr } = await r.run(['run', '--bundle', bundle, 'c']);
    assert.equal(stdout, '');
    assert.match(stderr, /Permission denied/);
    await r.ok('run', '--detach', '--bundle', await r.bundle('d', { process: { user } }), 'd');
    const exec = await r.run(['exec', 'd', 'cat', '/negative']);
    assert.equal(exec.stdout, '');
    assert.match(exec.stderr, /Permission denied/);
  });
});

describe('24: environment of one container in another', host, () => {
  const COUNT = 100;

  test('of a hundred at once each has its own alone', async (t) => {
    const bench = await makeBench(t, dockerSpec('env'));
    const rootfs = { kind: 'directory', path: bench.lower } as const;
    const ran = await Promise.all(
      Array.from({ length: COUNT }, async (_, number) => {
        const spec = dockerSpec('env', ({ process: { env } }) => env?.push(`SECRET=number-${number}`));
        const directory = join(bench.directory, String(number));
        await mkdir(directory);
        const plan = buildLaunchPlan({ ...bench.request, spec, rootfs, seccomp: undefined });
        return runPlan({ ...bench, directory }, plan);
      }),
    );
    for (const [number, { stdout, failure }] of ran.entries()) {
      assert.equal(failure, undefined);
      assert.deepEqual(stdout.match(/number-\d+/g), [`number-${number}`]);
    }
  });
});

/** Prints the errno of each call, 0 for one that went through. */
const PROBE = `
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#define TRY(name, call) do { errno = 0; long r = (call); printf("%s %d\\n", name, r < 0 ? errno : 0); } while (0)
int main(void)
{
	TRY("AF_ALG", socket(38, SOCK_SEQPACKET, 0));
	TRY("AF_VSOCK", socket(40, SOCK_STREAM, 0));
	TRY("io_uring_setup", syscall(425, 1, 0));
	TRY("io_uring_enter", syscall(426, -1, 0, 0, 0, 0, 0));
	TRY("io_uring_register", syscall(427, -1, 0, 0, 0));
	TRY("userfaultfd", syscall(SYS_userfaultfd, 0));
	TRY("keyctl", syscall(SYS_keyctl, 0, -3, 0, 0, 0));
	TRY("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -2));
	TRY("request_key", syscall(SYS_request_key, "user", "x", 0, 0));
	TRY("bpf", syscall(SYS_bpf, 0, 0, 0));
	TRY("perf_event_open", syscall(SYS_perf_event_open, 0, 0, -1, -1, 0));
	TRY("unshare", syscall(SYS_unshare, 0x10000000));
	TRY("clone3", syscall(SYS_clone3, 0, 0));
	return 0;
}
`;
const REFUSED = /^(AF_|[a-z]).* (1|38)$/;

describe('30: kernel surface', requires('root', 'busybox', 'overlay', 'compiler'), () => {
  test('the default profile refuses what containers were left through', async (t) => {
    const bench = await makeBench(t, dockerSpec(''));
    await compile(bench.directory, join(bench.lower, 'bin/probe'));
    bench.request.spec.process.args = ['probe'];
    const { stdout, failure } = await runPlan(bench);
    assert.equal(failure, undefined);
    const lines = stdout.trim().split('\n');
    assert.equal(lines.length, 13);
    for (const line of lines) assert.match(line, REFUSED);
  });
});

async function compile(directory: string, to: string): Promise<void> {
  const source = join(directory, 'probe.c');
  await writeFile(source, PROBE);
  const built = spawnSync(findProgram('gcc') ?? '', ['-static', '-o', join(directory, 'probe'), source], {
    encoding: 'utf8',
  });
  assert.equal(built.status, 0, built.stderr);
  await cp(join(directory, 'probe'), to);
}

describe('33: recycled process ids', host, () => {
  test('a stranger who has the number of an init is not signalled', async (t) => {
    const r = await runtime(t);
    await r.ok('run', '--detach', '--bundle', await r.bundle('c', { args: ['true'] }), 'c');
    await eventually('it ended', async () => (await r.state('c')).status === 'stopped');
    const directory = await mkdtemp(join(r.directory, 'stranger-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const stranger = spawn('sleep', ['1000'], { stdio: 'ignore' });
    t.after(() => stranger.kill('SIGKILL'));
    const ended = new Promise<string>((resolve) => stranger.once('exit', () => resolve('ended')));
    const file = join(r.root, 'c', 'state.json');
    const record = JSON.parse(await readFile(file, 'utf8')) as { init: { pid: number } };
    record.init.pid = stranger.pid ?? assert.fail();
    await writeFile(file, JSON.stringify(record));
    for (const words of [
      ['kill', 'c', 'KILL'],
      ['kill', '--all', 'c', 'KILL'],
      ['delete', '--force', 'c'],
    ])
      await r.run(words);
    assert.equal(await Promise.race([ended, Promise.resolve('alive')]), 'alive');
    assert.ok(stranger.kill(0));
    assert.deepEqual(await r.leftovers(), []);
  });
});
