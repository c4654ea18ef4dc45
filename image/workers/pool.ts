import { Worker } from 'node:worker_threads';
import { makeCtx, type Ctx } from '../../common/ctx.ts';
import { internal, messageOf, WherryError } from '../../common/errors.ts';
import { converse, type Conversation } from './conversation.ts';
import { ChunkQueue } from './chunk-queue.ts';
import type { ExportJob, FetchedBlob, FetchJob, FetchProgress, Job, JobResults } from './jobs.ts';

/** A worker costs some megabytes, a start some milliseconds. */
const IDLE_MS = 3_000;

/** Runs jobs in threads. */
export interface WorkerPool {
  /** Throws what the job threw, or the reason why ctx ended. At most `limit` run at a time, the rest wait in order. */
  run<K extends Job['kind']>(
    ctx: Ctx,
    job: Extract<Job, { kind: K }>,
    input?: AsyncIterable<Uint8Array>,
  ): Promise<JobResults[K]>;
  /** The same for a job that reports. */
  fetch(ctx: Ctx, job: FetchJob, onProgress: (progress: FetchProgress) => void): Promise<FetchedBlob>;
  /** The output of a job, no faster than it is read; who stops reading ends the job. */
  read(ctx: Ctx, job: ExportJob): AsyncGenerator<Uint8Array>;
  /** Ends idle threads at once and busy ones with their job. */
  close(): Promise<void>;
}

export const workerPool = (limit: number): WorkerPool => new Pool(limit);

class Pool implements WorkerPool {
  readonly #limit: number;
  readonly #idle = new Map<Worker, NodeJS.Timeout>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #closed = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  async run<K extends Job['kind']>(
    ctx: Ctx,
    job: Extract<Job, { kind: K }>,
    input?: AsyncIterable<Uint8Array>,
  ): Promise<JobResults[K]> {
    return (await this.#run({ ctx, job, input })) as JobResults[K];
  }

  async fetch(ctx: Ctx, job: FetchJob, onProgress: (progress: FetchProgress) => void): Promise<FetchedBlob> {
    return (await this.#run({ ctx, job, input: undefined, onProgress })) as FetchedBlob;
  }

  async *read(ctx: Ctx, job: ExportJob): AsyncGenerator<Uint8Array> {
    const stopped = new AbortController();
    const own = makeCtx(ctx.log, AbortSignal.any([ctx.signal, stopped.signal]));
    let acknowledge = (): void => {};
    const queue = new ChunkQueue(() => acknowledge());
    const onChunk = (data: Uint8Array, taken: () => void): void => {
      acknowledge = taken;
      queue.push(data);
    };
    const ended = this.#run({ ctx: own, job, input: undefined, onChunk }).then(
      () => queue.end(),
      (error: unknown) => queue.fail(error instanceof Error ? error : internal(messageOf(error))),
    );
    try {
      yield* queue;
    } finally {
      stopped.abort();
      await ended;
    }
  }

  async #run(conversation: Conversation): Promise<unknown> {
    await this.#enter(conversation.ctx);
    try {
      conversation.ctx.check();
      conversation.onProgress?.({ kind: 'started' });
      const worker = this.#take();
      try {
        return await converse(worker, conversation);
      } finally {
        await this.#giveBack(worker);
      }
    } finally {
      this.#leave();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const workers = [...this.#idle.keys()];
    for (const timer of this.#idle.values()) clearTimeout(timer);
    this.#idle.clear();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  /** Throws why ctx ended, when that comes first. */
  async #enter(ctx: Ctx): Promise<void> {
    if (this.#closed) throw new WherryError('unavailable', 'The image store is closed');
    ctx.check();
    if (this.#running < this.#limit) {
      this.#running += 1;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const grant = (): void => resolve(true);
    const leave = (): void => {
      const place = this.#waiting.indexOf(grant);
      if (place === -1) return;
      this.#waiting.splice(place, 1);
      resolve(false);
    };
    this.#waiting.push(grant);
    ctx.signal.addEventListener('abort', leave);
    const granted = await promise;
    ctx.signal.removeEventListener('abort', leave);
    if (!granted) ctx.check();
  }

  /** The place goes to the next in line, if there is one. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }

  #take(): Worker {
    for (const [worker, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(worker);
      // One that died meanwhile (for want of descriptors, say) would never answer.
      if (worker.threadId === -1) continue;
      worker.ref();
      return worker;
    }
    return startWorker();
  }

  async #giveBack(worker: Worker): Promise<void> {
    // A worker that died has no thread any more.
    if (this.#closed || worker.threadId === -1) {
      await worker.terminate();
      return;
    }
    worker.unref();
    const timer = setTimeout(() => {
      this.#idle.delete(worker);
      void worker.terminate();
    }, IDLE_MS);
    this.#idle.set(worker, timer.unref());
  }
}

/** The worker stands beside this file, under its own name also when bundled. */
function startWorker(): Worker {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const url = new URL(`./layer-worker.${extension}`, import.meta.url);
  // Whoever waits for it learns of its death; an idle one must not take the daemon along.
  return new Worker(url, { name: 'layers', execArgv: [] }).on('error', () => {});
}
