import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kill } from 'node:process';
import type { ChildProcess } from 'node:child_process';
import { at } from '../../scripts/lib/paths.ts';
import type { State } from '../../runtime/container/state.ts';
import type { Process, Spec } from '../../runtime/spec.ts';
import { cgroupsBelow, removeCgroups } from './owned.ts';
import { ended, eventually, PATIENCE, start, type Result } from './process.ts';
import { findProgram } from './requires.ts';

const TIMEOUT_MS = 30_000;
const APPLETS = [
  ...[
    'awk',
    'cat',
    'cut',
    'date',
    'dd',
    'echo',
    'env',
    'false',
    'grep',
    'head',
    'hostname',
    'id',
    'ip',
    'kill',
  ],
  ...[
    'ls',
    'mount',
    'nc',
    'ps',
    'pwd',
    'readlink',
    'sh',
    'sleep',
    'sort',
    'stat',
    'stty',
    'tail',
    'test',
    'touch',
  ],
  ...['tr', 'true', 'tty', 'umount', 'wc', 'xargs'],
];

/** bin/wherry-runtime with a --root of its own, cgroups of its own, and a busybox for its bundles. */
export interface TestRuntime extends AsyncDisposable {
  readonly directory: string;
  readonly rootfs: string;
  /** `--root`. */
  readonly root: string;
  /** Where its containers' cgroups are. */
  readonly cgroupParent: string;
  /** Writes a bundle; returns its directory. By default its process sleeps, and its cgroups are `<cgroupParent>/<name>`. */
  bundle(name: string, change?: Change): Promise<string>;
  /** The words of a command, to be started some other way. */
  argv(...words: string[]): string[];
  /** Runs a command to its own end, though its container may go on. stdin is empty. */
  run(words: readonly string[], options?: RunOptions): Promise<Ran>;
  /** The same for one that must succeed; what it printed, without the last newline. */
  ok(...words: string[]): Promise<string>;
  state(id: string): Promise<State>;
  /** Everything that is there of any container: states, cgroups, processes, mounts. */
  leftovers(): Promise<string[]>;
}

export interface Change {
  readonly args?: readonly string[];
  readonly process?: Partial<Process>;
  readonly linux?: Partial<Spec['linux']>;
  readonly spec?: Partial<Spec>;
}

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  /** Descriptors 3, 4, ... */
  readonly fds?: readonly number[];
}

export interface Ran extends Result {
  /** What the command and its container print, now and later. */
  readonly output: string;
}

export async function openRuntime(): Promise<TestRuntime> {
  const directory = await mkdtemp('/tmp/w-');
  const rootfs = join(directory, 'rootfs');
  await makeRootfs(rootfs);
  const root = join(directory, 'state');
  const cgroupParent = `/wherry-test-${directory.slice('/tmp/w-'.length)}`;
  const argv = (...words: string[]): string[] => [at('bin/wherry-runtime'), '--root', root, ...words];
  const run = async (words: readonly string[], options: RunOptions = {}): Promise<Ran> =>
    runCommand(directory, argv(...words), options);
  const ok = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(words);
    assert.equal(code, 0, `${words.join(' ')}: ${stderr}${stdout}`);
    return stdout.replace(/\n$/, '');
  };
  const leftovers = async (): Promise<string[]> => leftIn({ directory, root, cgroupParent });
  return {
    directory,
    rootfs,
    root,
    cgroupParent,
    argv,
    run,
    ok,
    leftovers,
    state: async (id) => JSON.parse(await ok('state', id)) as State,
    bundle: async (name, change = {}) => {
      const bundle = join(directory, 'bundles', name);
      await mkdir(bundle, { recursive: true });
      const config = configOf({ rootfs, cgroupsPath: `${cgroupParent}/${name}` }, change);
      await writeFile(join(bundle, 'config.json'), JSON.stringify(config));
      return bundle;
    },
    [Symbol.asyncDispose]: async () => {
      for (const pid of await processesOf({ directory, cgroupParent })) killQuietly(pid);
      await eventually('the processes ended', async () => {
        const left = await processesOf({ directory, cgroupParent });
        return left.length === 0;
      });
      await removeCgroups(cgroupParent);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function makeRootfs(rootfs: string): Promise<void> {
  for (const name of ['bin', 'dev', 'etc', 'proc', 'root', 'sys', 'tmp'])
    await mkdir(join(rootfs, name), { recursive: true });
  await cp(findProgram('busybox') ?? '', join(rootfs, 'bin/busybox'));
  for (const name of APPLETS) await symlink('busybox', join(rootfs, 'bin', name));
}

const CAPABILITIES = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];

function configOf(
  { rootfs, cgroupsPath }: { readonly rootfs: string; readonly cgroupsPath: string },
  { args, process: process_ = {}, linux = {}, spec = {} }: Change,
): Spec {
  return {
    ociVersion: '1.2.0',
    root: { path: rootfs, readonly: false },
    hostname: 'test',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=65536k'] },
      {
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
      },
    ],
    ...spec,
    process: {
      user: { uid: 0, gid: 0 },
      args: [...(args ?? ['sleep', '1000'])],
      env: ['PATH=/bin'],
      cwd: '/',
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      ...process_,
    },
    linux: {
      cgroupsPath,
      namespaces: [
        { type: 'pid' },
        { type: 'mount' },
        { type: 'uts' },
        { type: 'ipc' },
        { type: 'network' },
        { type: 'cgroup' },
      ],
      ...linux,
    },
  };
}

