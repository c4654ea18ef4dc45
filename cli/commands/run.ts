import { type Call, defineCommand } from '../command.ts';
import type { CreateBody } from '../container/config.ts';
import { createContainer, readCreate } from '../container/create.ts';
import { planFlags } from '../container/plan-flags.ts';
import { startFailureStatus, withHelp } from '../container/exit-status.ts';
import { createFlags } from '../container/flags.ts';
import { subscribeExit } from '../container/wait.ts';
import { bool, text } from '../../common/flags/flag.ts';
import type { Daemon } from '../http/daemon.ts';
import { print, printError } from '../output.ts';
import { invalidArgument } from '../../common/errors.ts';

const flags = {
  ...createFlags,
  ...planFlags,
  detach: bool('Run in the background and print the container ID', { short: 'd' }),
  'detach-keys': text('Keys that detach from the container'),
  'sig-proxy': bool('Forward signals to the container', { initial: true, shown: 'true' }),
};

type RunCall = Call<typeof flags>;

/** What could not be created or started is told in docker's form, with an exit code of its own (125, 126, 127). */
export const run = defineCommand({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  flags,
  arity: [1],
  stopsAtArgument: true,
  run: async (call) => {
    const body = await readBody(call);
    if (typeof body === 'number') return body;
    if (call.flags['dry-run']) return planOf(call, body);
    if (call.flags.detach) {
      if (call.flags.attach.length > 0) {
        throw invalidArgument('conflicting options: cannot specify both --attach and --detach');
      }
      return runDetached(call, detachedBody(body));
    }
    const { checkTerminal } = await import('../stream/check-terminal.ts');
    checkTerminal(body.AttachStdin, body.Tty);
    return runAttached(call, body);
  },
});

async function readBody(call: RunCall): Promise<CreateBody | number> {
  try {
    return await readCreate(call);
  } catch (error) {
    printError(withHelp(error, call.path));
    return 125;
  }
}

/** Refused as a run would be. */
async function planOf({ daemon, flags, path }: RunCall, body: CreateBody): Promise<number> {
  try {
    const { dryRun } = await import('../container/dry-run.ts');
    return await dryRun(daemon, flags, { body: flags.detach ? detachedBody(body) : body, starts: true });
  } catch (error) {
    printError(withHelp(error, path));
    return startFailureStatus(error);
  }
}

const detachedBody = (body: CreateBody): CreateBody => ({
  ...body,
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  StdinOnce: false,
});

async function runDetached({ daemon, flags, path }: RunCall, body: CreateBody): Promise<number> {
  try {
    const id = await createContainer(daemon, flags, body);
    print(`${id}\n`);
    await start(daemon, id);
    return 0;
  } catch (error) {
    printError(withHelp(error, path));
    return startFailureStatus(error);
  }
}

async function runAttached(call: RunCall, body: CreateBody): Promise<number> {
  const { daemon, flags, path } = call;
  let id: string;
  try {
    id = await createContainer(daemon, flags, await withConsoleSize(body));
  } catch (error) {
    printError(withHelp(error, path));
    return startFailureStatus(error);
  }
  return followContainer(call, id, body);
}

/** Everybody who listens does so before the start: no output and no exit is missed. */
async function followContainer(
  { daemon, flags, path }: RunCall,
  id: string,
  body: CreateBody,
): Promise<number> {
  const { streamContainer } = await import('../stream/hijacked.ts');
  if (flags['sig-proxy']) {
    const { forwardSignals } = await import('../stream/signals.ts');
    forwardSignals(daemon, id);
  }
  const output = body.AttachStdout || body.AttachStderr;
  const [connection, exit] = await Promise.all([
    daemon.hijack({
      method: 'POST',
      path: `/containers/${id}/attach`,
      query: attachQuery(body, flags['detach-keys']),
    }),
    subscribeExit(daemon, id, flags.rm ? 'removed' : 'next-exit'),
  ]);
  const options = {
    tty: body.Tty,
    stdin: body.AttachStdin,
    output,
    detachKeys: flags['detach-keys'] || undefined,
  };
  const cancel = Promise.withResolvers<void>();
  const streams = streamContainer(connection, options, cancel.promise);
  // A start that fails ends the streams first, so that the message is printed on a restored terminal.
  const started = start(daemon, id).catch(async (error: unknown) => {
    cancel.resolve();
    await streams.catch(() => undefined);
    if (flags.rm) await exit.status;
    printError(withHelp(error, path));
    return startFailureStatus(error);
  });
  const failure = await started;
  if (failure !== undefined) return failure;
  if (body.Tty) await followTerminal(daemon, id);
  if (!output) void exit.status.then(() => cancel.resolve());
  return (await streams) === 'detached' ? 0 : exit.status;
}

async function start(daemon: Daemon, id: string): Promise<undefined> {
  await daemon.send({ method: 'POST', path: `/containers/${id}/start` });
}

async function followTerminal(daemon: Daemon, id: string): Promise<void> {
  const { followSize } = await import('../stream/resize.ts');
  followSize(daemon, `/containers/${id}/resize`);
}

/** With a terminal the container is born with its size. */
async function withConsoleSize(body: CreateBody): Promise<CreateBody> {
  if (!body.Tty) return body;
  const { terminalSize } = await import('../stream/terminal.ts');
  const { rows, columns } = terminalSize();
  return { ...body, HostConfig: { ...body.HostConfig, ConsoleSize: [rows, columns] } };
}

const attachQuery = (body: CreateBody, detachKeys: string) => ({
  stream: 1,
  stdin: body.AttachStdin ? 1 : undefined,
  stdout: body.AttachStdout ? 1 : undefined,
  stderr: body.AttachStderr ? 1 : undefined,
  detachKeys: detachKeys || undefined,
});
