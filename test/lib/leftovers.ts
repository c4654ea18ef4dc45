import { DatabaseSync } from 'node:sqlite';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { loopFilesBelow } from './loop-devices.ts';
import { cgroupsBelow, ownedProcesses } from './owned.ts';
import type { Place } from './place.ts';
import { execOk, PATIENCE } from './process.ts';

/** A daemon's place and its process. */
export interface Observed extends Place {
  readonly pid: number;
}

/** Everything a daemon holds of the host, one line per thing. Things of one kind and name are told apart by their count. */
export type Baseline = ReadonlyMap<string, number>;

const SETTLE_MS = 5_000 * PATIENCE;

export async function takeBaseline(daemon: Observed): Promise<Baseline> {
  // Apart from the others, which start programs in the daemon's network namespace.
  const found = await processes(daemon);
  return count([...found, ...(await Promise.all(collectors.map((collect) => collect(daemon)))).flat()]);
}

/**
 * What is there now and was not at the baseline. Waits a few seconds for it to go first: a network namespace dies a moment
 * after its last process, and a client's connection closes after the client.
 */
export async function findLeftovers(daemon: Observed, baseline: Baseline | undefined): Promise<string[]> {
  if (baseline === undefined) throw new Error('leftovers() needs a mark()');
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const now = await takeBaseline(daemon);
    const extra = [...now]
      .filter(([thing, times]) => times > (baseline.get(thing) ?? 0))
      .map(([thing]) => thing);
    if (extra.length === 0 || performance.now() > deadline) return extra.toSorted();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function count(things: readonly string[]): Baseline {
  const counts = new Map<string, number>();
  for (const thing of things) counts.set(thing, (counts.get(thing) ?? 0) + 1);
  return counts;
}

type Collect = (daemon: Observed) => Promise<string[]>;

const collectors: readonly Collect[] = [mounts, loopDevices, cgroups, links, rules, descriptors, rows, files];

async function mounts({ directory }: Observed): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  return table
    .split('\n')
    .flatMap((line) => (line.includes(`${directory}/`) ? [`mount ${line.split(' ')[4]}`] : []));
}

/** As long as one is mounted, in whichever mount namespace or in none. */
async function loopDevices({ dataRoot }: Observed): Promise<string[]> {
  return (await loopFilesBelow(dataRoot)).map((file) => `loop device of ${file}`);
}

async function cgroups({ cgroupParent }: Observed): Promise<string[]> {
  // The parent is the daemon's own: made with its first container, kept for the next.
  const below = (await cgroupsBelow(cgroupParent)).filter((directory) => !directory.endsWith(cgroupParent));
  return below.map((directory) => `cgroup ${directory}`);
}

async function processes(daemon: Observed): Promise<string[]> {
  const owned = await ownedProcesses(daemon);
  return owned.filter(({ pid }) => pid !== daemon.pid).map(({ pid, command }) => `process ${pid} ${command}`);
}

async function links(daemon: Observed): Promise<string[]> {
  const text = await inNetns(daemon, 'busybox', 'ip', '-o', 'link');
  return text.split('\n').map((line) => `link ${line.split(/[:@] ?/)[1] ?? line}`);
}

async function rules(daemon: Observed): Promise<string[]> {
  const text = await inNetns(daemon, 'nft', 'list', 'ruleset');
  return text.split('\n').map((line) => `nft ${line.trim().replace(/packets \d+ bytes \d+/, '')}`);
}

const inNetns = ({ netnsPid }: Observed, ...argv: string[]): Promise<string> =>
  execOk(['nsenter', `--net=/proc/${netnsPid}/ns/net`, '--', ...argv]);

/** libuv has a descriptor to spare, for turning a connection away when there are no more: once that was used, it is one of `/`. */
async function isHostRoot(path: string): Promise<boolean> {
  const [root, found] = await Promise.all([stat('/'), stat(path).catch(() => undefined)]);
  return found?.dev === root.dev && found.ino === root.ino;
}

/** By what they point at, without the number that tells one socket or pipe from the next. */
async function descriptors({ pid }: Observed): Promise<string[]> {
  const directory = `/proc/${pid}/fd`;
  const fds = await readdir(directory).catch(() => []);
  const targets = await Promise.all(
    fds.map(async (fd) => {
      const path = join(directory, fd);
      const target = await readlink(path).catch(() => undefined);
      return target === '/' && (await isHostRoot(path)) ? undefined : target;
    }),
  );
  // libuv opens one inotify instance for the first watcher and keeps it.
  const counted = targets.filter((target) => target !== undefined && target !== 'anon_inode:inotify');
  return counted.map((target) => `fd ${target?.replace(/:\[\d+\]$/, '')}`);
}

async function rows({ dataRoot }: Observed): Promise<string[]> {
  using database = new DatabaseSync(join(dataRoot, 'meta.db'), { readOnly: true });
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  return tables.flatMap(({ name }) => {
    const table = String(name);
    return (
      database
        .prepare(`SELECT * FROM "${table}"`)
        .all()
        .map((row) => `row ${table} ${JSON.stringify(Object.values(row)[0])}`)
        // A namespace stays until somebody removes it, as containerd's do.
        .filter((row) => row !== 'row namespaced "namespace"')
    );
  });
}

/** What stands directly in the directories that hold one entry per container, exec, network namespace or snapshot. */
async function files({ dataRoot, execRoot }: Observed): Promise<string[]> {
  const found = await Promise.all([dataRoot, execRoot].map((root) => twoLevels(root)));
  return found.flat();
}

async function twoLevels(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true });
  const below = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory())
      .map(async (entry) =>
        (await readdir(join(root, entry.name))).map((name) => join(root, entry.name, name)),
      ),
  );
  return below.flat().map((path) => `file ${path}`);
}
