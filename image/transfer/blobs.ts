import type { Ctx } from '../../common/ctx.ts';
import { KeyedLocks } from '../../common/locks.ts';
import type { Digest } from '../digest.ts';
import type { StoreParts } from '../parts.ts';
import type { Descriptor } from '../registry/contract.ts';
import type { FetchedBlob, FetchJob, RemoteRepository } from '../workers/jobs.ts';
import { BlobNews } from './news.ts';

export interface BlobRequest {
  readonly blob: Descriptor;
  readonly from: RemoteRepository;
  /** Unpack it on the way. */
  readonly layer: FetchJob['layer'];
}

type BlobParts = Pick<StoreParts, 'content' | 'downloads' | 'rebuilt'>;

/**
 * Blobs on their way from registries. A blob that was fetched stays a partial one until `publish`: what nobody's image has in the end
 * is there for the next attempt, and no orphan.
 */
export class Blobs {
  readonly news = new BlobNews();
  readonly #parts: BlobParts;
  readonly #locks = new KeyedLocks();
  /** Whole partial blobs, whose digest this daemon has seen. */
  readonly #verified = new Set<Digest>();

  constructor(parts: BlobParts) {
    this.#parts = parts;
  }

  /** Whether all of it is on the disk, verified, or can be made again. */
  has(digest: Digest): boolean {
    const { content, rebuilt } = this.#parts;
    if (content.size(digest) !== undefined || rebuilt.can(digest)) return true;
    return this.#isVerified(digest);
  }

  #isVerified(digest: Digest): boolean {
    return this.#verified.has(digest) && this.#parts.content.partials.has(digest);
  }

  /** Fetches a blob, once however many ask at a time. The caller holds it. Throws the registry's errors; what came is kept. */
  async fetch(ctx: Ctx, { blob, from, layer }: BlobRequest): Promise<FetchedBlob> {
    using _ = await this.#lock(ctx, blob.digest);
    const { content, downloads } = this.#parts;
    if (layer === undefined && this.has(blob.digest)) return { unpacked: undefined };
    const { partials } = content;
    const file = partials.path(blob.digest);
    try {
      const fetched = await downloads.fetch(ctx, { kind: 'fetch', file, blob, from, layer }, (progress) => {
        if (progress.kind === 'fetching') partials.note(blob.digest, progress.bytes);
        this.news.tell(blob.digest, progress);
      });
      this.#verified.add(blob.digest);
      return fetched;
    } finally {
      this.news.end(blob.digest);
      await partials.measure(blob.digest);
    }
  }

  /** Moves a fetched blob to its place. What a killed pull has left of one that has come otherwise meanwhile goes. The caller holds it. */
  async publish(ctx: Ctx, digest: Digest): Promise<void> {
    using _ = await this.#lock(ctx, digest);
    const { content } = this.#parts;
    if (this.#isVerified(digest)) await content.adopt(ctx, content.partials.path(digest), digest);
    await content.partials.remove(digest);
    this.#verified.delete(digest);
  }

  /** Gives the lock up again when ctx ends before it comes. */
  async #lock(ctx: Ctx, digest: Digest): Promise<Disposable> {
    const lock = this.#locks.acquireFor(ctx, digest, `blob ${digest}`);
    let stop = (): void => {};
    const left = new Promise<'left'>((resolve) => {
      stop = () => resolve('left');
      ctx.signal.addEventListener('abort', stop, { once: true });
      if (ctx.signal.aborted) stop();
    });
    const first = await Promise.race([lock, left]);
    ctx.signal.removeEventListener('abort', stop);
    if (first !== 'left') return first;
    void lock.then((late) => late[Symbol.dispose]());
    ctx.check();
    return lock;
  }
}
