import type { Digest } from '../digest.ts';
import type { FetchProgress } from '../workers/jobs.ts';

type Listener = (progress: FetchProgress) => void;

/** What fetches report of blobs, for all pulls that wait for the same one. */
export class BlobNews {
  readonly #listeners = new Map<Digest, Set<Listener>>();
  readonly #last = new Map<Digest, FetchProgress>();

  /** Until disposed; begins with the last report of a fetch under way. */
  follow(digest: Digest, report: Listener): Disposable {
    const listener: Listener = (progress) => report(progress);
    const listeners = this.#listeners.get(digest) ?? new Set();
    this.#listeners.set(digest, listeners.add(listener));
    const last = this.#last.get(digest);
    if (last !== undefined) listener(last);
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size === 0) this.#listeners.delete(digest);
      },
    };
  }

  tell(digest: Digest, progress: FetchProgress): void {
    this.#last.set(digest, progress);
    for (const listener of this.#listeners.get(digest) ?? []) listener(progress);
  }

  /** The fetch is over. */
  end(digest: Digest): void {
    this.#last.delete(digest);
  }
}
