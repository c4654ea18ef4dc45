import { createSocket } from 'node:dgram';
import { isIPv6, Socket } from 'node:net';
import { SyscallError } from '../../../native/ffi/syscall.ts';
import { inNetworkOf, openSocket } from '../../../native/sys/tcp-socket.ts';
import type { ExternalServer } from '../networks/outside.ts';
import type { Transport } from './contract.ts';
import { framed, readFrames } from './frames.ts';
import { RCODES, readReply, refuse, type Query } from './message.ts';

/** Docker's: servers in their order, each for so long, so many questions of a container at a time. */
const MAX_SERVERS = 3;
const TIMEOUT_MS = 4_000;
const MAX_PENDING = 1_024;
const DNS_PORT = 53;

/** Questions of one container that others are asked. */
export interface Forwarder {
  /** Never throws: when nobody answers, the reply says so. */
  forward(query: Query, servers: readonly ExternalServer[], transport: Transport): Promise<Buffer>;
  /** Gives up what is under way. */
  close(): void;
}

/** `pidfd` of the container, in whose network namespace most servers are asked. */
export function createForwarder(pidfd: number): Forwarder {
  const pending = new Set<() => void>();
  let closed = false;
  return {
    forward: async (query, servers, transport) => {
      for (const server of servers.slice(0, MAX_SERVERS)) {
        if (pending.size >= MAX_PENDING) return refuse(query, RCODES.refused);
        if (closed) break;
        const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
        const giveUp = (): void => resolve(undefined);
        pending.add(giveUp);
        const timer = setTimeout(giveUp, TIMEOUT_MS);
        using _asked = ask(query, { ...server, pidfd, transport, resolve });
        const bytes = await promise;
        clearTimeout(timer);
        pending.delete(giveUp);
        const rcode = bytes === undefined ? RCODES.failed : readReply(query, bytes)?.rcode;
        if (bytes !== undefined && rcode !== RCODES.failed && rcode !== RCODES.refused) return bytes;
      }
      return refuse(query, RCODES.failed);
    },
    close: () => {
      closed = true;
      for (const giveUp of pending) giveUp();
    },
  };
}

interface Way extends ExternalServer {
  readonly pidfd: number;
  readonly transport: Transport;
  /** Undefined: no answer, for whatever reason. */
  readonly resolve: (bytes: Buffer | undefined) => void;
}

/** Dispose of it when it is answered, or given up. */
function ask(query: Query, way: Way): Disposable {
  const { transport, address, pidfd, fromHost } = way;
  const open = (): number => openSocket(transport, isIPv6(address) ? 6 : 4);
  let fd: number;
  try {
    fd = fromHost ? open() : inNetworkOf(pidfd, open);
  } catch (error) {
    // The container has just ended, or there are no descriptors: the client asks again.
    if (!(error instanceof SyscallError)) throw error;
    way.resolve(undefined);
    return { [Symbol.dispose]: () => {} };
  }
  return transport === 'udp' ? askByUdp(query, fd, way) : askByTcp(query, fd, way);
}

/** Each question has a port of its own, which whoever would forge an answer has to guess. */
function askByUdp(query: Query, fd: number, { address, resolve }: Way): Disposable {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  let isOpen = true;
  socket.on('error', () => resolve(undefined));
  socket.on('message', (bytes) => {
    if (readReply(query, bytes) !== undefined) resolve(bytes);
  });
  socket.bind({ fd });
  // Without a callback, which would be given a failure instead of the listener.
  socket.on('connect', () => {
    if (isOpen) socket.send(query.bytes);
  });
  socket.connect(DNS_PORT, address);
  return {
    [Symbol.dispose]: () => {
      isOpen = false;
      socket.close();
    },
  };
}

function askByTcp(query: Query, fd: number, { address, resolve }: Way): Disposable {
  // It must not read before it is connected (Node's net.Socket, not in its types).
  const options = { fd, readable: true, writable: true, manualStart: true };
  const socket = new Socket(options);
  socket.on('error', () => resolve(undefined));
  socket.on('close', () => resolve(undefined));
  readFrames(socket, (bytes) => {
    if (readReply(query, bytes) !== undefined) resolve(bytes);
  });
  socket.connect({ host: address, port: DNS_PORT });
  socket.write(framed(query.bytes));
  return { [Symbol.dispose]: () => void socket.destroy() };
}
