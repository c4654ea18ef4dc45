import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { socketPair } from '../../../../native/sys/unix-socket.ts';

/**
 * A plain socket that stands for a stream whose bytes only this process understands (TLS, websocket frames): what is written to the
 * one is read from the other, ends and errors included. A shim can be given it. Such a session ends with the daemon, since
 * the daemon carries its bytes.
 */
export function bridge(client: Duplex): Socket {
  const [near, far] = socketPair();
  const inner = new Socket({ fd: near, allowHalfOpen: true });
  const socket = new Socket({ fd: far, allowHalfOpen: true, ...PAUSED });
  const destroy = (): void => {
    inner.destroy();
    client.destroy();
  };
  inner.on('error', destroy).once('close', () => client.end());
  client.on('error', destroy).once('close', () => inner.destroy());
  inner.pipe(client);
  client.pipe(inner);
  return socket;
}

/** Not in Node's types: the bytes stay in the kernel for whoever gets the descriptor. */
const PAUSED = { pauseOnCreate: true };
