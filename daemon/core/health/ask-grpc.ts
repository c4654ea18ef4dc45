import {
  connect,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import type { Socket } from 'node:net';
import { internal } from '../../../common/errors.ts';

/** What a server says of a service; https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
export type Serving = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

const STATUSES: readonly Serving[] = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const PATH = '/grpc.health.v1.Health/Check';
/** The flag of compression and the length, before each message. */
const PREFIX_BYTES = 5;
/** An answer is two bytes long; who sends more than this means something else. */
const MOST_BYTES = 4096;

/**
 * Calls Check of grpc.health.v1 in clear text over a connected socket, and ends the connection. An empty service is
 * the server as a whole. Throws for an answer that is none, and with what gRPC says when the call failed.
 * Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export async function askGrpc(socket: Socket, service: string): Promise<Serving> {
  const session = connect('http://localhost', { createConnection: () => socket });
  try {
    return servingOf(await call(session, checkRequest(service)));
  } finally {
    session.destroy();
  }
}

type Told = IncomingHttpHeaders & IncomingHttpStatusHeader;

function call(session: ClientHttp2Session, message: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  session.on('error', reject);
  const stream = session.request({
    ':method': 'POST',
    ':path': PATH,
    'content-type': 'application/grpc',
    'user-agent': 'wherry-health',
    te: 'trailers',
  });
  const chunks: Buffer[] = [];
  const told: Told = {};
  let bytes = 0;
  stream.on('error', reject);
  // Without a message the trailers come as the head.
  stream.on('response', (headers) => void Object.assign(told, headers));
  stream.on('trailers', (trailers) => void Object.assign(told, trailers));
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength;
    chunks.push(chunk);
    if (bytes > MOST_BYTES) reject(internal('an answer that is no HealthCheckResponse'));
  });
  // Trailers may come behind the end of the data.
  stream.once('close', () => {
    const failure = failureOf(told);
    if (failure === undefined) resolve(Buffer.concat(chunks));
    else reject(internal(failure));
  });
  stream.end(message);
  return promise;
}

/** Undefined for success. */
function failureOf(told: Told): string | undefined {
  const http = told[':status'];
  if (http === undefined) return 'the connection was closed';
  if (http !== 200) return `HTTP status ${http}`;
  const [status, said] = [told['grpc-status'], told['grpc-message']];
  if (typeof status !== 'string') return 'an answer without a gRPC status';
  if (status === '0') return undefined;
  const text = `gRPC status ${status}`;
  return typeof said === 'string' && said !== '' ? `${text}: ${decoded(said)}` : text;
}

/** Percent-encoded, and shown as it is by who does it wrong. */
function decoded(said: string): string {
  try {
    return decodeURIComponent(said);
  } catch {
    return said;
  }
}

/** A HealthCheckRequest: field 1 is the service's name, and is left out when it is empty. */
function checkRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message =
    name.byteLength === 0 ? name : Buffer.concat([Buffer.from([0x0a]), varint(name.byteLength), name]);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([prefix, message]);
}

/** https://protobuf.dev/programming-guides/encoding/#varints */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; bytes.length === 0 || rest > 0; rest >>>= 7) {
    bytes.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
  }
  return Buffer.from(bytes);
}

/** A HealthCheckResponse: field 1 is the status, and is left out when it is 0. */
function servingOf(answer: Buffer): Serving {
  const message = answer.subarray(PREFIX_BYTES);
  const isWhole = answer.byteLength >= PREFIX_BYTES && answer.readUInt32BE(1) === message.byteLength;
  const status = message.byteLength === 0 ? 0 : message[0] === 0x08 ? message[1] : undefined;
  const serving = status === undefined ? undefined : STATUSES[status];
  if (!isWhole || answer[0] !== 0 || serving === undefined)
    throw internal('an answer that is no HealthCheckResponse');
  return serving;
}
