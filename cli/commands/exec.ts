import { invalidArgument } from '../../common/errors.ts';
import { type Call, defineCommand } from '../command.ts';
import { checkVariable, readVariables } from '../container/environment.ts';
import { bool, list, text } from '../../common/flags/flag.ts';
import { containerPath } from './each.ts';

const flags = {
  detach: bool('Run the command in the background', { short: 'd' }),
  'detach-keys': text('Keys that detach from the command'),
  env: list('Set environment variables', { short: 'e', check: checkVariable }),
  'env-file': list('Read environment variables from a file'),
  interactive: bool('Keep STDIN open even if not attached', { short: 'i' }),
  privileged: bool('Give the command all privileges of the host'),
  tty: bool('Allocate a pseudo-TTY', { short: 't' }),
  user: text('User name or ID (format: "<name|uid>[:<group|gid>]")', { short: 'u' }),
  workdir: text('Working directory inside the container', { short: 'w' }),
};

type ExecCall = Call<typeof flags>;

export const exec = defineCommand({
  usage: '[OPTIONS] CONTAINER COMMAND [ARG...]',
  flags,
  arity: [2],
  stopsAtArgument: true,
  run: async (call) => {
    const { daemon, flags, args } = call;
    const env = readVariables(flags['env-file'], flags.env);
    if (!flags.detach && flags.tty) await checkInput(call);
    const consoleSize = flags.tty ? await currentSize() : undefined;
    const answer = await daemon.send({
      method: 'POST',
      path: containerPath(args[0] ?? '', '/exec'),
      json: execBody(call, env, consoleSize),
    });
    const { Id } = JSON.parse(await answer.text()) as { Id: string };
    if (!flags.detach) return execAttached(call, Id, consoleSize);
    await daemon.send({ method: 'POST', path: `/exec/${Id}/start`, json: { Detach: true, Tty: flags.tty } });
    return 0;
  },
});

type Size = readonly [rows: number, columns: number];

/** An unknown container is the user's first problem, the terminal the second. */
async function checkInput({ daemon, flags, args }: ExecCall): Promise<void> {
  const [{ inspectContainer }, { checkTerminal }] = await Promise.all([
    import('../container/inspect.ts'),
    import('../stream/check-terminal.ts'),
  ]);
  await inspectContainer(daemon, args[0] ?? '');
  checkTerminal(flags.interactive, true);
}

async function currentSize(): Promise<Size> {
  const { terminalSize } = await import('../stream/terminal.ts');
  const { rows, columns } = terminalSize();
  return [rows, columns];
}

function execBody({ flags, args }: ExecCall, env: readonly string[], consoleSize: Size | undefined): object {
  return {
    User: flags.user,
    Privileged: flags.privileged,
    Tty: flags.tty,
    ConsoleSize: consoleSize,
    AttachStdin: flags.interactive && !flags.detach,
    AttachStdout: !flags.detach,
    AttachStderr: !flags.detach,
    Detach: flags.detach,
    DetachKeys: flags['detach-keys'],
    Env: env,
    WorkingDir: flags.workdir,
    Cmd: args.slice(1),
  };
}

async function execAttached(
  { daemon, flags }: ExecCall,
  id: string,
  consoleSize: Size | undefined,
): Promise<number> {
  const { streamContainer } = await import('../stream/hijacked.ts');
  const connection = await daemon.hijack({
    method: 'POST',
    path: `/exec/${id}/start`,
    json: { Detach: false, Tty: flags.tty, ConsoleSize: consoleSize },
  });
  if (flags.tty) {
    const { followSize } = await import('../stream/resize.ts');
    followSize(daemon, `/exec/${id}/resize`);
  }
  const how = await streamContainer(connection, {
    tty: flags.tty,
    stdin: flags.interactive,
    output: true,
    detachKeys: flags['detach-keys'] || undefined,
  });
  if (how === 'detached') throw invalidArgument('read escape sequence');
  const answer = await daemon.send({ method: 'GET', path: `/exec/${id}/json` });
  return (JSON.parse(await answer.text()) as { ExitCode: number | null }).ExitCode ?? 0;
}
