import { parentPort } from 'node:worker_threads';
import { codeOf, messageOf } from '../../../common/errors.ts';
import type { KernelAnswer, KernelJob } from './kernel-jobs.ts';
import { runJob } from './kernel-work.ts';

/** One job at a time; see kernel-work.ts. */
parentPort?.on('message', (job: KernelJob) => {
  parentPort?.postMessage(answerTo(job), []);
});

function answerTo(job: KernelJob): KernelAnswer {
  try {
    return { ok: true, index: runJob(job) };
  } catch (error) {
    return { ok: false, code: codeOf(error), message: messageOf(error) };
  }
}
