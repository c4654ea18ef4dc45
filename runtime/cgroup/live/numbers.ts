import { readCgroupFile } from './files.ts';

/** A counter of the kernel: 64 bits, so not every one is a `number`. */
export type Count = number | bigint;

const MAX_U64 = 2n ** 64n - 1n;

/** `max` is the largest there is, and what a flaw of the kernel makes negative is 0. */
export function parseCount(text: string): Count {
  if (text === 'max') return MAX_U64;
  if (!/^\d+$/.test(text)) return 0;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

export const isMax = (count: Count): boolean => count === MAX_U64;

export function plus(one: Count, other: Count): Count {
  const sum = BigInt(one) + BigInt(other);
  return sum <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(sum) : sum;
}

/** The number in a file; undefined without the file. */
export async function readCount(path: string): Promise<Count | undefined> {
  const text = await readCgroupFile(path);
  return text === undefined ? undefined : parseCount(text.trim());
}

/** Lines `key value`, in a map; empty without the file. */
export async function readCounts(path: string): Promise<ReadonlyMap<string, Count>> {
  const text = (await readCgroupFile(path)) ?? '';
  return new Map(
    text
      .split('\n')
      .map((line) => line.split(' '))
      .filter((words) => words.length === 2)
      .map(([key = '', value = '']) => [key, parseCount(value)]),
  );
}

/** Lines `name key=value ...`, by their names. */
export type NestedCounts = readonly (readonly [name: string, counts: ReadonlyMap<string, Count>])[];

/** Empty without the file. */
export async function readNestedCounts(path: string): Promise<NestedCounts> {
  const lines = ((await readCgroupFile(path)) ?? '').split('\n');
  return lines.flatMap((line) => {
    const [name = '', ...pairs] = line.split(' ').filter((word) => word !== '');
    const counts = pairs.map((pair) => pair.split('=') as [string, string]);
    return pairs.length === 0
      ? []
      : [[name, new Map(counts.map(([key, value]) => [key, parseCount(value)]))]];
  });
}

/** JSON with its large numbers written out, as Go's decoder wants them; JSON.stringify refuses them. */
export function countsToJson(value: unknown): string {
  const marked = JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'bigint' ? `${MARK}${each}` : each,
  );
  return marked.replace(/"\\u0001(\d+)"/g, '$1');
}

/** In no string of the kernel's. */
const MARK = '\u0001';

/** Without what is 0 or empty, as the wire format leaves it out, but for `always`. */
export function compact<T extends object>(value: T, always: readonly (keyof T)[] = []): Partial<T> {
  const isEmpty = (each: unknown): boolean =>
    each === undefined || each === 0 || each === '' || (Array.isArray(each) && each.length === 0);
  return Object.fromEntries(
    Object.entries(value).filter(([key, each]) => always.includes(key as keyof T) || !isEmpty(each)),
  ) as Partial<T>;
}
