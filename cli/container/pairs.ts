import { splitPair } from './environment.ts';

export const pairs = (values: readonly string[]): Record<string, string> =>
  Object.fromEntries(values.map((value) => splitPair(value)));
