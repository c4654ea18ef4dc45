import { createHash } from 'node:crypto';
import { constants as fs } from 'node:fs';
import { invalidArgument, WherryError } from '../../common/errors.ts';
import { makeCtx } from '../../common/ctx.ts';
import { silentLog } from '../../common/log.ts';
import { AT_FDCWD, closeFd, openAt, unlinkAt, writeAll } from '../../native/sys/files.ts';
import { chunksOf as bytesOf } from '../../native/sys/read.ts';
import { removeTreeAt } from '../../native/sys/remove-tree.ts';
import type { Remote } from './fetch-remote.ts';
import type { FetchedBlob, FetchJob, FetchProgress, UnpackedLayer } from './jobs.ts';
import type { UnpackLimits } from './limits.ts';
import { unpackStream } from './unpack.ts';

const CHUNK_BYTES = 256 * 1024;
/** Docker's clients draw a bar ten times a second. */
const REPORT_MS = 100;
const OPEN_FILE = fs.O_WRONLY | fs.O_CREAT | fs.O_APPEND | fs.O_NOFOLLOW;
const PRIVATE = 0o600;

interface Options {
  readonly remote: Remote;
  readonly signal: AbortSignal;
  readonly limits: UnpackLimits;
  readonly report: (progress: FetchProgress) => void;
}

/**
 * Runs a FetchJob. A blob that is not what its digest says is fetched once more, from the registry itself and not from its mirrors:
 * what was kept of an earlier attempt may be damaged, or a cache on the way.
 */
export async function fetchBlob(job: FetchJob, options: Options): Promise<FetchedBlob> {
  const first = await attempt(job, options);
  if (first !== 'corrupt') return first;
  const { from } = job;
  const own = from?.endpoints.filter(({ mirror }) => !mirror) ?? [];
  const again = from === undefined || own.length === 0 ? from : { ...from, endpoints: own };
  const second = again === undefined ? 'corrupt' : await attempt({ ...job, from: again }, options);
  if (second !== 'corrupt') return second;
  throw invalidArgument(`filesystem layer verification failed for digest ${job.blob.digest}`);
}

/** A corrupt blob's file is gone. */
async function attempt(job: FetchJob, options: Options): Promise<FetchedBlob | 'corrupt'> {
  const { layer, blob } = job;
  const incoming = new Incoming(job, options);
  let unpacked: UnpackedLayer | undefined;
  let failure: { readonly error: unknown } | undefined;
  try {
    if (layer !== undefined) {
      try {
        unpacked = await unpackStream(unclosed(incoming), {
          ...layer,
          signal: options.signal,
          limits: options.limits,
        });
      } catch (error) {
        failure = { error };
      }
    }
    // Also behind the end of the archive, and after a failure: only the blob's digest says whose fault it is.
    await incoming.drain();
    options.signal.throwIfAborted();
    options.report({ kind: 'verifying' });
    if (incoming.digest() !== blob.digest) {
      unlinkAt(AT_FDCWD, job.file);
      failure = { error: 'corrupt' };
      return 'corrupt';
    }
    options.report({ kind: 'fetched' });
    if (failure !== undefined) throw failure.error;
    return { unpacked };
  } catch (error) {
    failure = { error };
    throw error;
  } finally {
    if (failure !== undefined && unpacked !== undefined && layer !== undefined) {
      removeTreeAt(AT_FDCWD, layer.target);
    }
    await incoming.close();
  }
}

/** The bytes of a blob, first those of the file, then the registry's, which are written behind them; hashed as they pass. */
class Incoming implements AsyncIterator<Uint8Array> {
  readonly #chunks: AsyncGenerator<Uint8Array>;
  readonly #hash = createHash('sha256');
  readonly #fd: number;
  #failure: { readonly error: unknown } | undefined;

  constructor(job: FetchJob, options: Options) {
    this.#fd = openAt(AT_FDCWD, job.file, { flags: OPEN_FILE, mode: PRIVATE });
    this.#chunks = chunksOf(job, { ...options, fd: this.#fd });
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#check();
    try {
      const next = await this.#chunks.next();
      // One who asked before may have got the failure, after which a generator has simply ended.
      this.#check();
      if (next.done === true) return { done: true, value: undefined };
      this.#hash.update(next.value);
      return next;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async drain(): Promise<void> {
    while ((await this.next()).done !== true);
  }

  digest(): string {
    return `sha256:${this.#hash.digest('hex')}`;
  }

  async close(): Promise<void> {
    try {
      await this.#chunks.return(undefined);
    } catch {
      // It failed before, and said so then.
    } finally {
      closeFd(this.#fd);
    }
  }
}

/** For a reader that stops early: the rest is still to come. */
const unclosed = (incoming: Incoming): AsyncIterable<Uint8Array> => ({
  [Symbol.asyncIterator]: () => ({ next: () => incoming.next() }),
});

async function* chunksOf(
  { file, blob, from }: FetchJob,
  { remote, signal, report, fd }: Options & { readonly fd: number },
): AsyncGenerator<Uint8Array> {
  const meter = meterOf(report);
  let bytes = 0;
  for await (const chunk of bytesOf(file, CHUNK_BYTES)) {
    signal.throwIfAborted();
    bytes += chunk.byteLength;
    meter(bytes);
    yield chunk;
  }
  if (from === undefined || bytes >= blob.size) return;
  for await (const chunk of remote.repository(from).blob(makeCtx(silentLog, signal), blob, bytes)) {
    bytes += chunk.byteLength;
    // Longer than it may be: the digest will say so.
    if (bytes <= blob.size) writeAll(fd, chunk);
    meter(bytes);
    yield chunk;
    if (bytes > blob.size) return;
  }
  if (bytes < blob.size)
    throw new WherryError('unavailable', `unexpected EOF: ${bytes} of ${blob.size} bytes`);
}

function meterOf(report: Options['report']): (bytes: number) => void {
  let last = -REPORT_MS;
  return (bytes) => {
    const now = performance.now();
    if (now - last < REPORT_MS) return;
    last = now;
    report({ kind: 'fetching', bytes });
  };
}
