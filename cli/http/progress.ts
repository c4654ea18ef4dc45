import { WherryError } from '../../common/errors.ts';

/** One line of docker's progress streams. */
export interface Message {
  readonly stream?: string;
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly aux?: unknown;
  readonly errorDetail?: { readonly message?: string };
  readonly error?: string;
}

/**
 * Passes the text of a progress stream (load, pull) to `write`. Bars are left out: each step is told once, as docker does
 * when its output is no terminal. Throws what the stream reports as error.
 */
export async function showProgress(
  body: AsyncIterable<Buffer>,
  write: (text: string) => void,
): Promise<void> {
  for await (const line of jsonLines(body)) {
    const message = JSON.parse(line) as Message;
    const failure = message.errorDetail?.message ?? message.error;
    if (failure !== undefined) throw new WherryError('internal', failure);
    if (message.stream !== undefined) write(message.stream);
    else if (message.status !== undefined && message.progressDetail?.current === undefined) {
      write(message.id === undefined ? `${message.status}\n` : `${message.id}: ${message.status}\n`);
    }
  }
}

/** The lines of a body that are not empty. */
export async function* jsonLines(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line.trim() !== '');
  }
  if (rest.trim() !== '') yield rest;
}
