/** Of an unsorted list that is not empty; `p` in 0..1. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? NaN;
}

export const median = (samples: readonly number[]): number => percentile(samples, 0.5);

/** Times two ways of doing a thing in turn, so that what else the machine does falls on both. `between` is not timed. Milliseconds. */
export async function interleaved(
  rounds: number,
  [ours, theirs]: readonly [() => Promise<unknown>, () => Promise<unknown>],
  between: () => Promise<unknown> = () => Promise.resolve(),
): Promise<{ ours: number[]; theirs: number[] }> {
  const times: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
  for (let round = -1; round < rounds; round++) {
    const [mine, other] = [await timed(ours), await timed(theirs)];
    await between();
    // The first round fills caches.
    if (round < 0) continue;
    times.ours.push(mine);
    times.theirs.push(other);
  }
  return times;
}

export async function timed(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
}
