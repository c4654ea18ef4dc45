import { WherryError, type Code } from '../../common/errors.ts';
import { placeOf } from './full-disk.ts';
import type { Job } from './jobs.ts';

/** Looks in that part of the time. */
const LOOKS = 8;
/** One call that writes all that is in memory to the disk. */
const SYNC_TIMES = 5;
const CODE: Code = 'deadline-exceeded';

/** A thread is in a call to the kernel that does not return: its storage hangs. */
export class Stalled extends WherryError {
  constructor(job: Job, afterMs: number) {
    const [subject, more] = subjectOf(job);
    super(CODE, `The storage at "${subject}" has not answered for ${afterMs / 1000} s${more}`);
  }
}

export interface StallWatch extends Disposable {
  /** Rejects with Stalled, or never settles. */
  readonly stalled: Promise<never>;
  readonly hasStalled: boolean;
}

/**
 * Watches the thread that runs `job` by its beat (native/ffi/beat.ts): one that waits for a registry, for a client or for zlib is in no
 * call, and one that writes a lot makes many.
 */
export function watchStall(beat: Int32Array, job: Job, patienceMs: number): StallWatch {
  const afterMs = job.kind === 'sync' ? patienceMs * SYNC_TIMES : patienceMs;
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  let last = Atomics.load(beat, 0);
  let since = performance.now();
  let hasStalled = false;
  const timer = setInterval(() => {
    const now = Atomics.load(beat, 0);
    const inCall = now % 2 !== 0;
    if (now !== last || !inCall) {
      last = now;
      since = performance.now();
    } else if (performance.now() - since >= afterMs) {
      hasStalled = true;
      reject(new Stalled(job, afterMs));
    }
  }, afterMs / LOOKS);
  return {
    stalled: promise,
    get hasStalled() {
      return hasStalled;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** The place, and the layer if there is one: a job reads and writes. */
function subjectOf(job: Job): readonly [string, string] {
  if (job.kind === 'fetch') {
    const layer = job.layer === undefined ? '' : `, unpacking into "${job.layer.target}"`;
    return [job.file, `, fetching ${job.blob.digest}${layer}`];
  }
  if (job.kind === 'unpack') return [job.target, `, unpacking layer ${job.diffId} from "${job.blob}"`];
  if (job.kind === 'compare-paths') return [job.from[0] ?? '', ', comparing'];
  if (job.kind === 'export') return [job.layers[0] ?? '', ', exporting'];
  return [placeOf(job), ''];
}
