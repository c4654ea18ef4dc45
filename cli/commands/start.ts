import { invalidArgument, messageOf } from '../../common/errors.ts';
import { type Call, defineCommand } from '../command.ts';
import { inspectContainer } from '../container/inspect.ts';
import { subscribeExit } from '../container/wait.ts';
import { bool, refused, text } from '../../common/flags/flag.ts';
import type { Daemon } from '../http/daemon.ts';
import { print, printError } from '../output.ts';
import { containerPath } from './each.ts';

const flags = {
  attach: bool('Attach to STDOUT and STDERR and forward signals', { short: 'a' }),
  checkpoint: refused('string'),
  'checkpoint-dir': refused('string'),
  'detach-keys': text('Keys that detach from the container'),
  interactive: bool("Attach to the container's STDIN", { short: 'i' }),
};

type StartCall = Call<typeof flags>;

export const start = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags,
  arity: [1],
  run: async (call) => {
    if (!call.flags.attach && !call.flags.interactive) return startAll(call.daemon, call.args);
    if (call.args.length > 1)
      throw invalidArgument('you cannot start and attach multiple containers at once');
    return startAttached(call);
  },
});

async function startAll(daemon: Daemon, names: readonly string[]): Promise<number> {
  const failed: string[] = [];
  for (const name of names) {
    try {
      await startOne(daemon, name);
      print(`${name}\n`);
    } catch (error) {
      printError(`${messageOf(error)}\n`);
      failed.push(name);
    }
  }
  if (failed.length === 0) return 0;
  throw invalidArgument(`Error: failed to start containers: ${failed.join(', ')}`);
}

const startOne = (daemon: Daemon, name: string) =>
  daemon.send({ method: 'POST', path: containerPath(name, '/start') });

async function startAttached({ daemon, flags, args }: StartCall): Promise<number> {
  const { streamContainer } = await import('../stream/hijacked.ts');
  const { Id, Config, HostConfig } = await inspectContainer(daemon, args[0] ?? '');
  const stdin = flags.interactive && Config.OpenStdin;
  if (!Config.Tty) await forward(daemon, Id);
  const [connection, exit] = await Promise.all([
    daemon.hijack({
      method: 'POST',
      path: containerPath(Id, '/attach'),
      query: {
        stream: 1,
        stdin: stdin ? 1 : undefined,
        stdout: 1,
        stderr: 1,
        detachKeys: flags['detach-keys'] || undefined,
      },
    }),
    subscribeExit(daemon, Id, HostConfig.AutoRemove ? 'removed' : 'next-exit'),
  ]);
  const cancel = Promise.withResolvers<void>();
  const options = { tty: Config.Tty, stdin, output: true, detachKeys: flags['detach-keys'] || undefined };
  const streams = streamContainer(connection, options, cancel.promise);
  try {
    await startOne(daemon, Id);
  } catch (error) {
    cancel.resolve();
    await streams.catch(() => undefined);
    throw error;
  }
  if (Config.Tty) await followTerminal(daemon, Id);
  return (await streams) === 'detached' ? 0 : exit.status;
}

async function forward(daemon: Daemon, id: string): Promise<void> {
  const { forwardSignals } = await import('../stream/signals.ts');
  forwardSignals(daemon, id);
}

async function followTerminal(daemon: Daemon, id: string): Promise<void> {
  const { followSize } = await import('../stream/resize.ts');
  followSize(daemon, containerPath(id, '/resize'));
}
