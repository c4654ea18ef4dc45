/** Chunks of a job's input or output that are under way between the daemon and its worker. */
export const WINDOW = 16;

/** Counts what may still be sent. One waits at a time. */
export class Window {
  #left: number;
  #wake: (() => void) | undefined;
  closed = false;

  constructor(size: number) {
    this.#left = size;
  }

  /** False when the other side has ended. */
  async enter(): Promise<boolean> {
    while (this.#left === 0 && !this.closed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    this.#left -= 1;
    return !this.closed;
  }

  open(): void {
    this.#left += 1;
    this.#wake?.();
  }

  close(): void {
    this.closed = true;
    this.#wake?.();
  }
}
