import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Ctx } from '../../../common/ctx.ts';
import { unavailable } from '../../../common/errors.ts';
import { isErrno } from '../../../native/sys/files.ts';
import { sendDatagram } from '../../../native/sys/notify.ts';
import type { Channel } from './contract.ts';

/** Datagrams to a unix socket (man 7 unix). Its receiver may be slow: what it can't take waits. */
export function unixDatagrams(path: string): Channel {
  return {
    send: async (messages) => {
      for (const [index, message] of messages.entries()) {
        try {
          sendDatagram(path, message);
        } catch (error) {
          if (index > 0 || isErrno(error, 'EAGAIN', 'ENOBUFS')) return index;
          throw error;
        }
      }
      return messages.length;
    },
    close: () => {},
  };
}

/** Datagrams over UDP; nobody hears of one that is lost. */
export async function udpDatagrams({ host, port }: { host: string; port: number }): Promise<Channel> {
  const { address, family } = await lookup(host);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  socket.on('error', () => {});
  socket.unref();
  return {
    send: async (messages) => {
      for (const [index, message] of messages.entries()) {
        const failure = await new Promise<Error | null>((resolve) =>
          socket.send(message, port, address, resolve),
        );
        if (failure !== null && index > 0) return index;
        if (failure !== null) throw failure;
      }
      return messages.length;
    },
    close: () => socket.close(),
  };
}

/** A stream over a socket that is being connected. A receiver that closes its end gets nothing more. */
export async function streamTo(
  ctx: Ctx,
  socket: Socket,
  ready: 'connect' | 'secureConnect',
): Promise<Channel> {
  let failure: Error | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    socket.destroy();
  };
  socket.on('error', fail);
  socket.on('end', () => fail(unavailable('the receiver closed the connection')));
  socket.on('close', () => fail(unavailable('the connection is closed')));
  socket.resume();
  try {
    await once(socket, ready, { signal: ctx.signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return {
    send: async (messages) => {
      if (failure !== undefined) throw failure;
      await new Promise<void>((resolve, reject) => {
        const closed = (): void => reject(failure ?? unavailable('the connection is closed'));
        socket.once('close', closed);
        socket.write(Buffer.concat(messages), (error) => {
          socket.off('close', closed);
          if (error) reject(error);
          else resolve();
        });
      });
      return messages.length;
    },
    close: () => socket.destroy(),
  };
}

export const connectUnix = (path: string): Socket => connect({ path });
