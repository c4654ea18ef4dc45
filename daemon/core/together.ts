/**
 * `Promise.all` that waits for every one also when one fails, then throws the first failure: what is undone next is no longer
 * being done.
 */
export async function together<T extends readonly unknown[]>(
  work: readonly [...T],
): Promise<{
  -readonly [K in keyof T]: Awaited<T[K]>;
}> {
  const settled: readonly PromiseSettledResult<unknown>[] = await Promise.allSettled(work);
  const failed = settled.find((each) => each.status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
  return settled.map((each) => (each as PromiseFulfilledResult<unknown>).value) as {
    -readonly [K in keyof T]: Awaited<T[K]>;
  };
}
