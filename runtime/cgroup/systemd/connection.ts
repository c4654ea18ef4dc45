import { createConnection, type Socket } from 'node:net';
import { env, geteuid } from 'node:process';
import { existsSync } from 'node:fs';
import { internal, WherryError } from '../../../common/errors.ts';
import {
  decodeMessage,
  encodeMessage,
  ERROR,
  METHOD_CALL,
  METHOD_RETURN,
  SIGNAL,
  textOf,
  type BusValue,
  type Message,
} from './wire.ts';

/** A method of an object. */
export interface Call {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly BusValue[];
}

/** A refusal by the other side, with its D-Bus name: `org.freedesktop.systemd1.UnitExists`. */
export class BusError extends WherryError {
  readonly busName: string;

  constructor(busName: string, message: string) {
    super('internal', message);
    this.name = 'BusError';
    this.busName = busName;
  }
}

export interface BusConnection {
  /** Resolves with the reply's values; throws BusError. */
  call(call: Call): Promise<readonly BusValue[]>;
  /** Every signal that arrives; returns what ends that. */
  onSignal(listener: (signal: Message) => void): () => void;
  close(): void;
}

/** Where systemd listens: its own socket for root, which needs no bus to run; else the bus. */
export function systemdSocket(isRootless: boolean): { readonly path: string; readonly isBus: boolean } {
  const own = isRootless ? `${env['XDG_RUNTIME_DIR']}/systemd/private` : '/run/systemd/private';
  if (existsSync(own) && (isRootless || geteuid?.() === 0)) return { path: own, isBus: false };
  const address = env[isRootless ? 'DBUS_SESSION_BUS_ADDRESS' : 'DBUS_SYSTEM_BUS_ADDRESS'];
  const path = /(?:^|;)unix:(?:[^;]*,)?path=([^,;]+)/.exec(address ?? '')?.[1];
  const usual = isRootless ? `${env['XDG_RUNTIME_DIR']}/bus` : '/run/dbus/system_bus_socket';
  return { path: path === undefined ? usual : decodeURIComponent(path), isBus: true };
}

/** Connects and says who we are (AUTH EXTERNAL: the kernel vouches for the uid). On a bus it says hello too. */
export async function connectBus(at: {
  readonly path: string;
  readonly isBus: boolean;
}): Promise<BusConnection> {
  const socket = createConnection(at.path);
  try {
    await authenticate(socket);
  } catch (error) {
    socket.destroy();
    throw internal(`failed to connect to dbus at ${at.path}`, { cause: error });
  }
  const connection = new Connection(socket);
  if (at.isBus) await connection.call({ ...BUS, member: 'Hello' });
  return connection;
}

/** The bus itself. */
export const BUS = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
} as const;

async function authenticate(socket: Socket): Promise<void> {
  const uid = Buffer.from(String(geteuid?.() ?? 0)).toString('hex');
  socket.write(`\0AUTH EXTERNAL ${uid}\r\n`);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let text = '';
  const onData = (data: Buffer): void => {
    text += data.toString('latin1');
    if (!text.includes('\r\n')) return;
    if (text.startsWith('OK ')) resolve();
    else reject(internal(`D-Bus refuses: ${text.trim()}`));
  };
  socket
    .on('data', onData)
    .on('error', reject)
    .on('close', () => reject(internal('D-Bus hangs up')));
  try {
    await promise;
  } finally {
    socket.off('data', onData).off('error', reject);
  }
  socket.write('BEGIN\r\n');
}

interface Waiting {
  readonly resolve: (body: readonly BusValue[]) => void;
  readonly reject: (error: Error) => void;
}

class Connection implements BusConnection {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(signal: Message) => void>();
  #serial = 0;
  #held = Buffer.alloc(0);
  #isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (data) => this.#receive(data as Buffer));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(undefined));
  }

  async call(call: Call): Promise<readonly BusValue[]> {
    if (this.#isClosed) throw internal(`Cannot call ${call.member}: D-Bus hung up`);
    const serial = ++this.#serial;
    const { promise, resolve, reject } = Promise.withResolvers<readonly BusValue[]>();
    this.#waiting.set(serial, { resolve, reject });
    this.#socket.write(encodeMessage({ signature: '', body: [], ...call, type: METHOD_CALL, serial }));
    return promise;
  }

  onSignal(listener: (signal: Message) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  #receive(data: Buffer): void {
    this.#held = Buffer.concat([this.#held, data]);
    try {
      for (;;) {
        const next = decodeMessage(this.#held);
        if (next === undefined) return;
        this.#held = this.#held.subarray(next.bytes);
        this.#take(next.message);
      }
    } catch (error) {
      this.#fail(error);
      this.#socket.destroy();
    }
  }

  #take(message: Message): void {
    if (message.type === SIGNAL) for (const listener of this.#listeners) listener(message);
    if (message.type !== METHOD_RETURN && message.type !== ERROR) return;
    const waiting = this.#waiting.get(message.replySerial ?? 0);
    this.#waiting.delete(message.replySerial ?? 0);
    if (message.type === METHOD_RETURN) waiting?.resolve(message.body);
    else
      waiting?.reject(
        new BusError(message.errorName ?? '', textOf(message.body[0]) || (message.errorName ?? '')),
      );
  }

  #fail(cause: unknown): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.values()) reject(internal('D-Bus hung up', { cause }));
    this.#waiting.clear();
  }
}
