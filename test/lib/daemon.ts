import type { ChildProcess } from 'node:child_process';
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { env } from 'node:process';
import type { TestContext } from 'node:test';
import { busyboxArchive } from './busybox.ts';
import { built, makeClients, type Clients } from './clients.ts';
import { findLeftovers, takeBaseline, type Baseline } from './leftovers.ts';
import { endProcesses, ownedProcesses, removeCgroups } from './owned.ts';
import { ended, eventually, start } from './process.ts';
import { peerCommand } from './peer.ts';
import { makePlace, type Place } from './place.ts';
import { loadImage, ping } from './rest.ts';

export interface DaemonOptions {
  /** `name=error`, `name=kill`, `name=sleep(250)`; several with `;`. */
  readonly failpoint?: string;
  /** Further flags of wherryd. */
  readonly args?: readonly string[];
  /** The daemon's, in the place of this process's. */
  readonly path?: string;
  /** Load busybox before the baseline of `leftovers` is taken; default true. */
  readonly busybox?: boolean;
  /** Debian's dockerd instead of ours. */
  readonly peer?: boolean;
  /** Before the first start; what it returns is disposed of after the last. */
  readonly furnish?: (place: Place) => Promise<AsyncDisposable>;
}

const PEER_BY_DEFAULT = env['WHERRY_TEST_PEER'] === '1';

/** A wherryd of its own: network namespace, data root, exec root, socket, bridge, parent cgroup. */
export interface Daemon extends Place, Clients, AsyncDisposable {
  readonly pid: number;
  isAlive(): boolean;
  /** SIGKILL, and waits for the end. */
  kill9(): Promise<void>;
  /** SIGTERM, and waits for the end; the exit code. */
  stop(): Promise<number>;
  /** Resolves when the daemon has ended, by whatever. */
  exited(): Promise<number>;
  /** Starts it again on the same roots; resolves when it answers. */
  restart(options?: { readonly failpoint?: string }): Promise<void>;
  /** From here on `leftovers` counts. */
  mark(): Promise<void>;
  /** What is there that was not at the mark: mounts, cgroups, netns, links, rules, processes, descriptors, rows, files. */
  leftovers(): Promise<string[]>;
  log(): Promise<string>;
}

/** Starts a daemon for this test and takes it down at its end. Throws with its log when it does not get ready. */
export async function startDaemon(t: TestContext | undefined, options: DaemonOptions = {}): Promise<Daemon> {
  const place = await makePlace();
  const furniture = await options.furnish?.(place);
  const daemon = manage(place, options, furniture);
  t?.after(() => daemon[Symbol.asyncDispose]());
  try {
    await daemon.restart(options.failpoint === undefined ? {} : { failpoint: options.failpoint });
    if (options.busybox !== false) await loadImage(place.socket, await busyboxArchive());
    await daemon.mark();
    return daemon;
  } catch (error) {
    const log = await daemon.log();
    await daemon[Symbol.asyncDispose]();
    throw new Error(`The daemon did not get ready:\n${log}`, { cause: error });
  }
}

function manage(place: Place, options: DaemonOptions, furniture: AsyncDisposable | undefined): Daemon {
  const logPath = join(place.directory, 'log');
  const peer = options.peer ?? PEER_BY_DEFAULT;
  const command = [...(peer ? peerCommand(place) : wherrydCommand(place)), ...(options.args ?? [])];
  let child: ChildProcess | undefined;
  let baseline: Baseline | undefined;
  let disposed: Promise<void> | undefined;
  const log = (): Promise<string> => readFile(logPath, 'utf8').catch(() => '');
  const end = async (signal: NodeJS.Signals): Promise<number> => {
    if (child === undefined) return 0;
    if (isAlive(child)) child.kill(signal);
    return ended(child);
  };
  const daemon: Daemon = {
    ...place,
    ...makeClients(place.socket, join(place.directory, 'c')),
    get pid() {
      return child?.pid ?? -1;
    },
    isAlive: () => child !== undefined && isAlive(child),
    kill9: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
    exited: async () => (child === undefined ? 0 : ended(child)),
    restart: async ({ failpoint = '' } = {}) => {
      const started = await launch(place, { logPath, failpoint, command, path: options.path });
      child = started;
      await eventually('the daemon answers', async () => {
        if (!isAlive(started)) throw new Error(`wherryd ended by itself:\n${await log()}`);
        return ping(place.socket);
      });
    },
    mark: async () => void (baseline = peer ? new Map() : await takeBaseline(daemon)),
    leftovers: async () => (peer ? [] : findLeftovers(daemon, baseline)),
    log,
    [Symbol.asyncDispose]: () => (disposed ??= end('SIGKILL').then(() => dispose(place, furniture))),
  };
  return daemon;
}

const isAlive = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

async function launch(
  place: Place,
  how: {
    readonly logPath: string;
    readonly failpoint: string;
    readonly command: readonly string[];
    readonly path: string | undefined;
  },
): Promise<ChildProcess> {
  await using log = await open(how.logPath, 'a');
  const enter = ['nsenter', `--net=/proc/${place.netnsPid}/ns/net`, '--'];
  return start([...enter, ...how.command], {
    stdio: ['ignore', log.fd, log.fd],
    env: { ...env, PATH: how.path ?? env['PATH'], WHERRY_FAILPOINTS: how.failpoint },
  });
}

const wherrydCommand = (place: Place): string[] => [
  ...[built('wherryd'), '--data-root', place.dataRoot, '--exec-root', place.execRoot],
  ...['-H', `unix://${place.socket}`, '--cgroup-parent', place.cgroupParent],
];

async function dispose(place: Place, furniture: AsyncDisposable | undefined): Promise<void> {
  await endProcesses(await ownedProcesses(place));
  await removeCgroups(place.cgroupParent);
  await furniture?.[Symbol.asyncDispose]();
  await rm(place.directory, { recursive: true, force: true, maxRetries: 3 });
}
