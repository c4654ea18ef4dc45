import type { Worker } from 'node:worker_threads';
import { messageOf, unavailable, WherryError, type Code } from '../../../common/errors.ts';
import { newWorker } from '../../../common/new-worker.ts';
import { within } from '../within.ts';
import type { KernelAnswer, KernelJob } from './kernel-jobs.ts';

/** Does jobs in a thread of its own, one after the other; it starts with the first and ends when none came for a while. */
export interface Kernel {
  /** The answer's index. Throws what the job threw, `unavailable` after `close`. */
  run(job: KernelJob): Promise<number>;
  /**
   * Resolves when what was asked is done and the thread has ended: one that a process takes along from within a call to the kernel
   * aborts it.
   */
  close(): Promise<void>;
}

const IDLE_MS = 3_000;
/** A call that takes longer will not return. */
const CLOSE_MS = 5_000;

export function createKernel(): Kernel {
  let tail: Promise<unknown> = Promise.resolve();
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let isClosed = false;
  const ask = async (job: KernelJob): Promise<number> => {
    clearTimeout(idle);
    if (worker === undefined || worker.threadId === -1) worker = startWorker();
    worker.ref();
    try {
      const answered = answerOf(worker);
      worker.postMessage(job, []);
      const answer = await answered;
      if (answer.ok) return answer.index;
      throw new WherryError(answer.code as Code, answer.message);
    } finally {
      worker.unref();
      idle = setTimeout(() => {
        void worker?.terminate();
        worker = undefined;
      }, IDLE_MS).unref();
    }
  };
  return {
    run: (job) => {
      if (isClosed) return Promise.reject(unavailable('The daemon ends'));
      const done = tail.then(() => ask(job));
      tail = done.catch(() => {});
      return done;
    },
    close: async () => {
      isClosed = true;
      if (await within(CLOSE_MS, tail)) await worker?.terminate();
      clearTimeout(idle);
    },
  };
}

/** Its next message. Throws `unavailable` when it ends instead: a thread may lack descriptors or memory, and not come so far as to say so. */
function answerOf(worker: Worker): Promise<KernelAnswer> {
  return new Promise((resolve, reject) => {
    let why = '';
    const onMessage = (answer: KernelAnswer): void => end(() => resolve(answer));
    const onError = (error: unknown): void => void (why = `: ${messageOf(error)}`);
    const onExit = (): void =>
      end(() => reject(unavailable(`The thread that works on networks ended early${why}`)));
    const end = (settle: () => void): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      settle();
    };
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}

/** The worker stands beside this file, under its own name also when bundled. */
function startWorker(): Worker {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const url = new URL(`./kernel-worker.${extension}`, import.meta.url);
  // Descriptors of the network namespaces that it makes outlive it.
  return newWorker(url, { name: 'networks', trackUnmanagedFds: false });
}
