import type { Recorded } from './record.ts';

/** Where we differ, and why: `of` is matched against the call, `at` against `header.Server` or `body.0.State`; both from their beginning. */
export interface Explanation {
  readonly of?: RegExp;
  readonly at: RegExp;
  /** Holds for these values only. */
  readonly where?: (theirs: unknown, ours: unknown) => boolean;
  readonly because: string;
}

export interface Difference {
  readonly of: string;
  readonly at: string;
  readonly theirs: unknown;
  readonly ours: unknown;
}

export function compare(theirs: readonly Recorded[], ours: readonly Recorded[]): Difference[] {
  return theirs.flatMap(({ of, answer }, index) =>
    differences(answer, ours[index]?.answer, '').map((found) => ({ of, ...found })),
  );
}

/** Those that nothing explains, and the explanations that explain nothing. */
export function unexplained(
  found: readonly Difference[],
  explanations: readonly Explanation[],
): { readonly differences: readonly Difference[]; readonly idle: readonly Explanation[] } {
  const used = new Set<Explanation>();
  const left = found.filter((difference) => {
    const fitting = explanations.find((each) => explains(each, difference));
    if (fitting !== undefined) used.add(fitting);
    return fitting === undefined;
  });
  return { differences: left, idle: explanations.filter((each) => !used.has(each)) };
}

const explains = ({ of, at, where }: Explanation, { theirs, ours, ...difference }: Difference): boolean =>
  difference.at.search(at) === 0 &&
  (of === undefined || difference.of.search(of) === 0) &&
  (where?.(theirs, ours) ?? true);

/** Field by field, item by item. */
function differences(theirs: unknown, ours: unknown, at: string): Omit<Difference, 'of'>[] {
  if (isMap(theirs) && isMap(ours)) {
    const keys = new Set([...Object.keys(theirs), ...Object.keys(ours)]);
    return [...keys].flatMap((key) => differences(theirs[key], ours[key], at === '' ? key : `${at}.${key}`));
  }
  if (Array.isArray(theirs) && Array.isArray(ours) && theirs.length === ours.length) {
    return theirs.flatMap((item, index) => differences(item, ours[index], `${at}.${index}`));
  }
  return JSON.stringify(theirs) === JSON.stringify(ours) ? [] : [{ at, theirs, ours }];
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
