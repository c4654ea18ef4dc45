import { connect as connectHttp2 } from 'node:http2';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { containerdTransport } from '../containerd-client.ts';

/** One request of a client's, as data. */
export interface Step {
  readonly service: DescService;
  /** In lower camel case. */
  readonly method: string;
  readonly request: object;
  /** Undefined: the one that the test has. */
  readonly namespace?: string | undefined;
}

/** A method that takes a stream gets the request's `messages`. */
interface Streamed {
  readonly messages?: readonly object[];
}

type Calls = Readonly<Record<string, (request: unknown) => Promise<unknown> | AsyncIterable<unknown>>>;

/** More of a stream that does not end by itself is not waited for. */
const STREAM_MS = 700;

/** What a daemon answers, ready to be compared: its message, its messages, or its error's code and text. */
export async function ask(address: string, step: Step): Promise<unknown> {
  const client = createClient(step.service, containerdTransport(address, step.namespace ?? 'default'));
  const { methodKind } = step.service.method[step.method] as DescMethod;
  const call = (client as unknown as Calls)[step.method];
  if (call === undefined) throw new Error(`no method ${step.method}`);
  try {
    if (methodKind === 'unary') return plain(await (call(step.request) as Promise<unknown>));
    const request = methodKind === 'bidi_streaming' ? stream(step.request) : step.request;
    return await gather(call(request) as AsyncIterable<unknown>);
  } catch (error) {
    return failure(error);
  }
}

async function* stream({ messages = [] }: Streamed): AsyncGenerator<object> {
  await Promise.resolve();
  yield* messages;
}

async function gather(answers: AsyncIterable<unknown>): Promise<unknown> {
  const found: unknown[] = [];
  const reading = (async (): Promise<void> => {
    for await (const answer of answers) found.push(plain(answer));
  })();
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, STREAM_MS);
  try {
    await Promise.race([reading, late.promise]);
  } catch (error) {
    return [...found, failure(error)];
  } finally {
    clearTimeout(timer);
    reading.catch(() => undefined);
  }
  return found;
}

function failure(error: unknown): unknown {
  if (!(error instanceof ConnectError)) throw error;
  return `${Code[error.code]}: ${error.rawMessage}`;
}

/** Without what names types, and in JSON's own. */
const plain = (message: unknown): unknown =>
  JSON.parse(
    JSON.stringify(message, (key, value: unknown) => {
      if (key.startsWith('$')) return undefined;
      if (typeof value === 'bigint') return String(value);
      return value instanceof Uint8Array ? Buffer.from(value).toString() : value;
    }),
  );

/** gRPC's status and text for a method that the client has no types of. */
export async function askUnknown(address: string, path: string): Promise<string> {
  const session = connectHttp2('http://containerd', { createConnection: () => connect(address) });
  try {
    const request = session.request({
      ...{ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' },
      'containerd-namespace': 'default',
    });
    const head = once(request, 'response');
    let trailers: Record<string, unknown> = {};
    request.on('trailers', (found: Record<string, unknown>) => (trailers = found));
    // An empty message: one byte says that it is not compressed, four its length.
    request.end(Buffer.alloc(5));
    const [headers] = (await head) as [Record<string, unknown>];
    request.resume();
    await once(request, 'close');
    const all = { ...headers, ...trailers };
    return `${String(all['grpc-status'])}: ${decodeURIComponent(String(all['grpc-message']))}`;
  } finally {
    session.close();
  }
}
