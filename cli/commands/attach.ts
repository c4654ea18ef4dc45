import { invalidArgument } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { type Inspected, inspectContainer } from '../container/inspect.ts';
import { subscribeExit } from '../container/wait.ts';
import { bool, text } from '../../common/flags/flag.ts';
import type { Daemon } from '../http/daemon.ts';
import { checkTerminal } from '../stream/check-terminal.ts';
import { streamContainer } from '../stream/hijacked.ts';
import { followSize } from '../stream/resize.ts';
import { forwardSignals } from '../stream/signals.ts';
import { terminalSize } from '../stream/terminal.ts';
import { containerPath } from './each.ts';

export const attach = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  flags: {
    'detach-keys': text('Keys that detach from the container'),
    'no-stdin': bool('Do not attach STDIN'),
    'sig-proxy': bool('Forward signals to the container', { initial: true, shown: 'true' }),
  },
  arity: [1, 1],
  run: async ({ daemon, flags, args }) => {
    const { Id, Config } = await inspectRunning(daemon, args[0] ?? '');
    checkTerminal(!flags['no-stdin'], Config.Tty);
    const stdin = !flags['no-stdin'] && Config.OpenStdin;
    if (flags['sig-proxy'] && !Config.Tty) forwardSignals(daemon, Id);
    const detachKeys = flags['detach-keys'] || undefined;
    const [exit, connection] = await Promise.all([
      subscribeExit(daemon, Id, 'not-running'),
      daemon.hijack({
        method: 'POST',
        path: containerPath(Id, '/attach'),
        query: { stream: 1, stdin: stdin ? 1 : undefined, stdout: 1, stderr: 1, detachKeys },
      }),
    ]);
    // It may have ended between the first look and the attach, which would then wait for the next start.
    await inspectRunning(daemon, Id);
    if (Config.Tty) await redraw(daemon, containerPath(Id, '/resize'));
    const how = await streamContainer(connection, { tty: Config.Tty, stdin, output: true, detachKeys });
    if (how === 'detached') throw invalidArgument('read escape sequence');
    return exit.status;
  },
});

async function inspectRunning(daemon: Daemon, reference: string): Promise<Inspected> {
  const container = await inspectContainer(daemon, reference);
  if (!container.State.Running)
    throw invalidArgument('You cannot attach to a stopped container, start it first');
  if (container.State.Paused)
    throw invalidArgument('You cannot attach to a paused container, unpause it first');
  if (container.State.Restarting) {
    throw invalidArgument('You cannot attach to a restarting container, wait until it is running');
  }
  return container;
}

/** A program draws again when its terminal changes: another size first, then the true one, shows the prompt. */
async function redraw(daemon: Daemon, path: string): Promise<void> {
  const { rows, columns } = terminalSize();
  if (rows === 0 && columns === 0) return;
  await daemon.send({ method: 'POST', path, query: { h: rows + 1, w: columns + 1 } }).catch(() => undefined);
  followSize(daemon, path);
}
