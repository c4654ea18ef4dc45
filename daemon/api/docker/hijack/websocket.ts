import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer, type WebSocket } from 'ws';
import { messageOf } from '../../../../common/errors.ts';
import type { Door } from '../door.ts';
import { flag, text } from '../query.ts';
import { differs } from '../versions.ts';
import type { AttachRequest } from './attach.ts';
import { bridge } from './bridge.ts';
import { letGo } from './socket.ts';

/** Of one message of a client, which is kept whole until it has come. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

const server = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE_BYTES,
});

/**
 * `GET /containers/{name}/attach/ws`: the streams as messages, output without docker's frames. The daemon carries the bytes, so such a
 * session ends with it. Throws what is wrong before the connection is a websocket.
 */
export async function attachWebsocket(
  door: Door,
  { stream, head }: { readonly stream: Duplex; readonly head: Buffer },
  request: AttachRequest,
): Promise<void> {
  const { message, query, version } = request;
  const { containers } = door.engine;
  const detachKeys = text(query, 'detachKeys');
  const { id } = containers.checkAttach(request.name, detachKeys);
  const websocket = await upgraded(message, stream, head);
  if (!differs.sendsBinaryMessages(version)) sendText(websocket);
  const socket = bridge(createWebSocketStream(websocket));
  // Before 1.42 all three were attached, whatever was asked for.
  const wants = (name: string): boolean => flag(query, name) || !differs.tellsMultiplexed(version);
  try {
    await containers.attach(door.ctx, id, {
      stdin: wants('stdin'),
      stdout: wants('stdout'),
      stderr: wants('stderr'),
      stream: flag(query, 'stream'),
      logs: flag(query, 'logs'),
      detachKeys,
      plain: true,
      socket,
      head: Buffer.alloc(0),
    });
  } catch (error) {
    door.ctx.log.warn('Cannot attach', { container: id, error });
    websocket.close(1011, messageOf(error).slice(0, 100));
    socket.destroy();
  }
  if (socket.writableEnded && !socket.destroyed) letGo(socket);
}

const upgraded = (message: IncomingMessage, stream: Duplex, head: Buffer): Promise<WebSocket> =>
  new Promise((resolve) => {
    server.handleUpgrade(message, stream, head, resolve);
  });

/** Clients from before 1.28 are sent text. */
function sendText(websocket: WebSocket): void {
  const send = websocket.send.bind(websocket);
  websocket.send = ((data: Buffer, done?: (error?: Error) => void) =>
    send(data, { binary: false }, done)) as typeof websocket.send;
}
