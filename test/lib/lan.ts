import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ChildProcess } from 'node:child_process';
import type { Daemon } from './daemon.ts';
import type { Target } from './knock.ts';
import { exec, execOk, start, type Result } from './process.ts';

/** A host in a network namespace of its own. */
export interface Peer {
  readonly pid: number;
  readonly run: (...argv: string[]) => Promise<Result>;
  /** What the address and port answer: `open`, `refused`, `silent` or the name of an errno. */
  probe(address: string, port: number): Promise<string>;
  /** The same of many at once. */
  knock(targets: readonly Target[]): Promise<string[]>;
}

/** 192.0.2.2 and 2001:db8:1::2 on one wire with the daemon's host, which is 192.0.2.1; behind it, by way of it, 198.51.100.2. */
export interface Lan extends AsyncDisposable {
  readonly neighbour: Peer;
  readonly internet: Peer;
  readonly onHost: (...argv: string[]) => Promise<Result>;
}

export const HOST = '192.0.2.1';
export const HOST6 = '2001:db8:1::1';
export const NEIGHBOUR = '192.0.2.2';
export const INTERNET = '198.51.100.2';

export async function makeLan(daemon: Daemon): Promise<Lan> {
  const keepers: ChildProcess[] = [];
  const peer = async (): Promise<Peer> => {
    const keeper = start(['unshare', '-n', 'sh', '-c', 'ip link set lo up; echo; exec sleep 1000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    keepers.push(keeper);
    if (keeper.stdout !== null) await once(keeper.stdout, 'data');
    keeper.stdout?.destroy();
    return peerOf(keeper.pid ?? -1);
  };
  const [neighbour, internet] = [await peer(), await peer()];
  const host = peerOf(daemon.netnsPid);
  await wire(
    host,
    ['lan0', `${HOST}/24`, `${HOST6}/64`],
    [neighbour, 'eth0', `${NEIGHBOUR}/24`, '2001:db8:1::2/64'],
  );
  await wire(
    neighbour,
    ['wan0', '198.51.100.1/24', '2001:db8:2::1/64'],
    [internet, 'eth0', `${INTERNET}/24`, '2001:db8:2::2/64'],
  );
  await execOk(inside(neighbour.pid, 'sysctl', '-qw', 'net.ipv4.ip_forward=1'));
  await execOk(inside(internet.pid, 'ip', 'route', 'add', 'default', 'via', '198.51.100.1'));
  await execOk(inside(daemon.netnsPid, 'ip', 'route', 'add', '198.51.100.0/24', 'via', NEIGHBOUR));
  return {
    neighbour,
    internet,
    onHost: host.run,
    [Symbol.asyncDispose]: async () => {
      await host.run('ip', 'link', 'del', 'lan0');
      for (const keeper of keepers) keeper.kill('SIGKILL');
    },
  };
}

type End = readonly [name: string, address: string, address6: string];

async function wire(
  here: Peer,
  [name, ...own]: End,
  [there, far, ...others]: readonly [Peer, ...End],
): Promise<void> {
  await execOk(
    inside(
      here.pid,
      'ip',
      'link',
      'add',
      name,
      'type',
      'veth',
      'peer',
      'name',
      far,
      'netns',
      String(there.pid),
    ),
  );
  for (const [{ pid }, link, addresses] of [
    [here, name, own],
    [there, far, others],
  ] as const) {
    for (const address of addresses) {
      const now = address.includes(':') ? ['nodad'] : [];
      await execOk(inside(pid, 'ip', 'addr', 'add', address, 'dev', link, ...now));
    }
    await execOk(inside(pid, 'ip', 'link', 'set', link, 'up'));
  }
}

const inside = (pid: number, ...argv: string[]): string[] => [
  'nsenter',
  `--net=/proc/${pid}/ns/net`,
  '--',
  ...argv,
];

const KNOCK = fileURLToPath(import.meta.resolve('./knock.ts'));

/** Whoever is in the network namespace of that process. */
export function peerOf(pid: number): Peer {
  const run = (...argv: string[]): Promise<Result> => exec(inside(pid, ...argv), { timeoutMs: 20_000 });
  const knock = async (targets: readonly Target[]): Promise<string[]> => {
    const { stdout, stderr } = await run(process.execPath, KNOCK, JSON.stringify(targets));
    if (stdout === '') throw new Error(`Cannot knock: ${stderr}`);
    return JSON.parse(stdout) as string[];
  };
  return {
    pid,
    run,
    probe: async (address, port) => (await knock([{ address, port }]))[0] ?? '',
    knock,
  };
}
