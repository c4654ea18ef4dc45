import { request, type IncomingHttpHeaders } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  /** The body parsed; throws when it is not JSON. */
  json<T>(): T;
}

/** One REST call over a unix socket, on a connection of its own. */
export function rest(
  socket: string,
  method: string,
  call: { readonly path: string; readonly body?: unknown; readonly signal?: AbortSignal },
): Promise<Answer> {
  const [body, type] = encode(call.body);
  const headers = type === undefined ? {} : { 'content-type': type };
  return new Promise((resolve, reject) => {
    const { path, signal } = call;
    const asked = { socketPath: socket, method, path, headers, agent: false } as const;
    const sent = request({ ...asked, ...(signal === undefined ? {} : { signal }) }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const text = bytes.toString();
        const status = answer.statusCode ?? 0;
        resolve({ status, headers: answer.headers, bytes, text, json: <T>() => JSON.parse(text) as T });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** JSON, except for bytes, which are an archive. */
function encode(body: unknown): [body: string | Uint8Array | undefined, type: string | undefined] {
  if (body === undefined) return [undefined, undefined];
  if (body instanceof Uint8Array) return [body, 'application/x-tar'];
  return [JSON.stringify(body), 'application/json'];
}

/** Loads an image archive; throws with the daemon's answer when it has no `Loaded image`. */
export async function loadImage(socket: string, archive: Uint8Array): Promise<void> {
  const answer = await rest(socket, 'POST', { path: '/images/load?quiet=1', body: archive });
  if (!answer.text.includes('Loaded image'))
    throw new Error(`Cannot load the image: ${answer.status} ${answer.text}`);
}

export async function ping(socket: string): Promise<boolean> {
  return rest(socket, 'GET', { path: '/_ping' }).then(
    (answer) => answer.status === 200,
    () => false,
  );
}
