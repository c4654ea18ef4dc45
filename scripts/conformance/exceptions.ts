import { readFile } from 'node:fs/promises';
import type { Result } from './suite.ts';

/** A test that may fail, and why that says nothing about the runtime. */
export interface Exception {
  readonly suite: string;
  readonly test: string;
  readonly reason: string;
  /** Whether it fails is a matter of timing: it may pass. */
  readonly sometimes?: true;
}

export interface Verdict extends Result {
  readonly suite: string;
  readonly exception?: Exception;
}

export async function readExceptions(file: string): Promise<Exception[]> {
  const list = JSON.parse(await readFile(file, 'utf8')) as Exception[];
  for (const { suite, test, reason } of list)
    if (!suite || !test || !reason) throw new Error(`${file}: an entry lacks its suite, test or reason`);
  return list;
}

/** Which exception each result of a suite falls under. */
export function judge(
  suite: string,
  results: readonly Result[],
  exceptions: readonly Exception[],
): Verdict[] {
  const byTest = new Map(exceptions.filter((e) => e.suite === suite).map((e) => [e.test, e]));
  return results.map((result) => {
    const exception = byTest.get(result.test);
    return { ...result, suite, ...(exception !== undefined && { exception }) };
  });
}

export const isUnexpected = ({ outcome, exception }: Verdict): boolean =>
  outcome === 'failed' && exception === undefined;

/** An exception that is none any more must leave the list. */
export const isStale = ({ outcome, exception }: Verdict): boolean =>
  outcome === 'passed' && exception !== undefined && exception.sometimes !== true;
