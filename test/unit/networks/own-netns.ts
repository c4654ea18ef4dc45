import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, execPath } from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeCtx, type Ctx } from '../../../common/ctx.ts';
import { silentLog } from '../../../common/log.ts';
import { openDatabase } from '../../../common/sqlite.ts';
import {
  NETWORK_DEFAULTS,
  type Networks,
  type NetworksConfig,
  type ReserveRequest,
} from '../../../daemon/core/networks/contract.ts';
import {
  NO_SETTINGS,
  type Endpoint,
  type EndpointSettings,
  type Sandbox,
} from '../../../daemon/core/networks/types.ts';
import { openNetworks } from '../../../daemon/core/networks/networks.ts';
import { nativeDirectory } from '../../../native/ffi/library.ts';
import { encodePlan } from '../../../runtime/plan/encode.ts';
import { PlanBuilder } from '../../../runtime/plan/builder.ts';
import type { Plan } from '../../../runtime/plan/types.ts';
import { ended, eventually, exec, execOk, start, type Result } from '../../lib/process.ts';
import { requires } from '../../lib/requires.ts';

/** What a story has: a directory of its own, and networks in a network namespace of its own. */
export interface Place {
  readonly ctx: Ctx;
  readonly directory: string;
  /** Networks on the place's database, as a daemon that starts opens them. */
  readonly open: (config?: Partial<NetworksConfig>) => Networks;
  /** Runs a program in a fresh network namespace that an endpoint's steps have furnished, to its end. */
  readonly run: (
    networks: Networks,
    sandbox: Sandbox | Endpoint,
    argv: readonly string[],
  ) => Promise<Result & { readonly plan: Plan }>;
  /** The same with a program that lives until it is disposed of. */
  readonly live: (
    networks: Networks,
    sandbox: Sandbox | Endpoint,
  ) => Promise<AsyncDisposable & { readonly pid: number }>;
}

export type Stories = Readonly<Record<string, (place: Place) => Promise<void>>>;

/** Each story is a test, and runs in a process of its own behind `unshare --net`, where it can do no harm. */
export async function inOwnNetns(
  moduleUrl: string,
  stories: Stories,
  options: { readonly timeoutMs?: number } = {},
): Promise<void> {
  const chosen = env['WHERRY_STORY'];
  if (chosen !== undefined) return tell(stories[chosen]);
  for (const name of Object.keys(stories)) {
    test(name, requires('root', 'unshare', 'nftables', 'busybox'), async () => {
      const argv = ['unshare', '--net', execPath, fileURLToPath(moduleUrl)];
      const { code, stdout, stderr } = await exec(argv, {
        ...options,
        env: { ...env, WHERRY_STORY: name },
      });
      assert.equal(code, 0, `${stdout}${stderr}`);
    });
  }
}

async function tell(story: Stories[string] | undefined): Promise<void> {
  assert.ok(story !== undefined, `There is no story ${env['WHERRY_STORY']}`);
  const directory = await mkdtemp(join(tmpdir(), 'wn-'));
  const db = openDatabase(join(directory, 'db'));
  let plans = 0;
  const save = async (plan: Plan): Promise<string[]> => {
    const file = join(directory, `plan-${(plans += 1)}`);
    await writeFile(file, encodePlan(plan));
    return [join(nativeDirectory(), 'plan-run'), file];
  };
  try {
    await story({
      ctx: makeCtx(silentLog),
      directory,
      open: (config) =>
        openNetworks({ db, config: { ...NETWORK_DEFAULTS, ...config }, dirs: { execRoot: directory } }),
      run: async (networks, sandbox, argv) => {
        const plan = planOf(networks, sandbox, argv);
        return { ...(await exec(await save(plan))), plan };
      },
      live: async (networks, sandbox) => {
        const plan = planOf(networks, sandbox, ['/bin/sleep', '600']);
        const child = start(await save(plan), { stdio: 'ignore' });
        return { pid: child.pid ?? 0, [Symbol.asyncDispose]: () => end(child) };
      },
    });
  } finally {
    db.close();
    await rm(directory, { recursive: true });
  }
}

/** A network, or one with settings. */
export type Joined = string | readonly [name: string, settings: Partial<EndpointSettings>];

/** What a container asks for that joins these networks, eth0 first. */
export const joining = (...networks: readonly Joined[]): Extract<ReserveRequest, { kind: 'networks' }> => ({
  kind: 'networks',
  egress: undefined,
  names: { name: 'box', hostname: 'boat' },
  networks: networks.map((each) => {
    const [network, settings] = typeof each === 'string' ? [each, {}] : each;
    return { network, settings: { ...NO_SETTINGS, ...settings } };
  }),
});

const CLONE_NEWNET = 0x4000_0000;

function planOf(networks: Networks, of: Sandbox | Endpoint, argv: readonly string[]): Plan {
  const plan = new PlanBuilder();
  const sandbox: Sandbox = 'kind' in of ? of : { kind: 'own', containerId: of.containerId, endpoints: [of] };
  const steps = networks.steps(sandbox);
  steps?.stay?.(plan);
  const furnish = steps?.prepare(plan);
  if (furnish !== undefined) {
    plan.call('unshare the network namespace', 'unshare', [CLONE_NEWNET]);
    furnish(plan);
  }
  const path = ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'];
  plan.call('execute', 'execve', [argv[0] ?? '', plan.strings(argv), plan.strings(path)]);
  return plan.build();
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await ended(child);
}

/** What a tool of Debian's says, as JSON. */
export const ask = async <T>(...argv: string[]): Promise<T> => JSON.parse(await execOk(argv)) as T;

/**
 * Another machine on the host's other side: 10.9.0.2, the host being 10.9.0.1. It has no route to any container. Its network
 * namespace lives as long as the process that keeps it.
 */
export async function openBeyond(): Promise<AsyncDisposable & { run(...argv: string[]): Promise<Result> }> {
  const keeper = start(['unshare', '--net', 'sleep', '60'], { stdio: 'ignore' });
  const inside = ['nsenter', '--net', '--target', String(keeper.pid)];
  const own = await readlink('/proc/self/ns/net');
  await eventually(
    'the other namespace is there',
    async () => (await readlink(`/proc/${keeper.pid}/ns/net`)) !== own,
  );
  const peer = ['peer', 'name', 'uplink', 'netns', String(keeper.pid)];
  await execOk(['ip', 'link', 'add', 'outside', 'type', 'veth', ...peer]);
  await execOk(['ip', 'address', 'add', '10.9.0.1/24', 'dev', 'outside']);
  await execOk(['ip', 'link', 'set', 'outside', 'up']);
  await execOk([...inside, 'ip', 'address', 'add', '10.9.0.2/24', 'dev', 'uplink']);
  await execOk([...inside, 'ip', 'link', 'set', 'uplink', 'up']);
  return {
    run: (...argv) => exec([...inside, ...argv]),
    [Symbol.asyncDispose]: () => end(keeper),
  };
}
