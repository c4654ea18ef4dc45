import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { parse as parseQuery } from 'node:querystring';
import { hijackOf } from '../paths.ts';
import type { Door } from '../door.ts';
import { acceptVersion, versionOf } from '../versions.ts';
import { refuse } from './answer.ts';
import { attach } from './attach.ts';
import { startExec } from './exec-start.ts';

/** Serves the requests that turn their connection into a raw stream: listener of the HTTP server's `upgrade` event. */
export function hijackDoor(door: Door): (message: IncomingMessage, socket: Socket, head: Buffer) => void {
  return (message, socket, head) => {
    socket.on('error', (error) => door.ctx.log.debug('A client left', { error }));
    void serve(door, message, { socket, head }).catch((error: unknown) => {
      if (!socket.destroyed) refuse(socket, error);
    });
  };
}

async function serve(
  door: Door,
  message: IncomingMessage,
  connection: { socket: Socket; head: Buffer },
): Promise<void> {
  const url = message.url ?? '';
  const version = acceptVersion(versionOf(url));
  const hijack = hijackOf(message.method, url);
  switch (hijack?.kind) {
    case 'attach': {
      const query = parseQuery(url.split('?', 2)[1] ?? '');
      return attach(door, connection, { message, name: hijack.name, query, version });
    }
    case 'exec-start':
      return startExec(door, connection, { message, name: hijack.name, version });
    case undefined:
      connection.socket.destroy();
  }
}
