import { mkdir } from 'node:fs/promises';
import { constants } from 'node:os';
import type { Ctx } from '../../../common/ctx.ts';
import { conflict } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import type { Attachment, Shim, ShimHooks, ShimLauncher } from '../../../shim/contract.ts';
import { execFailure } from '../containers/start-failure.ts';
import { checkNotPaused, runOf } from '../containers/state.ts';
import type { Execs } from '../contract.ts';
import type { Core } from '../core.ts';
import { detachKeysFor } from '../detach-keys.ts';
import { watchProcess } from '../process-watch.ts';
import { execLaunchFailure } from '../runtimes/failure.ts';
import { announceExec } from './announce.ts';
import { beginExec, endExec } from './end.ts';
import { execPlan } from './plan.ts';
import type { ExecEntry } from './table.ts';

export type ExecStartOptions = Parameters<Execs['start']>[2];

/** Execs.start: resolves once the program runs; its streams are the shim's and the client's affair from then on. */
export async function startExec(
  core: Core,
  ctx: Ctx,
  { id, options }: { readonly id: string; readonly options: ExecStartOptions },
): Promise<void> {
  const exec = core.execTable.find(id);
  if (!core.execTable.advance(exec, 'created', { kind: 'starting' })) {
    const { kind } = exec.view.state;
    throw conflict(`exec command ${id} ${kind === 'exited' ? 'has already run' : 'is already running'}`);
  }
  try {
    await runExec(core, ctx, { exec, options });
  } catch (error) {
    const failure = execFailure(error);
    await endExec(core, exec, { from: 'starting', exitCode: failure.exitCode, pid: 0 });
    throw failure.error;
  }
}

interface Started {
  readonly exec: ExecEntry;
  readonly options: ExecStartOptions;
}

async function runExec(core: Core, ctx: Ctx, { exec, options }: Started): Promise<void> {
  const { id, view } = exec;
  const { request } = view;
  const entry = core.table.find(view.containerId);
  const run = runOf(entry);
  checkNotPaused(entry, 'exec');
  announceExec(core, exec, { action: 'exec_start', withCommand: true });
  await failpoint('exec.start.row');
  await mkdir(core.paths.shim(id), { mode: 0o700 });
  const plan = await execPlan(core, {
    id,
    entry,
    run,
    request,
    consoleSize: options.consoleSize ?? request.consoleSize,
    hasInput: request.attachStdin && options.client !== undefined,
  });
  const { hooks, ended } = watchProcess({ onDetach: onDetach(core, exec), onLogError: () => {} });
  const shim = await launchExec(core, ctx, { id, plan, hooks, attach: attachmentsOf(exec, options) });
  try {
    await failpoint('exec.start.started');
  } catch (error) {
    await shim.signal(ctx.detached(), constants.signals.SIGKILL);
    throw error;
  }
  beginExec(core, exec, { shim, ended });
}

async function launchExec(
  core: Core,
  ctx: Ctx,
  launch: Omit<Parameters<ShimLauncher['launch']>[1], 'directory'>,
): Promise<Shim> {
  try {
    const directory = core.paths.shim(launch.id);
    return await core.launcher.launch(ctx.within(core.config.launchTimeoutMs), { ...launch, directory });
  } catch (error) {
    throw await execLaunchFailure(error, core.paths.shim(launch.id));
  }
}

function attachmentsOf({ view }: ExecEntry, { client }: ExecStartOptions): readonly Attachment[] {
  if (client === undefined) return [];
  const { attachStdin, attachStdout, attachStderr, tty, detachKeys } = view.request;
  const { framed, ...connection } = client;
  const options = {
    stdin: attachStdin,
    stdout: attachStdout,
    stderr: attachStderr,
    framed,
    detachKeys: detachKeysFor(tty, detachKeys),
  };
  return [{ ...connection, options }];
}

const onDetach =
  (core: Core, exec: ExecEntry): ShimHooks['onDetach'] =>
  (_client, reason) => {
    if (reason === 'keys') announceExec(core, exec, { action: 'exec_detach' });
  };
