import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { parse as parseQuery } from 'node:querystring';
import { hijackOf } from '../paths.ts';
import type { Door } from '../door.ts';
import { acceptVersion, versionOf } from '../versions.ts';
import { refuse } from './answer.ts';
import { attach } from './attach.ts';
import { startExec } from './exec-start.ts';
import { takeOver } from './socket.ts';
import { attachWebsocket } from './websocket.ts';

/** Serves the requests that turn their connection into a raw stream: listener of the HTTP server's `upgrade` event. */
export function hijackDoor(door: Door): (message: IncomingMessage, stream: Duplex, head: Buffer) => void {
  return (message, stream, head) => {
    const { socket } = message;
    stream.on('error', (error) => door.ctx.log.debug('A client left', { error }));
    void serve(door, message, { stream, head }).catch((error: unknown) => {
      if (!socket.destroyed) refuse(socket, error);
    });
  };
}

async function serve(
  door: Door,
  message: IncomingMessage,
  { stream, head }: { readonly stream: Duplex; readonly head: Buffer },
): Promise<void> {
  const url = message.url ?? '';
  const hijack = hijackOf(message.method, url);
  const query = parseQuery(url.split('?', 2)[1] ?? '');
  if (hijack?.kind === 'attach-ws') {
    const version = acceptVersion(versionOf(url));
    return attachWebsocket(door, { stream, head }, { message, name: hijack.name, query, version });
  }
  const connection = await takeOver(message, stream, head);
  try {
    const version = acceptVersion(versionOf(url));
    switch (hijack?.kind) {
      case 'attach':
        return await attach(door, connection, { message, name: hijack.name, query, version });
      case 'exec-start':
        return await startExec(door, connection, { message, name: hijack.name, version });
      case undefined:
        connection.socket.destroy();
    }
  } catch (error) {
    if (!connection.socket.destroyed) refuse(connection.socket, error);
  }
}
