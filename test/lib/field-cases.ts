import type { Answer } from './rest.ts';

/** Cases at a time. */
const TOGETHER = 4;

/** Names of what a wire type knows; of those that are `nested` the names within, after a dot, in their place. */
export const fieldsOf = (
  schema: { readonly properties: object },
  nested: Readonly<Record<string, readonly string[]>> = {},
): string[] =>
  Object.keys(schema.properties)
    .flatMap((name) => nested[name]?.map((inner) => `${name}.${inner}`) ?? [name])
    .toSorted();

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

/** Of an answer that is a refusal: what is wrong with its message, if anything. */
export function judgeRefusal(
  { refused }: { readonly refused?: RegExp },
  { status, text }: Answer,
): string | undefined {
  const { message } = JSON.parse(text) as { message: string };
  return refused?.test(message) === true ? undefined : `${status} ${message}`;
}
