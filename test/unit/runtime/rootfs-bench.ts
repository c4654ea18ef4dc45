import { execFileSync, spawn } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { text } from 'node:stream/consumers';
import { Worker } from 'node:worker_threads';
import type { LaunchRequest } from '../../../runtime/contract.ts';
import { buildLaunchPlan } from '../../../runtime/launch.ts';
import { encodePlan } from '../../../runtime/plan/encode.ts';
import { explainFailure } from '../../../runtime/plan/explain.ts';
import type { Plan } from '../../../runtime/plan/types.ts';
import type { Mount, Spec } from '../../../runtime/spec.ts';
import { at } from '../../../scripts/lib/paths.ts';
import { dockerSpec, makeBench, type Bench, type Ran } from './container.ts';

/** Containers as `wherry-runtime run` launches them: from a directory, with a user namespace if that is wanted. */

const HOST_ID = 100_000;

/** Gives a specification a user namespace whose root is HOST_ID. */
export function ownUsers(spec: Spec): void {
  const mapping = [{ containerID: 0, hostID: HOST_ID, size: 65_536 }];
  spec.linux.namespaces.push({ type: 'user' });
  spec.linux.uidMappings = mapping;
  spec.linux.gidMappings = mapping;
}

/** A bench whose root is a directory, owned by the container's root. */
export async function makeDirectoryBench(
  t: TestContext,
  script: string,
  change: (spec: Spec) => void = () => {},
): Promise<Bench> {
  const bench = await makeBench(t, dockerSpec(script, change));
  chmodSync(bench.directory, 0o711);
  const hasUsers = bench.request.spec.linux.namespaces.some(({ type }) => type === 'user');
  const request: LaunchRequest = {
    ...bench.request,
    rootfs: { kind: 'directory', path: bench.lower },
    stagingDir: hasUsers ? '/' : bench.lower,
    keeper: { kind: 'runtime', preserveFds: 0, ownedStdio: [], startIn: undefined, meetsAtRoot: false },
  };
  return { ...bench, request };
}

/** To be called when the image is as it should be. */
export function giveToContainer({ lower }: Bench): void {
  execFileSync('chown', ['-hR', `${HOST_ID}:${HOST_ID}`, lower]);
}

/**
 * Runs a plan to the end of its process, in a mount namespace of its own, which commands of a shell may furnish before and look at
 * afterwards.
 */
export async function runAsCommand(
  bench: Bench,
  around: { readonly before?: string; readonly after?: string } = {},
): Promise<Ran> {
  const plan = buildLaunchPlan(bench.request);
  const file = join(bench.directory, 'plan');
  await writeFile(file, encodePlan(plan));
  const script = `${around.before ?? ':'} && { ${at('build/native/plan-run')} ${file} 3>/dev/null; r=$?; ${around.after ?? ':'}; exit $r; }`;
  const child = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? -1)));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await exited, stdout, stderr, failure: failureOf(plan, stderr) };
}

function failureOf(plan: Plan, stderr: string): string | undefined {
  const match = /^step (\d+) errno (\d+) ignored ([0-9a-f]+)$/m.exec(stderr);
  if (match === null) return undefined;
  const [step, errno] = [Number(match[1]), Number(match[2])];
  return explainFailure(plan, { step, errno, ignored: BigInt(`0x${match[3]}`) }).message;
}

/** Exchanges two names, over and over, on a thread of its own. The returned function stops it and says how often it was. */
export async function exchange(one: string, other: string): Promise<() => Promise<number>> {
  const shared = new SharedArrayBuffer(8);
  const worker = new Worker(new URL('rootfs-exchange.ts', import.meta.url), {
    workerData: { one, other, shared },
  });
  const exited = new Promise<void>((resolve, reject) => {
    worker.once('exit', () => resolve());
    worker.once('error', reject);
  });
  await new Promise<void>((resolve) => {
    worker.once('online', resolve);
  });
  const state = new Int32Array(shared);
  return async () => {
    Atomics.store(state, 0, 1);
    await exited;
    return Atomics.load(state, 1);
  };
}

export const bind = (source: string, destination: string, ...options: string[]): Mount => ({
  type: 'bind',
  source,
  destination,
  options: ['bind', ...options],
});

export const mount = (type: string, destination: string, ...options: string[]): Mount => ({
  type,
  source: type,
  destination,
  options,
});

/** Of what is mounted at a path. */
export const linesOf = (mountinfo: string, path: string): string[] =>
  mountinfo.split('\n').filter((line) => line.split(' ')[4] === path);
