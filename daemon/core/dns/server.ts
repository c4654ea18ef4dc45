import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { closeDescriptor } from '../../../native/sys/socket.ts';
import { duplicate } from '../../../native/sys/unix-socket.ts';
import { answerHere, isWord } from './answer.ts';
import type { Names, Transport } from './contract.ts';
import { createForwarder, type Forwarder } from './forward.ts';
import { framed, readFrames } from './frames.ts';
import { answer, readQuery } from './message.ts';

/**
 * What one container may ask in a slice of time. One that asks more is not read from until the slice is over: the kernel drops what
 * its socket can't hold, and nobody else waits longer.
 */
const SLICE_MS = 100;
const QUESTIONS_A_SLICE = 500;
const CONNECTIONS = 64;
const IDLE_MS = 10_000;

/** The DNS server of one container. */
export interface Server53 {
  close(): void;
}

export interface ServerOptions {
  /** Its sockets, which pass to the server. */
  readonly udp: number;
  readonly tcp: number;
  /** Of its first process; passes to the server. */
  readonly pidfd: number;
  readonly names: Names;
  readonly onError: (error: unknown) => void;
}

interface State extends ServerOptions {
  readonly forwarder: Forwarder;
  /** Undefined while the container has asked too much. */
  reading: UdpSocket | undefined;
  /** What was answered meanwhile. */
  readonly waiting: (() => void)[];
  left: number;
  slice: NodeJS.Timeout | undefined;
}

export function startServer(options: ServerOptions): Server53 {
  const state: State = {
    ...options,
    forwarder: createForwarder(options.pidfd),
    reading: undefined,
    waiting: [],
    left: QUESTIONS_A_SLICE,
    slice: undefined,
  };
  readUdp(state);
  const listening = listenTcp(state);
  return {
    close: () => {
      clearTimeout(state.slice);
      state.forwarder.close();
      state.reading?.close();
      state.reading = undefined;
      listening.close();
      for (const fd of [options.udp, options.pidfd]) closeDescriptor(fd);
    },
  };
}

/** Whether one more question is answered now. */
function take(state: State): boolean {
  state.slice ??= setTimeout(() => {
    state.slice = undefined;
    state.left = QUESTIONS_A_SLICE;
    if (state.reading === undefined) readUdp(state);
  }, SLICE_MS).unref();
  state.left -= 1;
  return state.left >= 0;
}

/** Reads from a copy of the socket, which is closed to stop. */
function readUdp(state: State): void {
  const socket = createSocket('udp4');
  state.reading = socket;
  socket.on('error', state.onError);
  socket.on('message', (bytes, { port, address }) => {
    if (state.reading !== socket) return;
    if (!take(state)) {
      state.reading = undefined;
      socket.close();
      return;
    }
    reply(state, [bytes, 'udp'], (answered) => {
      // What its socket has no room for it asks for again.
      const send = (): void => state.reading?.send(answered, port, address, () => {});
      if (state.reading === undefined) state.waiting.push(send);
      else send();
    });
  });
  socket.bind({ fd: duplicate(state.udp) });
  for (const send of state.waiting.splice(0)) send();
}

function listenTcp(state: State): { close(): void } {
  const clients = new Set<Socket>();
  const server: Server = createServer((socket) => {
    clients.add(socket);
    socket.on('close', () => clients.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    readFrames(socket, (bytes) => {
      if (!take(state) || socket.writableNeedDrain) socket.destroy();
      else reply(state, [bytes, 'tcp'], (answered) => void socket.write(framed(answered)));
    });
  });
  server.maxConnections = CONNECTIONS;
  server.on('error', state.onError);
  server.listen({ fd: state.tcp });
  return {
    close: () => {
      server.close();
      for (const socket of clients) socket.destroy();
    },
  };
}

/** Never throws: no message that a container sends ends the daemon. */
function reply(state: State, message: readonly [Buffer, Transport], send: (answered: Buffer) => void): void {
  try {
    answerTo(state, message, send);
  } catch (error) {
    state.onError(error);
  }
}

function answerTo(
  { names, forwarder, onError }: State,
  [bytes, transport]: readonly [Buffer, Transport],
  send: (answered: Buffer) => void,
): void {
  const read = readQuery(bytes);
  switch (read.kind) {
    case 'dropped':
      return;
    case 'bad':
      send(read.reply);
      return;
    case 'query': {
      const { query } = read;
      const here = answerHere(query, names, transport);
      if (here !== undefined) {
        send(here);
        return;
      }
      names
        .outside()
        .then(({ servers, keepsWords }) =>
          keepsWords && isWord(query)
            ? answer(query, [], transport)
            : forwarder.forward(query, servers, transport),
        )
        .then(send)
        .catch(onError);
    }
  }
}
