import { internal } from '../../common/errors.ts';
import { isErrno } from '../../native/sys/files.ts';
import type { Job } from './jobs.ts';

const WORDS = { ENOSPC: 'no space left on device', EDQUOT: 'disk quota exceeded', EIO: 'input/output error' };

/** A write to a descriptor fails without a word about where; this says what the job was writing. */
export function tellPlace(error: unknown, job: Job): unknown {
  for (const [name, words] of Object.entries(WORDS)) {
    if (isErrno(error, name))
      return internal(`Cannot write to "${placeOf(job)}": ${words}`, { cause: error });
  }
  return error;
}

/** Where a job works: for its errors. */
export function placeOf(job: Job): string {
  const { target, file, directory, path, upper }: Readonly<Record<string, unknown>> = { ...job };
  return [target, file, directory, path, upper].find((place) => typeof place === 'string') ?? job.kind;
}
