import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
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
  const daemons: ReturnType<typeof start>[] = [];
  return {
    directory,
    rootfs,
    cgroupParent: `/wherry-test-${directory.slice('/tmp/w-'.length)}`,
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
      keeper.kill('SIGKILL');
      await ended(keeper);
      await rm(directory, { recursive: true, force: true });
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

/** What containers left below the bench's cgroup. */
export const cgroupsLeft = (bench: Bench): Promise<string[]> =>
  eventually('the containers’ cgroups are gone', async () => {
    const below = (await cgroupsBelow(bench.cgroupParent)).filter(
      (directory) => !directory.endsWith(bench.cgroupParent),
    );
    return below.length === 0 ? below : undefined;
  }).catch(() => cgroupsBelow(bench.cgroupParent));
