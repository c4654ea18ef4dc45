import { createHash } from 'node:crypto';
import { constants as fs } from 'node:fs';
import { AT_FDCWD, closeFd, openAt, writeAll } from '../../native/sys/files.ts';
import type { RebuildJob, RebuiltBlob } from '../workers/jobs.ts';
import { assemble } from './assemble.ts';
import { recompress } from './recompress.ts';

const NEW_FILE = fs.O_WRONLY | fs.O_CREAT | fs.O_EXCL | fs.O_NOFOLLOW;

/** Runs a RebuildJob: what comes out may be anything, its digest tells. */
export async function rebuild(job: RebuildJob, signal: AbortSignal): Promise<RebuiltBlob> {
  const { file, recompression } = job;
  const fd = file === undefined ? undefined : openAt(AT_FDCWD, file, { flags: NEW_FILE, mode: 0o600 });
  try {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for await (const chunk of recompress(assemble(job, signal), recompression, signal)) {
      signal.throwIfAborted();
      hash.update(chunk);
      sizeBytes += chunk.byteLength;
      if (fd !== undefined) writeAll(fd, chunk);
    }
    return { digest: `sha256:${hash.digest('hex')}`, sizeBytes };
  } finally {
    if (fd !== undefined) closeFd(fd);
  }
}