let serial = 0;

/** stdout and stderr are files: a pipe would be held open by the container, of whose end the command knows nothing. */
async function runCommand(
  directory: string,
  argv: readonly string[],
  { env = {}, cwd, input, fds = [] }: RunOptions,
): Promise<Ran> {
  const name = join(directory, `output-${(serial += 1)}`);
  const [output, errors] = [`${name}.out`, `${name}.err`];
  const files = [openSync(output, 'w'), openSync(errors, 'w')];
  const child = start(argv, {
    stdio: [input === undefined ? 'ignore' : 'pipe', ...files, ...fds],
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  for (const file of files) closeSync(file);
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  const code = await inTime(child, argv);
  return { code, stdout: await readFile(output, 'utf8'), stderr: await readFile(errors, 'utf8'), output };
}

async function inTime(child: ChildProcess, argv: readonly string[]): Promise<number> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, TIMEOUT_MS * PATIENCE);
  const code = await ended(child);
  clearTimeout(timer);
  assert.ok(!isLate, `${argv.join(' ')} did not end`);
  return code;
}

interface Place {
  readonly directory: string;
  readonly cgroupParent: string;
}

async function leftIn({
  directory,
  root,
  cgroupParent,
}: Place & { readonly root: string }): Promise<string[]> {
  const states = await readdir(root).catch(() => []);
  const cgroups = (await cgroupsBelow(cgroupParent)).filter((path) => !path.endsWith(cgroupParent));
  const pids = await processesOf({ directory, cgroupParent });
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .filter((line) => line.includes(directory));
  return [
    ...states.map((name) => `state ${name}`),
    ...cgroups.map((path) => `cgroup ${path}`),
    ...pids.map((pid) => `process ${pid}`),
    ...mounts.map((line) => `mount ${line}`),
  ];
}

/** In the test's cgroups, or with its directory in their arguments; what is dead and waits for its parent does not count. */
async function processesOf({ directory, cgroupParent }: Place): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [cgroups = '', words = '', stat = ''] = await Promise.all(
        ['cgroup', 'cmdline', 'stat'].map(async (name) =>
          readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => undefined),
        ),
      );
      const isDead = /\) [ZX] /.test(stat);
      const isOurs = cgroups.includes(`${cgroupParent}/`) || words.includes(`${directory}/`);
      return isOurs && !isDead && pid !== process.pid ? pid : undefined;
    }),
  );
  return found.filter((pid) => pid !== undefined);
}

function killQuietly(pid: number): void {
  try {
    kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
