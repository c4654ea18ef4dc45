import { request } from 'node:http';
import { muxed } from './frames.ts';
import { ping } from '../rest.ts';

/** What became of a request while daemons die: an answer, or nobody knows whether it was done. */
export type Outcome =
  { readonly kind: 'answer'; readonly status: number; readonly body: Buffer } | { readonly kind: 'lost' };

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  /** Lets go of a stream after so long. */
  readonly leaveMs?: number;
}

/** Never sent: nobody listened. It is sent again once somebody does. */
const UNSENT = ['ECONNREFUSED', 'ENOENT'];
const GIVE_UP_MS = 120_000;

export async function ask(socket: string, asked: Asked): Promise<Outcome> {
  const deadline = performance.now() + GIVE_UP_MS;
  for (;;) {
    try {
      return await once(socket, asked);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (error instanceof Late) throw error;
      if (!UNSENT.includes(code ?? '')) return { kind: 'lost' };
      if (performance.now() > deadline) throw new Error('No daemon came back', { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Resolves when a daemon answers. */
export async function alive(socket: string): Promise<void> {
  const deadline = performance.now() + GIVE_UP_MS;
  while (!(await ping(socket))) {
    if (performance.now() > deadline) throw new Error('No daemon came back');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

class Late extends Error {}

function once(socketPath: string, { method, path, body, leaveMs }: Asked): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const headers =
      body === undefined || body instanceof Uint8Array ? {} : { 'content-type': 'application/json' };
    const sent = request({ socketPath, method, path, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      const done = (): void => {
        clearTimeout(timer);
        resolve({ kind: 'answer', status: answer.statusCode ?? 0, body: Buffer.concat(chunks) });
      };
      if (leaveMs !== undefined) setTimeout(() => (done(), sent.destroy()), leaveMs);
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', done);
    });
    const timer = setTimeout(
      () => sent.destroy(new Late(`${method} ${path} was never answered`)),
      GIVE_UP_MS,
    );
    sent.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    if (body === undefined) sent.end();
    else sent.end(body instanceof Uint8Array ? body : JSON.stringify(body));
  });
}

export const textOf = (body: Buffer): string => muxed(body).toString();
