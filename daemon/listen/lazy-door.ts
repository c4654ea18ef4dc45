import { createServer, type Server, type Socket } from 'node:net';
import { messageOf } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';

export interface LazyDoor extends Disposable {
  readonly server: Server;
}

/** Who takes over the connections. */
export interface Taker {
  serve(socket: Socket): void;
  close(): void;
}

/** A server whose work is loaded when the first client comes. */
export function createLazyDoor(log: Log, load: () => Promise<Taker>): LazyDoor {
  let loaded: Promise<Taker> | undefined;
  // Paused: not a byte is read before somebody takes it over.
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    loaded ??= load();
    loaded.then(
      (taker) => {
        taker.serve(socket);
        socket.resume();
      },
      (error: unknown) => {
        log.error('Cannot load what serves a connection', { error: messageOf(error) });
        loaded = undefined;
        socket.destroy();
      },
    );
  });
  return {
    server,
    [Symbol.dispose]: () => {
      server.close();
      void loaded?.then((taker) => taker.close());
    },
  };
}
