import type { Worker } from 'node:worker_threads';
import type { Ctx } from '../../common/ctx.ts';
import { internal, WherryError } from '../../common/errors.ts';
import type { FetchProgress, FromWorker, Job, ToWorker } from './jobs.ts';
import { Window, WINDOW } from './window.ts';

export interface Conversation {
  readonly ctx: Ctx;
  readonly job: Job;
  readonly input: AsyncIterable<Uint8Array> | undefined;
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined;
  /** Gets a chunk of the job's output; `taken` lets the worker send a further one. */
  readonly onChunk?: ((data: Uint8Array, taken: () => void) => void) | undefined;
}

/**
 * Gives an idle worker a job and its input, and returns once the worker is idle again: with its result, or throwing why there is
 * none. The input is not read on after the job has ended, and not closed.
 */
export async function converse(
  worker: Worker,
  { ctx, job, input, onProgress, onChunk }: Conversation,
): Promise<unknown> {
  const send = (message: ToWorker): void => worker.postMessage(message, transfersOf(message));
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const window = new Window(WINDOW);
  let inputError: unknown;
  const cancel = (): void => send({ type: 'cancel' });
  const onMessage = (message: FromWorker): void => {
    if (message.type === 'taken') window.open();
    if (message.type === 'progress') onProgress?.(message.progress);
    if (message.type === 'chunk') onChunk?.(message.data, () => send({ type: 'taken' }));
    if (message.type === 'done') resolve(message.result);
    if (message.type === 'failed') reject(new WherryError(message.code, message.message));
  };
  const onDeath = (cause: unknown): void =>
    reject(
      internal(`A layer worker ended early${cause instanceof Error ? `: ${cause.message}` : ''}`, { cause }),
    );
  worker.on('message', onMessage).on('error', onDeath).on('exit', onDeath);
  ctx.signal.addEventListener('abort', cancel);
  try {
    send({ type: 'job', job });
    if (input !== undefined) {
      feed(input, window, send).catch((error: unknown) => {
        inputError = error;
        cancel();
      });
    }
    return await promise;
  } catch (error) {
    ctx.check();
    if (inputError === undefined) throw error;
    throw new WherryError('canceled', 'The archive ended early', { cause: inputError });
  } finally {
    window.close();
    ctx.signal.removeEventListener('abort', cancel);
    worker.off('message', onMessage).off('error', onDeath).off('exit', onDeath);
  }
}

/** A chunk's memory moves to the worker; it is a copy of its own, see `feed`. */
const transfersOf = (message: ToWorker): ArrayBuffer[] =>
  message.type === 'chunk' ? [message.data.buffer as ArrayBuffer] : [];

async function feed(
  input: AsyncIterable<Uint8Array>,
  window: Window,
  send: (message: ToWorker) => void,
): Promise<void> {
  for await (const data of input) {
    if (!(await window.enter())) return;
    // A chunk is a view of a larger buffer that others use: without a copy all of that would be sent.
    send({ type: 'chunk', data: Uint8Array.from(data) });
  }
  if (!window.closed) send({ type: 'end' });
}
