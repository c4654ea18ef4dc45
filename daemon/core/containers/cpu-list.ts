/** What a list may name at most: more is a mistake, and would cost memory. */
const MAX_NUMBER = 8192;

/** The numbers of the kernel's list format (man 7 cpuset): `0-3,8`. Undefined for anything else. */
export function parseCpuList(text: string): ReadonlySet<number> | undefined {
  const numbers = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (first > last || last > MAX_NUMBER) return undefined;
    for (let number = first; number <= last; number += 1) numbers.add(number);
  }
  return numbers;
}
