import { mkdir } from 'node:fs/promises';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import type { Ctx } from '../../../common/ctx.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { codeOf, internal } from '../../../common/errors.ts';
import { newId } from '../../../common/ids.ts';
import { socketPair } from '../../../native/sys/unix-socket.ts';
import type { Shim } from '../../../shim/contract.ts';
import { announce } from '../containers/announce.ts';
import { isEntryFrozen } from '../containers/freeze.ts';
import { execFailure } from '../containers/start-failure.ts';
import type { Entry, Run } from '../containers/table.ts';
import type { Core } from '../core.ts';
import { execPlan } from '../execs/plan.ts';
import { watchProcess, type Ending } from '../process-watch.ts';
import { removeDirectory } from '../remove-directory.ts';
import { execLaunchFailure } from '../runtimes/failure.ts';
import { within } from '../within.ts';
import type { Check } from './contract.ts';
import { createOutput, type Output } from './output.ts';
import { lateOutcome, type Outcome, type Probe } from './probe-net.ts';

/** Docker's patience with the start of a probe, which does not count to its time-out. */
const START_TIMEOUT_MS = 30_000;
/** How long a killed probe may take to be gone; one that hangs in the kernel takes longer, and the next waits for it. */
const KILL_TIMEOUT_MS = 10_000;
/** After the end: a descendant may keep the output open, and the shim waits for it a little. */
const OUTPUT_TIMEOUT_MS = 3_000;
const LOST_EXIT_CODE = 137;

/** Shims of probes are told by the names of their directories: nobody but the probe itself knows them. */
export const PROBE_PREFIX = 'probe-';

/**
 * A command in a container, as its own user, with its environment. It has no row and no place among the execs: a daemon that dies
 * leaves a shim that the next one ends (recover/collect.ts).
 */
export function commandProbe(
  core: Core,
  { entry, run }: { readonly entry: Entry; readonly run: Run },
  check: Check,
): Probe {
  const { target, timeoutMs } = check;
  const words = target.kind === 'command' ? target.words : [];
  let last: Promise<unknown> | undefined;
  return async (signal) => {
    if (words.length === 0) throw internal(`healthcheck for container ${entry.id} has no command`);
    // Nothing that is started in a frozen cgroup would ever run: it is being committed.
    if (await isEntryFrozen(core, entry)) return undefined;
    if (last !== undefined && !(await within(timeoutMs, last))) return lateOutcome(timeoutMs, '');
    const started = await startUnlessFrozen(core, { entry, run }, words);
    if (started === undefined) return undefined;
    last = started.cleared;
    const isInTime = await withinUnless(timeoutMs, started.ended, signal);
    if (isInTime) return finished(started);
    if (!signal.aborted && (await isEntryFrozen(core, entry))) return stillFrozen(core, started);
    await killProbe(core, started);
    return lateOutcome(timeoutMs, started.output.text());
  };
}

interface Started {
  readonly shim: Shim;
  readonly output: Output;
  readonly ended: Promise<Ending>;
  /** Resolves when nothing is left of it. */
  readonly cleared: Promise<void>;
  readonly closed: Promise<void>;
}

/** Undefined when it did not come to run because the container was frozen meanwhile. */
async function startUnlessFrozen(
  core: Core,
  of: { readonly entry: Entry; readonly run: Run },
  words: readonly string[],
): Promise<Started | undefined> {
  try {
    return await startProbe(core, of, words);
  } catch (error) {
    if (await isEntryFrozen(core, of.entry)) return undefined;
    throw error;
  }
}

async function startProbe(
  core: Core,
  { entry, run }: { readonly entry: Entry; readonly run: Run },
  words: readonly string[],
): Promise<Started> {
  const execID = newId();
  const id = `${PROBE_PREFIX}${execID.slice(0, 32)}`;
  const action = `${words[0] ?? ''} ${words.slice(1).join(' ')}`;
  const tell = (name: string, attributes: Readonly<Record<string, string>> = {}): void =>
    announce(core, entry, { action: name, attributes: { ...attributes, execID } });
  tell(`exec_create: ${action}`);
  tell(`exec_start: ${action}`);
  const directory = core.paths.shim(id);
  const output = createOutput();
  try {
    const { shim, ended, closed } = await launch(core, { id, entry, run, words, output });
    const cleared = ended.then((ending) =>
      core.background.run('Cannot clear away after a healthcheck', { container: entry.id }, async () => {
        const code = ending.kind === 'exit' ? ending.exit.code : LOST_EXIT_CODE;
        tell('exec_die', { exitCode: String(code) });
        await removeDirectory(directory);
      }),
    );
    return { shim, output, ended, cleared, closed };
  } catch (error) {
    await removeDirectory(directory);
    // What never ran does not die: docker tells no more of it.
    throw execFailure(error).error;
  }
}

