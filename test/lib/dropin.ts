import { cp, mkdir, mkdtemp, readFile, rm, rmdir, stat, statfs, symlink } from 'node:fs/promises';
import { existsSync, globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { at } from '../../scripts/lib/paths.ts';
import { cgroupsBelow } from './owned.ts';
import { ended, eventually, exec, start, type Result } from './process.ts';
import { findProgram } from './requires.ts';

/** Wherry's runtime, as another engine is told of it. */
export const RUNTIME = at('bin/wherry-runtime');

const APPLETS = ['sh', 'cat', 'echo', 'id', 'sleep', 'true', 'ls', 'tty', 'stat', 'ps'];

/** A place for another engine: directories, a network and a mount namespace of its own. */
export interface Bench {
  readonly directory: string;
  /** Of a process in its namespaces. */
  readonly pid: number;
  /** A directory with busybox in it. */
  readonly rootfs: string;
  readonly cgroupParent: string;
  /** Runs a program in the bench's namespaces, to its end. */
  run(argv: readonly string[], input?: string | Uint8Array): Promise<Result>;
  /** Starts a daemon in them; it is ended, by SIGTERM, with the bench. */
  daemon(argv: readonly string[]): void;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openBench(): Promise<Bench> {
  const directory = await mkdtemp('/tmp/w-');
  const rootfs = join(directory, 'rootfs');
  for (const name of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'run'])
    await mkdir(join(rootfs, name), { recursive: true });
  await cp(findProgram('busybox') ?? '', join(rootfs, 'bin/busybox'));
  for (const name of APPLETS) await symlink('busybox', join(rootfs, 'bin', name));
  const keeper = start(
    [
      ...['unshare', '--net', '--mount', '--propagation', 'private'],
      ...['sh', '-c', 'busybox ip link set lo up; echo; exec sleep 86400'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await new Promise((resolve) => keeper.stdout?.once('data', resolve));
  const inside = ['nsenter', '-t', String(keeper.pid), '--net', '--mount', '--'];
  const cgroupParent = `/wherry-test-${directory.slice('/tmp/w-'.length)}`;
  const daemons: ReturnType<typeof start>[] = [];
  return {
    directory,
    pid: keeper.pid ?? -1,
    rootfs,
    cgroupParent,
    run: (argv, input = '') => exec([...inside, ...argv], { input, timeoutMs: 60_000 }),
    daemon: (argv) => {
      daemons.push(start([...inside, ...argv], { stdio: 'ignore' }));
    },
    [Symbol.asyncDispose]: async () => {
      for (const daemon of daemons) {
        const gone = ended(daemon);
        daemon.kill('SIGTERM');
        await gone;
      }
      await endProcessesIn(directory);
      const gone = ended(keeper);
      keeper.kill('SIGKILL');
      await gone;
      await rm(directory, { recursive: true, force: true });
      await eventually('the cgroups are gone', async () => {
        await removeCgroups(cgroupParent);
        return (await cgroupsBelow(cgroupParent)).length === 0;
      });
    },
  };
}

/** Shims and monitors that name the directory in their arguments. */
async function endProcessesIn(directory: string): Promise<void> {
  for (const file of globSync('/proc/[0-9]*/cmdline')) {
    const words = await readFile(file, 'utf8').catch(() => '');
    const pid = Number(file.split('/')[2]);
    if (words.includes(`${directory}/`) && pid !== process.pid) process.kill(pid, 'SIGKILL');
  }
}

/** Waits for a daemon's socket. */
export const listening = (path: string): Promise<true> =>
  eventually(`${path} is there`, () => (existsSync(path) ? true : undefined), 30_000);

/** What containers left below the bench's cgroup; podman's own one for its monitors stays as long as it runs. */
export const cgroupsLeft = async (bench: Bench): Promise<string[]> => {
  const left = async (): Promise<string[]> =>
    (await cgroupsBelow(bench.cgroupParent)).filter(
      (directory) => !directory.endsWith(bench.cgroupParent) && !directory.endsWith('/conmon'),
    );
  await eventually('the cgroups of the containers are gone', async () => (await left()).length === 0).catch(
    () => {},
  );
  return left();
};

/** Podman makes plain directories and files where it expects a hierarchy and none is mounted: those go whole. */
async function removeCgroups(parent: string): Promise<void> {
  const found = await cgroupsBelow(parent);
  for (const directory of found.toSorted((a, b) => b.length - a.length)) {
    if (await isPlain(directory)) await rm(directory, { recursive: true, force: true });
    else await rmdir(directory).catch(() => {});
  }
  for (const directory of found.filter((each) => each.endsWith(parent)).map((each) => dirname(each)))
    if (directory !== CGROUPS && (await isPlain(directory))) await rmdir(directory).catch(() => {});
}

const CGROUPS = '/sys/fs/cgroup';

/** On the tmpfs that holds the mount points, not in one of them. */
async function isPlain(directory: string): Promise<boolean> {
  const [own, top] = await Promise.all([stat(directory).catch(() => undefined), statfs(CGROUPS)]);
  return own !== undefined && top.type === TMPFS_MAGIC && own.dev === (await stat(CGROUPS)).dev;
}

const TMPFS_MAGIC = 0x01021994;
