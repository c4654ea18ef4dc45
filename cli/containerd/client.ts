import { connect, type Socket } from 'node:net';
import type { DescService } from '@bufbuild/protobuf';
import { createClient, type Client, type Interceptor } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';

/** Our own daemon's, in its default exec root. */
export const DEFAULT_ADDRESS = '/run/wherry/containerd.sock';

/** One connection to a containerd, ours or any other, in one of its namespaces. */
export interface Containerd {
  readonly address: string;
  readonly namespace: string;
  /** Typed calls of one service; the connection is made at the first call of any. */
  service<S extends DescService>(service: S): Client<S>;
  /** The same connection, whose calls make what they make part of the lease. */
  withLease(id: string): Containerd;
}

export interface ContainerdOptions {
  /** A path, with or without `unix://`. */
  readonly address: string;
  readonly namespace: string;
  /** For each call; 0 for none. */
  readonly timeoutMs: number;
  /** Until the connection stands; 0 for none. */
  readonly connectTimeoutMs: number;
}

/** Nothing is sent yet; a daemon that is not there fails the first call. */
export function openContainerd(options: ContainerdOptions): Containerd {
  const path = options.address.replace(/^unix:\/\//, '');
  return makeContainerd({ ...options, address: path }, { 'containerd-namespace': options.namespace });
}

function makeContainerd(options: ContainerdOptions, headers: Readonly<Record<string, string>>): Containerd {
  const { address, namespace, timeoutMs, connectTimeoutMs } = options;
  const setHeaders: Interceptor = (next) => (request) => {
    for (const [name, value] of Object.entries(headers)) request.header.set(name, value);
    return next(request);
  };
  const transport = createGrpcTransport({
    baseUrl: 'http://localhost',
    nodeOptions: { createConnection: () => dial(address, connectTimeoutMs) },
    interceptors: [setHeaders],
    ...(timeoutMs > 0 ? { defaultTimeoutMs: timeoutMs } : {}),
  });
  return {
    address,
    namespace,
    service: (service) => createClient(service, transport),
    withLease: (id) => makeContainerd(options, { ...headers, 'containerd-lease': id }),
  };
}

/** A daemon that is stopped accepts no connection once its backlog is full. */
function dial(path: string, timeoutMs: number): Socket {
  const socket = connect(path);
  if (timeoutMs === 0) return socket;
  const giveUp = (): void => void socket.destroy(new Error(`dial unix ${path}: i/o timeout`));
  const timer = setTimeout(giveUp, timeoutMs);
  return socket.once('connect', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
}