interface Launch {
  readonly id: string;
  readonly entry: Entry;
  readonly run: Run;
  readonly words: readonly string[];
  readonly output: Output;
}

async function launch(
  core: Core,
  { id, entry, run, words, output }: Launch,
): Promise<Pick<Started, 'shim' | 'ended' | 'closed'>> {
  const directory = core.paths.shim(id);
  await mkdir(directory, { mode: 0o700 });
  const plan = await execPlan(core, {
    id,
    entry,
    run,
    request: requestOf(entry, words),
    consoleSize: undefined,
    hasInput: false,
  });
  const { hooks, ended } = watchProcess({ onDetach: () => {}, onLogError: () => {} });
  const { theirs, closed } = listen(output);
  const options = { stdin: false, stdout: true, stderr: true, framed: false, detachKeys: new Uint8Array() };
  const attach = [{ socket: theirs, head: new Uint8Array(), options }];
  try {
    const ctx = core.ctx.detached(START_TIMEOUT_MS);
    const shim = await core.launcher.launch(ctx, { id, directory, plan, attach, hooks });
    await reached(ctx, { shim, ended });
    return { shim, ended, closed };
  } catch (error) {
    theirs.destroy();
    if (codeOf(error) === 'deadline-exceeded') {
      throw internal(`timed out starting health check for container ${entry.id}`, { cause: error });
    }
    throw await execLaunchFailure(error, directory);
  }
}

async function reached(ctx: Ctx, { shim, ended }: Pick<Started, 'shim' | 'ended'>): Promise<void> {
  try {
    await failpoint('health.probe.started');
  } catch (error) {
    await shim.signal(ctx, -constants.signals.SIGKILL);
    await ended;
    throw error;
  }
}

/** Where the shim writes to. Who has said enough is not listened to: what follows is the shim's to throw away. */
function listen(output: Output): { readonly theirs: Socket; readonly closed: Promise<void> } {
  const [ours, theirs] = socketPair();
  const socket = new Socket({ fd: ours, readable: true, writable: true });
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on('data', (data: Buffer) => {
    if (!output.add(data)) socket.destroy();
  });
  socket.on('error', () => {});
  socket.once('end', () => socket.destroy());
  socket.once('close', () => resolve());
  return { theirs: new Socket({ fd: theirs, readable: false, writable: true }), closed: promise };
}

const requestOf = (entry: Entry, cmd: readonly string[]) => ({
  container: entry.id,
  cmd,
  env: [],
  user: '',
  workingDir: '',
  tty: false,
  privileged: false,
  attachStdin: false,
  attachStdout: true,
  attachStderr: true,
  detachKeys: undefined,
  consoleSize: undefined,
});

async function finished({ ended, closed, output }: Started): Promise<Outcome> {
  const ending = await ended;
  await within(OUTPUT_TIMEOUT_MS, closed);
  return { exitCode: ending.kind === 'exit' ? ending.exit.code : LOST_EXIT_CODE, output: output.text() };
}

/** With all that it started: nothing else would ever end those. */
async function killProbe(core: Core, { shim, cleared }: Started): Promise<void> {
  try {
    await shim.signal(core.ctx.detached(KILL_TIMEOUT_MS), -constants.signals.SIGKILL);
  } catch (error) {
    if (codeOf(error) !== 'not-found')
      core.ctx.log.warn('Cannot kill a healthcheck', { pid: shim.pid, error });
  }
  await within(KILL_TIMEOUT_MS, cleared);
}

/** It could not answer: that says nothing of the container. It dies when it is thawed. */
async function stillFrozen(core: Core, { shim }: Started): Promise<undefined> {
  await shim.signal(core.ctx.detached(KILL_TIMEOUT_MS), -constants.signals.SIGKILL).catch(() => {});
}

async function withinUnless(
  timeoutMs: number,
  done: Promise<unknown>,
  signal: AbortSignal,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<false>();
  const onAbort = (): void => resolve(false);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(onAbort, Math.ceil(timeoutMs));
  try {
    return await Promise.race([done.then(() => true as const), promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
