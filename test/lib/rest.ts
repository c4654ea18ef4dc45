import { request, type IncomingHttpHeaders } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body parsed; throws when it is not JSON. */
  json<T>(): T;
}

/** One REST call over a unix socket, on a connection of its own. */
export function rest(
  socket: string,
  method: string,
  call: { readonly path: string; readonly body?: unknown },
): Promise<Answer> {
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: socket, method, path: call.path, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const status = answer.statusCode ?? 0;
        resolve({ status, headers: answer.headers, text, json: <T>() => JSON.parse(text) as T });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export async function ping(socket: string): Promise<boolean> {
  return rest(socket, 'GET', { path: '/_ping' }).then(
    (answer) => answer.status === 200,
    () => false,
  );
}
