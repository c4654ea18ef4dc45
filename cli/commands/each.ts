import { messageOf } from '../../common/errors.ts';
import { print, printError } from '../output.ts';

/**
 * Does `operation` for all at once, then prints each name whose operation succeeded, in the order given, and after them the
 * errors. Returns the exit code.
 */
export async function forEach(
  names: readonly string[],
  operation: (name: string) => Promise<unknown>,
  isHarmless: (error: unknown) => boolean = () => false,
): Promise<number> {
  const outcomes = await Promise.allSettled(names.map((name) => operation(name)));
  let status = 0;
  outcomes.forEach((outcome, index) => {
    if (outcome.status === 'fulfilled') print(`${names[index]}\n`);
    else if (isHarmless(outcome.reason)) printError(`${messageOf(outcome.reason)}\n`);
  });
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled' || isHarmless(outcome.reason)) continue;
    printError(`${messageOf(outcome.reason)}\n`);
    status = 1;
  }
  return status;
}

/** The path of a container's endpoint. */
export const containerPath = (reference: string, endpoint = ''): string =>
  `/containers/${encodeURIComponent(reference)}${endpoint}`;
