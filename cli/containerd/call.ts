import {
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from 'node:http2';
import { messageOf } from '../../common/errors.ts';
import { asError } from './errors.ts';
import { GRPC, GrpcError, isGrpcError } from './grpc-error.ts';
import { frame, messagesIn } from './messages.ts';

/** One call of gRPC over HTTP/2; https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
export interface CallOptions {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** 0 for none. */
  readonly timeoutMs: number;
}

type Messages = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Sends the messages as they come, and yields those of the answer. Who breaks off cancels the call. Throws GrpcError for a call that did
 * not end well, and what `messages` throws.
 */
export async function* call(
  session: ClientHttp2Session,
  { path, headers, timeoutMs }: CallOptions,
  messages: Messages,
): AsyncGenerator<Uint8Array> {
  const stream = session.request({
    ...headers,
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc+proto',
    te: 'trailers',
    ...(timeoutMs > 0 ? { 'grpc-timeout': `${Math.ceil(timeoutMs)}m` } : {}),
  });
  const timer = timeoutMs > 0 ? setTimeout(() => stream.destroy(timedOut()), timeoutMs) : undefined;
  const told: IncomingHttpHeaders = {};
  const end = Promise.withResolvers<Error | undefined>();
  // Without a message the trailers come as the head.
  stream.on('response', (head) => void Object.assign(told, head));
  stream.on('trailers', (trailers) => void Object.assign(told, trailers));
  stream.on('error', end.resolve);
  stream.on('close', () => end.resolve(undefined));
  void send(stream, messages);
  try {
    yield* messagesIn(stream);
    // Trailers may come behind the end of the data.
    const error = await end.promise;
    if (error !== undefined) throw error;
  } catch (error) {
    throw failureOf(told) ?? failedBy(asError(error));
  } finally {
    clearTimeout(timer);
    if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL);
  }
  const failure = told['grpc-status'] === undefined ? noAnswer(told) : failureOf(told);
  if (failure !== undefined) throw failure;
}

/** What goes wrong ends the call, and is told there. */
async function send(stream: ClientHttp2Stream, messages: Messages): Promise<void> {
  try {
    for await (const message of messages) await write(stream, frame(message));
    stream.end();
  } catch (error) {
    stream.destroy(asError(error));
  }
}

const write = (stream: ClientHttp2Stream, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()));
  });

const timedOut = (): GrpcError => new GrpcError(GRPC.deadlineExceeded, 'the operation timed out');

/** The server's words: percent-encoded. */
function failureOf(told: IncomingHttpHeaders): GrpcError | undefined {
  const { 'grpc-status': status, 'grpc-message': message } = told;
  if (status === undefined || status === '0') return undefined;
  return new GrpcError(Number(status), decoded(String(message ?? '')));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const noAnswer = (told: IncomingHttpHeaders): GrpcError =>
  new GrpcError(GRPC.unknown, `the answer is none of gRPC's (HTTP status ${String(told[':status'])})`);

/** A connection that does not stand, or no longer; everything else is the caller's own. */
function failedBy(error: Error): Error {
  // Node hides behind it why a connection was not made.
  const { cause } = error;
  if (cause instanceof Error && codeIn(error) === 'ERR_HTTP2_STREAM_CANCEL') return failedBy(cause);
  const { syscall } = error as NodeJS.ErrnoException;
  if (isGrpcError(error) || (syscall === undefined && !codeIn(error).startsWith('ERR_HTTP2'))) return error;
  return new GrpcError(GRPC.unavailable, messageOf(error), { cause: error });
}

const codeIn = (error: Error): string => String((error as NodeJS.ErrnoException).code);
