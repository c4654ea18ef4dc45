/**
 * A stack of compensations. Acquire, then `defer` the release on the next line; `commit` last. If the scope ends
 * without a commit, every deferred step runs in reverse order, also after a failure of another; what fails is
 * collected and thrown as one AggregateError after all have run.
 *
 * An undo ignores the caller's abort: steps take `ctx.detached()`, never `ctx`.
 */
export class Undo implements AsyncDisposable {
  #steps: (() => unknown)[] = [];

  defer(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** From here on nothing is undone. */
  commit(): void {
    this.#steps = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'Cannot undo every step');
  }
}
