import { Worker } from 'node:worker_threads';
import type { Ctx } from '../../common/ctx.ts';
import { WherryError } from '../../common/errors.ts';
import { converse } from './conversation.ts';
import type { Job, JobResults } from './jobs.ts';

/** A worker costs some megabytes, a start some milliseconds. */
const IDLE_MS = 10_000;

/** Runs jobs in threads. */
export interface WorkerPool {
  /** Throws what the job threw, or the reason why ctx ended. At most `limit` run at a time, the rest wait in order. */
  run<K extends Job['kind']>(
    ctx: Ctx,
    job: Extract<Job, { kind: K }>,
    input?: AsyncIterable<Uint8Array>,
  ): Promise<JobResults[K]>;
  /** Ends idle threads at once and busy ones with their job. */
  close(): Promise<void>;
}

export function workerPool(limit: number): WorkerPool {
  const idle = new Map<Worker, NodeJS.Timeout>();
  const waiting: (() => void)[] = [];
  let running = 0;
  let closed = false;

  const enter = async (): Promise<void> => {
    if (closed) throw new WherryError('unavailable', 'The image store is closed');
    if (running < limit) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  };
  const take = (): Worker => {
    const [found] = idle.keys();
    if (found === undefined) return startWorker();
    clearTimeout(idle.get(found));
    idle.delete(found);
    found.ref();
    return found;
  };
  const giveBack = async (worker: Worker): Promise<void> => {
    // A worker that died has no thread any more.
    if (closed || worker.threadId === -1) {
      await worker.terminate();
      return;
    }
    worker.unref();
    const timer = setTimeout(() => {
      idle.delete(worker);
      void worker.terminate();
    }, IDLE_MS);
    idle.set(worker, timer.unref());
  };
  return {
    run: async (ctx, job, input) => {
      await enter();
      try {
        ctx.check();
        const worker = take();
        try {
          return (await converse(worker, { ctx, job, input })) as JobResults[typeof job.kind];
        } finally {
          await giveBack(worker);
        }
      } finally {
        leave();
      }
    },
    close: async () => {
      closed = true;
      const workers = [...idle.keys()];
      for (const timer of idle.values()) clearTimeout(timer);
      idle.clear();
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

/** The worker stands beside this file, under its own name also when bundled. */
function startWorker(): Worker {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new Worker(new URL(`./layer-worker.${extension}`, import.meta.url), {
    name: 'layers',
    execArgv: [],
  });
}
