import { Worker, type WorkerOptions } from 'node:worker_threads';
import { internal, messageOf } from './errors.ts';

/**
 * A thread whose death nobody but who waits for it learns of: an idle one must not take the process along. Throws `internal` with the
 * limit to look at when the kernel has no room for it.
 */
export function newWorker(url: URL, options: WorkerOptions): Worker {
  try {
    return new Worker(url, { execArgv: [], ...options }).on('error', () => {});
  } catch (error) {
    const hint = messageOf(error).includes('EAGAIN')
      ? ' (pids.max of a cgroup, or the limit of processes, is reached)'
      : '';
    throw internal(`Cannot start a thread: ${messageOf(error)}${hint}`, { cause: error });
  }
}
