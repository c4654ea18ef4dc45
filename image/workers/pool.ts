import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import type { Ctx } from '../../common/ctx.ts';
import { internal, messageOf, WherryError } from '../../common/errors.ts';
import { newWorker } from '../../common/new-worker.ts';
import type { CopyOutJob } from '../copy/contract.ts';
import { converse, type Conversation } from './conversation.ts';
import { ChunkQueue } from './chunk-queue.ts';
import type {
  ComparePathsJob,
  ExportJob,
  FetchedBlob,
  FetchJob,
  FetchProgress,
  Job,
  JobResults,
  ToWorker,
  WorkerData,
} from './jobs.ts';
import { UNPACK_LIMITS, type UnpackLimits } from './limits.ts';
import { Stalled, watchStall } from './stall.ts';

/** A worker costs some megabytes, a start some milliseconds. */
const IDLE_MS = 3_000;
/** Of short-lived objects: with V8's own 48 MB, buffers outside of its heap wait for long to be freed. */
const YOUNG_MB = 3;
/** A call to the kernel that takes longer will not return. */
const PATIENCE_MS = 120_000;
/** Jobs of a daemon that ends are canceled. */
const CLOSE_MS = 5_000;

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
  read(ctx: Ctx, job: ExportJob | ComparePathsJob | CopyOutJob): AsyncGenerator<Uint8Array>;
  /**
   * Ends idle threads at once and busy ones with their job, for which it waits a while: a thread that a process takes along from within
   * a call to the kernel aborts it.
   */
  close(): Promise<void>;
}

export interface PoolOptions {
  /** How long one call to the kernel may take; two minutes unless told. */
  readonly patienceMs?: number | undefined;
  readonly limits?: UnpackLimits | undefined;
}

/** A limit that changes is asked for before each job. */
export const workerPool = (limit: number | (() => number), options: PoolOptions = {}): WorkerPool =>
  new Pool(typeof limit === 'number' ? () => limit : limit, options);

interface Thread {
  readonly worker: Worker;
  /** See native/ffi/beat.ts. */
  readonly beat: Int32Array;
  /** It would never answer. */
  isDead: boolean;
}

class Pool implements WorkerPool {
  readonly #limit: () => number;
  readonly #patienceMs: number;
  readonly #limits: UnpackLimits;
  readonly #idle = new Map<Thread, NodeJS.Timeout>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #closed = false;
  readonly #left = Promise.withResolvers<void>();

  constructor(limit: () => number, { patienceMs = PATIENCE_MS, limits = UNPACK_LIMITS }: PoolOptions) {
    this.#limit = limit;
    this.#patienceMs = patienceMs;
    this.#limits = limits;
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

  async *read(ctx: Ctx, job: ExportJob | ComparePathsJob | CopyOutJob): AsyncGenerator<Uint8Array> {
    const stopped = new AbortController();
    const own = ctx.until(stopped.signal);
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
      return await this.#runIn(this.#take(), conversation);
    } finally {
      this.#leave();
    }
  }

  /** A thread that hangs is left alone, and its place is free: it ends when the kernel answers, having cleared away as after a cancel. */
  async #runIn(thread: Thread, conversation: Conversation): Promise<unknown> {
    const { worker, beat } = thread;
    using _waits = conversation.ctx.waitsFor(() => `a worker that does "${conversation.job.kind}"`);
    const ended = converse(worker, conversation);
    using watch = watchStall(beat, conversation.job, this.#patienceMs);
    try {
      return await Promise.race([ended, watch.stalled]);
    } catch (error) {
      if (!(error instanceof Stalled)) throw error;
      worker.unref();
      const cancel: ToWorker = { type: 'cancel' };
      worker.postMessage(cancel, []);
      void ended.catch(() => {}).then(() => worker.terminate());
      throw error;
    } finally {
      if (!watch.hasStalled) await this.#giveBack(thread);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const threads = [...this.#idle.keys()];
    for (const timer of this.#idle.values()) clearTimeout(timer);
    this.#idle.clear();
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
    if (this.#running > 0)
      await Promise.race([this.#left.promise, sleep(CLOSE_MS, undefined, { ref: false })]);
  }

  /** Throws why ctx ended, when that comes first. */
  async #enter(ctx: Ctx): Promise<void> {
    if (this.#closed) throw new WherryError('unavailable', 'The image store is closed');
    ctx.check();
    if (this.#running < this.#limit()) {
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

  /** The place goes to the next in line, if there is one; others, when the limit has grown. */
  #leave(): void {
    this.#running -= 1;
    if (this.#closed && this.#running === 0) this.#left.resolve();
    for (; this.#running < this.#limit() && this.#waiting.length > 0; this.#running += 1)
      this.#waiting.shift()?.();
  }

  #take(): Thread {
    for (const [thread, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(thread);
      if (thread.isDead) continue;
      thread.worker.ref();
      return thread;
    }
    return startThread(this.#limits);
  }

  async #giveBack(thread: Thread): Promise<void> {
    const { worker } = thread;
    if (this.#closed || thread.isDead) {
      await worker.terminate();
      return;
    }
    worker.unref();
    const timer = setTimeout(() => {
      this.#idle.delete(thread);
      void worker.terminate();
    }, IDLE_MS);
    this.#idle.set(thread, timer.unref());
  }
}

/** The worker stands beside this file, under its own name also when bundled. */
function startThread(limits: UnpackLimits): Thread {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const url = new URL(`./layer-worker.${extension}`, import.meta.url);
  const beat = new Int32Array(new SharedArrayBuffer(4));
  const workerData: WorkerData = { beat, limits };
  const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MB };
  const worker = newWorker(url, { name: 'layers', workerData, resourceLimits });
  const thread: Thread = { worker, beat, isDead: false };
  const die = (): void => {
    thread.isDead = true;
  };
  // It fails before it exits: what came in between would get no answer.
  worker.on('error', die).on('exit', die);
  return thread;
}
