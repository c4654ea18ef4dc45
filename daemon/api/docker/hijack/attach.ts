import type { IncomingMessage } from 'node:http';
import type { Door } from '../door.ts';
import { flag, text, type Query } from '../query.ts';
import type { ApiVersion } from '../versions.ts';
import { streamHead } from './answer.ts';
import { letGo, writeFully, type Hijacked } from './socket.ts';

export interface AttachRequest {
  readonly message: IncomingMessage;
  readonly name: string;
  readonly query: Query;
  readonly version: ApiVersion;
}

/** `POST /containers/{name}/attach`. Throws what is wrong before the connection is a stream. */
export async function attach(door: Door, { socket, head }: Hijacked, request: AttachRequest): Promise<void> {
  const { message, query, version } = request;
  const { id, config } = door.engine.containers.checkAttach(request.name, text(query, 'detachKeys'));
  await writeFully(socket, streamHead(message, { tty: config.tty, version }));
  const client = {
    stdin: flag(query, 'stdin'),
    stdout: flag(query, 'stdout'),
    stderr: flag(query, 'stderr'),
    stream: flag(query, 'stream'),
    logs: flag(query, 'logs'),
    detachKeys: text(query, 'detachKeys'),
    socket,
    head,
  };
  try {
    await door.engine.containers.attach(door.ctx, id, client);
  } catch (error) {
    door.ctx.log.warn('Cannot attach', { container: id, error });
    socket.destroy();
  }
  if (socket.writableEnded && !socket.destroyed) letGo(socket);
}
