import { closeSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Ctx } from '../common/ctx.ts';
import { internal, WherryError } from '../common/errors.ts';
import { startSpawner, type Spawner } from '../native/ffi/spawner.ts';
import { errnoName } from '../native/ffi/syscall.ts';
import { memfd } from '../native/sys/memory-file.ts';
import { reapChild } from '../native/sys/reap.ts';
import { socketPair } from '../native/sys/unix-socket.ts';
import { encodePlan, STEP_AT } from '../runtime/plan/encode.ts';
import { explainFailure } from '../runtime/plan/explain.ts';
import type { Plan } from '../runtime/plan/types.ts';
import { connectShim, openConnection, type Connection } from './connection.ts';
import type { Attachment, FileStreams, Shim, ShimHooks, ShimLauncher } from './contract.ts';
import { readExitFile } from './exit-file.ts';
import type { ShimEvent } from './frames.ts';
import { handOver, handOverFile, liveShim } from './live.ts';

/** The step number of a failure in the shim's own preparations (native/c/shim.c, must). */
const NO_STEP = 0xffff_ffff;

type Verdict = Extract<ShimEvent, { kind: 'started' | 'failed' | 'exited' }> | { readonly kind: 'closed' };

/** How a launch went, and what the shim said before: clients that it turned away. */
interface Opening {
  readonly verdict: Verdict;
  readonly earlier: readonly ShimEvent[];
}

/** The launcher of this process; its spawner threads start with it. */
export function createShimLauncher(spawner: Spawner = startSpawner()): ShimLauncher {
  return {
    launch: (ctx, request) => launch(spawner, ctx, request),
    find,
  };
}

async function launch(
  spawner: Spawner,
  ctx: Ctx,
  request: {
    readonly id: string;
    readonly directory: string;
    readonly plan: Plan;
    readonly attach: readonly Attachment[];
    readonly files?: readonly FileStreams[];
    readonly hooks: ShimHooks;
  },
): Promise<Shim> {
  const [ours, theirs] = socketPair();
  const planFd = planFile(request.plan, [ours, theirs]);
  const connection = openConnection(new Socket({ fd: ours, readable: true, writable: true }), ours);
  let pid: number;
  try {
    for (const attachment of request.attach) handOver(connection, attachment);
    for (const file of request.files ?? []) handOverFile(connection, file);
    pid = await spawner({ controlFd: theirs, planFd, tag: request.directory });
  } catch (error) {
    connection.close();
    closeSync(planFd);
    throw error;
  } finally {
    closeSync(theirs);
  }
  void connection.closed.then(() => reapChild(pid));
  using _waits = ctx.waitsFor(() => `the kernel to ${stepOf(request.plan, planFd)}`);
  const { verdict, earlier } = await opening(ctx, connection, () => {
    process.kill(pid, 'SIGKILL');
    connection.close();
    return isExpired(ctx) ? hung(request.plan, planFd) : (ctx.signal.reason as Error);
  }).finally(() => closeSync(planFd));
  if (verdict.kind === 'started') {
    for (const { socket } of request.attach) socket.destroy();
    return liveShim(connection, { ...verdict, earlier }, request.hooks);
  }
  connection.close();
  throw failure(request.plan, verdict, request.id);
}

/** The plan in memory; without room for it the sockets are closed. */
function planFile(plan: Plan, sockets: readonly number[]): number {
  try {
    return memfd('wherry-plan', encodePlan(plan));
  } catch (error) {
    for (const fd of sockets) closeSync(fd);
    throw error;
  }
}

const isExpired = ({ signal }: Ctx): boolean =>
  signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';

/** Names the step that the interpreter is at (plan_header.step of native/c/plan.h). The plan's memory is open. */
function stepOf(plan: Plan, planFd: number): string {
  const step = Buffer.alloc(4);
  readSync(planFd, step, 0, step.byteLength, STEP_AT);
  return plan.steps[step.readUInt32LE(0)]?.label ?? 'begin';
}

const hung = (plan: Plan, planFd: number): Error =>
  new WherryError(
    'deadline-exceeded',
    `It took too long to ${stepOf(plan, planFd)}: does its storage answer?`,
  );

function failure(plan: Plan, verdict: Exclude<Verdict, { kind: 'started' }>, id: string): Error {
  if (verdict.kind !== 'failed') return internal(`The shim of ${id} ended before its process ran`);
  if (verdict.step === NO_STEP)
    return internal(`Cannot prepare the shim of ${id}: ${errnoName(verdict.errno)}`);
  return explainFailure(plan, verdict);
}

/** Waits for how the launch went; when ctx ends first, `giveUp` is called, and what it returns thrown. */
async function opening(ctx: Ctx, connection: Connection, giveUp: () => Error): Promise<Opening> {
  const earlier: ShimEvent[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<Verdict>();
  const onAbort = (): void => {
    reject(giveUp());
  };
  ctx.signal.addEventListener('abort', onAbort, { once: true });
  connection.listen({
    onEvent: (event) => {
      if (event.kind !== 'started' && event.kind !== 'failed' && event.kind !== 'exited') {
        earlier.push(event);
        return;
      }
      connection.listen(undefined); // what follows is for the next listener
      resolve(event);
    },
    onClose: () => resolve({ kind: 'closed' }),
  });
  try {
    return { verdict: await promise, earlier };
  } finally {
    ctx.signal.removeEventListener('abort', onAbort);
  }
}

const find: ShimLauncher['find'] = async (ctx, { directory, hooks }) => {
  const recorded = await readExitFile(directory);
  if (recorded !== undefined) return { kind: 'exited', exit: recorded };
  const connection = await connectShim(join(directory, 'sock'), ctx.signal);
  if (connection !== undefined) {
    const { verdict, earlier } = await opening(ctx, connection, () => {
      connection.close();
      return ctx.signal.reason as Error;
    });
    if (verdict.kind === 'started') {
      return { kind: 'live', shim: liveShim(connection, { ...verdict, earlier }, hooks) };
    }
    connection.close();
    if (verdict.kind === 'exited') return { kind: 'exited', exit: verdict.exit };
  }
  const late = await readExitFile(directory);
  return late === undefined ? undefined : { kind: 'exited', exit: late };
};
