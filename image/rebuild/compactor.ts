import { join } from 'node:path';
import { makeCtx, type Ctx } from '../../common/ctx.ts';
import { messageOf } from '../../common/errors.ts';
import { KeyedLocks } from '../../common/locks.ts';
import type { Digest } from '../digest.ts';
import { layerBlobs } from '../disk/usage.ts';
import type { StoreParts } from '../parts.ts';
import type { Recorded } from '../workers/jobs.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { Compacted, Compactor } from './contract.ts';
import { layersOf, type LayerOfBlob } from './rebuilt.ts';

/** To try one blob; classic zlib makes some 10 MB of a tar in a second. */
const LIMIT_MS = 15 * 60 * 1000;
/** What somebody reads is tried again. */
const BUSY_MS = 2_000;
/** Not worth a file of their own. */
const MIN_BLOB_BYTES = 4096;

interface Options {
  /** The daemon's option: without it `wake` does nothing. */
  readonly always: boolean;
  /** Its own, of one thread: nobody waits for it. */
  readonly pool: WorkerPool;
}

export const openCompactor = (parts: StoreParts, options: Options): Compactor =>
  new BlobCompactor(parts, options);

class BlobCompactor implements Compactor {
  readonly #parts: StoreParts;
  readonly #options: Options;
  readonly #locks = new KeyedLocks();
  readonly #closing = new AbortController();
  #pass: Promise<void> | undefined;
  #again = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: StoreParts, options: Options) {
    this.#parts = parts;
    this.#options = options;
  }

  wake(): void {
    if (!this.#options.always || this.#closing.signal.aborted) return;
    this.#again = true;
    this.#pass ??= this.#background().finally(() => (this.#pass = undefined));
  }

  async run(ctx: Ctx): Promise<readonly Compacted[]> {
    return this.#all(ctx.until(this.#closing.signal), true);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#closing.abort();
    await this.#pass;
    using _ = await this.#locks.acquire('pass');
  }

  async #background(): Promise<void> {
    const { log } = this.#parts.ctx;
    const ctx = makeCtx(log, this.#closing.signal);
    try {
      while (this.#again) {
        this.#again = false;
        const found = await this.#all(ctx, false);
        clearTimeout(this.#timer);
        if (found.some(({ kind }) => kind === 'busy')) {
          this.#timer = setTimeout(() => this.wake(), BUSY_MS).unref();
        }
      }
    } catch (error) {
      if (!ctx.signal.aborted)
        log.warn('Cannot drop blobs that can be made again', { error: messageOf(error) });
    }
  }

  /** One pass at a time. */
  async #all(ctx: Ctx, retry: boolean): Promise<Compacted[]> {
    using _ = await this.#locks.acquireFor(ctx, 'pass', 'the blobs to be looked through');
    const { catalog, content, recipes, collect } = this.#parts;
    const blobs = new Set(catalog.list().flatMap(({ id }) => layerBlobs(this.#parts, id)));
    const found: Compacted[] = [];
    for (const digest of blobs) {
      ctx.check();
      const blobBytes = content.size(digest)?.bytes;
      if (blobBytes === undefined) continue;
      const reason = retry ? undefined : recipes.kept(digest);
      if (reason !== undefined) continue;
      found.push({ digest, blobBytes, ...(await this.#tryOne(ctx, digest)) });
    }
    // Images may have gone meanwhile.
    await collect(ctx);
    return found;
  }

  async #tryOne(ctx: Ctx, digest: Digest): Promise<Outcome> {
    try {
      return await compact(this.#parts, ctx, { digest, pool: this.#options.pool });
    } catch (error) {
      ctx.check();
      ctx.log.warn('Cannot find out whether a blob can be made again', { digest, error: messageOf(error) });
      return { kind: 'kept', reason: messageOf(error) };
    }
  }
}

type Outcome =
  | Omit<Extract<Compacted, { kind: 'dropped' }>, 'digest' | 'blobBytes'>
  | Omit<Extract<Compacted, { kind: 'kept' }>, 'digest' | 'blobBytes'>
  | Omit<Extract<Compacted, { kind: 'busy' }>, 'digest' | 'blobBytes'>;

/** Recipe and row are on the disk before the blob goes: a crash leaves one of them, or both. */
async function compact(
  parts: StoreParts,
  ctx: Ctx,
  { digest, pool }: { readonly digest: Digest; readonly pool: WorkerPool },
): Promise<Outcome> {
  const { content, layers, owners, recipes } = parts;
  if (owners.ownsBlob(digest)) return { kind: 'kept', reason: "a namespace of containerd's API has it" };
  {
    using _blob = content.hold([digest]);
    const [of] = layersOf(parts, digest);
    if (of === undefined) return { kind: 'kept', reason: 'it has no unpacked layer' };
    using _layer = layers.hold([of.layer.chain]);
    if (!(await isRecorded(parts, ctx, digest))) {
      const recorded = await record(parts, ctx, { digest, of, pool });
      if (recorded.kind === 'kept') {
        recipes.keep(digest, recorded.reason);
        return recorded;
      }
    }
  }
  await content.discard(ctx, [digest], (each) => owners.ownsBlob(each));
  if (content.size(digest) !== undefined) return { kind: 'busy' };
  return { kind: 'dropped', recipeBytes: recipes.size(digest)?.bytes ?? 0 };
}

/** A recipe is there beside the blob, after a crash or since the same blob came once more: it must still be good. */
async function isRecorded({ recipes, rebuilt }: StoreParts, ctx: Ctx, digest: Digest): Promise<boolean> {
  if (recipes.get(digest) === undefined) return false;
  if ((await rebuilt.problem(ctx, digest)) === undefined) return true;
  await recipes.remove(digest);
  return false;
}

async function record(
  { content, directories, recipes }: StoreParts,
  ctx: Ctx,
  { digest, of, pool }: { readonly digest: Digest; readonly of: LayerOfBlob; readonly pool: WorkerPool },
): Promise<Recorded> {
  if ((content.size(digest)?.bytes ?? 0) < MIN_BLOB_BYTES) {
    return { kind: 'kept', reason: 'a recipe would save too little' };
  }
  await using incoming = await content.ingest();
  const file = join(incoming.directory, 'recipe');
  const recorded = await pool.run(ctx, {
    kind: 'record',
    blob: content.path(digest),
    digest,
    diffId: of.diffId,
    directory: directories.layer(of.layer.directory),
    file,
    limitMs: LIMIT_MS,
  });
  if (recorded.kind === 'recorded') {
    const { recompression, blobBytes } = recorded;
    await recipes.put(file, { digest, recompression, blobBytes });
  }
  return recorded;
}
