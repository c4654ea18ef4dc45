/** Cases at a time. */
const TOGETHER = 4;

/** Names of what a wire type knows; those of `nested` with their own after a dot, and not by themselves. */
export function fieldsOf(
  schema: { readonly properties: object },
  nested: Readonly<Record<string, { readonly properties: object }>> = {},
): string[] {
  return Object.keys(schema.properties)
    .flatMap((name) => {
      const inner = nested[name];
      return inner === undefined ? [name] : fieldsOf(inner).map((each) => `${name}.${each}`);
    })
    .toSorted();
}

/** What is wrong with which: `judge` says it of one, and undefined when it is as it should be. */
export async function judgeAll<T>(
  cases: Readonly<Record<string, T>>,
  judge: (asked: T, name: string) => Promise<string | undefined>,
): Promise<string[]> {
  const wrong: string[] = [];
  const waiting = Object.entries(cases);
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, asked] = next;
      const found = await judge(asked, name);
      if (found !== undefined) wrong.push(`${name}: ${found}`);
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, work));
  return wrong;
}
