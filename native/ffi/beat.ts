/**
 * Whether this thread is in a system call that may wait for storage, and whether it gets on: odd means in one, every change is progress.
 * Who watches a worker from another thread can't ask it: it would have to answer. Of the thread, so a module's own state.
 */
let word = new Int32Array(new SharedArrayBuffer(4));

/** From here on the count is kept in the first element of `shared`, for the one who made it. */
export function beatInto(shared: Int32Array<SharedArrayBuffer>): void {
  word = shared;
}

/** Runs a call to the kernel. */
export function inCall<T>(call: () => T): T {
  Atomics.add(word, 0, 1);
  try {
    return call();
  } finally {
    Atomics.add(word, 0, 1);
  }
}
