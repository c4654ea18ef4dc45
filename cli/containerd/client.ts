import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { DescMessage, DescMethod, DescService, Message, MessageInitShape } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
import { call, type CallOptions } from './call.ts';
import { GRPC, GrpcError } from './grpc-error.ts';

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
  const address = options.address.replace(/^unix:\/\//, '');
  const session = openSession(address, options.connectTimeoutMs);
  return makeContainerd({ ...options, address, session }, { 'containerd-namespace': options.namespace });
}

type Opened = ContainerdOptions & { readonly session: () => ClientHttp2Session };

/**
 * The calls are made here and not by Connect's own client: what that needs of Node, fetch's headers and HTTP/1 with TLS, costs a command
 * more than all the rest of it.
 */
function makeContainerd(opened: Opened, headers: Readonly<Record<string, string>>): Containerd {
  const { address, namespace, timeoutMs, session } = opened;
  const callOf = (method: DescMethod) => {
    const options = { path: `/${method.parent.typeName}/${method.name}`, headers, timeoutMs };
    return callerOf(method, (messages) => call(session(), options satisfies CallOptions, messages));
  };
  return {
    address,
    namespace,
    service: <S extends DescService>(service: S) =>
      Object.fromEntries(service.methods.map((each) => [each.localName, callOf(each)])) as Client<S>,
    withLease: (id) => makeContainerd(opened, { ...headers, 'containerd-lease': id }),
  };
}

type Init = MessageInitShape<DescMessage>;
type Send = (messages: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** Messages to bytes and back. */
function callerOf({ input, output, methodKind }: DescMethod, send: Send) {
  const encode = (message: Init): Uint8Array => toBinary(input, create(input, message));
  async function* encoded(messages: AsyncIterable<Init>): AsyncGenerator<Uint8Array> {
    for await (const message of messages) yield encode(message);
  }
  async function* decoded(answers: AsyncIterable<Uint8Array>): AsyncGenerator<Message> {
    for await (const answer of answers) yield fromBinary(output, answer);
  }
  switch (methodKind) {
    case 'unary':
      return (message: Init) => only(decoded(send([encode(message)])));
    case 'server_streaming':
      return (message: Init) => decoded(send([encode(message)]));
    case 'client_streaming':
      return (messages: AsyncIterable<Init>) => only(decoded(send(encoded(messages))));
    case 'bidi_streaming':
      return (messages: AsyncIterable<Init>) => decoded(send(encoded(messages)));
  }
}

/** Behind it comes whether the call ended well. */
async function only(answers: AsyncIterable<Message>): Promise<Message> {
  const found: Message[] = [];
  for await (const answer of answers) found.push(answer);
  if (found[0] === undefined) throw new GrpcError(GRPC.internal, 'the answer has no message');
  return found[0];
}

/** Made when it is first asked for, and anew when the one before has ended. */
function openSession(path: string, connectTimeoutMs: number): () => ClientHttp2Session {
  let session: ClientHttp2Session | undefined;
  return () => {
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    session = connectHttp2('http://localhost', { createConnection: () => dial(path, connectTimeoutMs) });
    // The calls tell it.
    session.on('error', () => undefined);
    return session;
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
