/** A way from `from` back to itself, both ends named; undefined if there is none. */
export function findCycle<T>(from: T, next: (node: T) => readonly T[]): readonly T[] | undefined {
  const seen = new Set<T>();
  const walk = (path: readonly T[], node: T): readonly T[] | undefined => {
    for (const each of next(node)) {
      if (each === from) return [...path, each];
      if (seen.has(each)) continue;
      seen.add(each);
      const found = walk([...path, each], each);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return walk([from], from);
}

/**
 * Does `work` for every node, for each one when it is done for all those that it comes after and that are among the nodes; side by
 * side otherwise. Who stands in a cycle, or comes after one, is not waited for by the others of it: each is worked on once.
 * `work` must not throw.
 */
export async function inOrder<T>(
  nodes: readonly T[],
  after: (node: T) => readonly T[],
  work: (node: T) => Promise<void>,
): Promise<void> {
  const among = new Set(nodes);
  const done = new Map<T, Promise<void>>();
  const inCycle = new Set(nodes.filter((node) => findCycle(node, after) !== undefined));
  const begin = (node: T): Promise<void> => {
    const begun = done.get(node);
    if (begun !== undefined) return begun;
    const before = after(node).filter((each) => among.has(each) && !(inCycle.has(node) && inCycle.has(each)));
    const doing = Promise.all(before.map(begin)).then(() => work(node));
    done.set(node, doing);
    return doing;
  };
  await Promise.all(nodes.map(begin));
}
