import { createServer, type Http2Server } from 'node:http2';
import type { Socket } from 'node:net';
import type { ConnectRouter, Interceptor } from '@connectrpc/connect';
import { compressionGzip, connectNodeAdapter } from '@connectrpc/connect-node';
import { publishCollected } from './events/collected-events.ts';
import { createExchange } from './events/exchange.ts';
import { grpcError } from './errors.ts';
import { refuseUnknown } from './unknown.ts';
import type { ContainerdParts } from './parts.ts';
import { registerServices } from './services.ts';

/** containerd's API on connections that somebody else accepts. */
export interface ContainerdApi {
  /** Takes a connection over; nothing of it may have been read. */
  serve(socket: Socket): void;
  /** Ends every call. */
  close(): void;
}

/** What containerd takes in one message, and sends: contents come in pieces. */
const MAX_MESSAGE_BYTES = 16 << 20;
/** Of one connection, in the flow control of HTTP/2: with 64 KiB every piece of a blob waits for its answer. */
const WINDOW_BYTES = 4 << 20;
const MAX_SESSION_MEMORY_MB = 64;

export function createContainerdApi(given: Omit<ContainerdParts, 'events'>): ContainerdApi {
  const parts = { ...given, events: createExchange() };
  given.containerd.store.onCollected((collected) => publishCollected(parts.events.publish, collected));
  const server = serveHttp2(
    connectNodeAdapter({
      grpc: true,
      ...{ connect: false, grpcWeb: false },
      interceptors: [withOurErrors],
      acceptCompression: [compressionGzip],
      // On a local socket it only costs time.
      compressMinBytes: Number.MAX_SAFE_INTEGER,
      readMaxBytes: MAX_MESSAGE_BYTES,
      writeMaxBytes: MAX_MESSAGE_BYTES,
      routes: (router: ConnectRouter) => registerServices(router, parts),
      fallback: (request, response) => {
        // This server speaks nothing but HTTP/2.
        if ('stream' in response) refuseUnknown(request, response);
      },
    }),
  );
  const sockets = new Set<Socket>();
  return {
    serve: (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      server.emit('connection', socket);
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function serveHttp2(handler: ReturnType<typeof connectNodeAdapter>): Http2Server {
  const server = createServer(
    { settings: { initialWindowSize: WINDOW_BYTES }, maxSessionMemory: MAX_SESSION_MEMORY_MB },
    handler,
  );
  server.on('session', (session) => {
    session.setLocalWindowSize(WINDOW_BYTES);
    // A client that is gone in the middle of a call is no error of ours.
    session.on('error', () => session.destroy());
  });
  server.on('sessionError', () => {});
  return server;
}

/** Whatever a service throws, at once or in the middle of its stream. */
const withOurErrors: Interceptor = (next) => async (request) => {
  try {
    const response = await next(request);
    if (!response.stream) return response;
    return { ...response, message: mapErrors(response.message) };
  } catch (error) {
    throw grpcError(error);
  }
};

async function* mapErrors<T>(messages: AsyncIterable<T>): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (error) {
    throw grpcError(error);
  }
}
