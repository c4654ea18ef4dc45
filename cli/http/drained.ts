import type { Socket } from 'node:net';

/** Resolves when the socket takes more again, or is closed. Leaves no listener behind. */
export function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}
