import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { conflict, messageOf } from '../../../../common/errors.ts';
import type { Exec } from '../../../core/contract.ts';
import type { Door } from '../door.ts';
import { frame } from '../stream.ts';
import type { ApiVersion } from '../versions.ts';
import { toConsoleSize } from '../convert/exec.ts';
import { readExecStartBody } from '../wire/exec.ts';
import { emptyAnswer, streamHead } from './answer.ts';
import { finish, writeFully, type Hijacked } from './socket.ts';

/**
 * `POST /exec/{id}/start`. Throws what is wrong before the connection is a stream. The client says with `Tty` how it reads, and a
 * console size without it is none: docker does not look at what the exec was made with.
 */
export async function startExec(
  door: Door,
  { socket, head, body }: Hijacked,
  request: { readonly message: IncomingMessage; readonly name: string; readonly version: ApiVersion },
): Promise<void> {
  const { message, version } = request;
  const options = readExecStartBody(body === '' ? '{}' : body);
  const exec = door.engine.execs.get(request.name);
  const { Tty: tty = false } = options;
  const consoleSize = tty ? toConsoleSize(options.ConsoleSize, version) : undefined;
  checkNotStarted(exec);
  if (options.Detach === true) {
    await door.engine.execs.start(door.ctx, exec.id, { consoleSize, client: undefined });
    finish(socket, emptyAnswer(200));
    return;
  }
  await writeFully(socket, streamHead(message, { tty, version }));
  await door.engine.execs
    .start(door.ctx, exec.id, { consoleSize, client: { socket, head, framed: !tty } })
    .catch((error: unknown) => {
      door.ctx.log.info('Cannot start exec', { exec: exec.id, error });
      sayWhy(socket, error, tty);
    });
}

function checkNotStarted({ id, state }: Exec): void {
  switch (state.kind) {
    case 'created':
      return;
    case 'starting':
    case 'running':
      throw conflict(`exec command ${id} is already running`);
    case 'exited':
      throw conflict(`exec command ${id} has already run`);
  }
}

/** After the 101 the only way to tell why it failed is the stream itself: docker's client prints it. */
function sayWhy(socket: Socket, error: unknown, tty: boolean): void {
  if (socket.destroyed || !socket.writable) return;
  const line = Buffer.from(`${messageOf(error)}\r\n`);
  finish(socket, tty ? line : frame('stdout', line));
}
