/**
 * Chunks that are pushed on one side and iterated on the other, once. `taken` is called when a chunk has been dealt with, for the
 * sender to keep count of those under way.
 */
export class ChunkQueue implements AsyncIterable<Uint8Array> {
  readonly #taken: () => void;
  readonly #chunks: Uint8Array[] = [];
  #state: 'open' | 'ended' | Error = 'open';
  #wake: (() => void) | undefined;

  constructor(taken: () => void) {
    this.#taken = taken;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#wake?.();
  }

  end(): void {
    if (this.#state === 'open') this.#state = 'ended';
    this.#wake?.();
  }

  /** The iteration throws `error` at its next step. */
  fail(error: Error): void {
    this.#state = error;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#state instanceof Error) throw this.#state;
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        yield chunk;
        this.#taken();
        continue;
      }
      if (this.#state === 'ended') return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }
}
