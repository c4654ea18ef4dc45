import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { env } from 'node:process';
import { inspect, styleText } from 'node:util';
import type { TestEvent } from 'node:test/reporters';
import { at } from './paths.ts';

type Failed = Extract<TestEvent, { type: 'test:fail' }>['data'];
type Passed = Extract<TestEvent, { type: 'test:pass' }>['data'];
type Summary = Extract<TestEvent, { type: 'test:summary' }>['data'];

const SLOW_MS = 1000;

/** What scripts/test.ts reads from the file that WHERRY_TEST_OUTCOME names. */
export interface Outcome {
  readonly files: readonly FileOutcome[];
  /** A line each. */
  readonly skips: readonly string[];
}

export interface FileOutcome {
  readonly name: string;
  readonly isOk: boolean;
  readonly counts: Counts;
}

export type Counts = Pick<
  Summary['counts'],
  'tests' | 'suites' | 'passed' | 'cancelled' | 'skipped' | 'todo'
>;

/** One line per file below what its tests told, and every failure in full where it happens. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const skips: string[] = [];
  const files = new Map<string, FileOutcome>();
  for await (const event of events) {
    if (event.type === 'test:fail') {
      yield* failure(event.data);
      const { name } = event.data;
      if (isFile(event.data) && !files.has(name)) files.set(name, { name, isOk: false, counts: DEAD });
    }
    if (event.type === 'test:pass') skips.push(...skipped(event.data));
    if (event.type === 'test:stderr' || event.type === 'test:stdout') yield event.data.message;
    // With a file: told by a test, of what it measured or drew; the runner's own totals have none.
    if (event.type === 'test:diagnostic' && event.data.file !== undefined)
      yield `     ${event.data.message}\n`;
    if (event.type === 'test:summary' && event.data.file !== undefined) {
      const { counts, success: isOk } = event.data;
      const name = relative(at(), event.data.file);
      files.set(name, { name, isOk, counts });
      yield fileLine(event.data, event.data.file);
    }
  }
  const outcome = env['WHERRY_TEST_OUTCOME'];
  if (outcome !== undefined)
    writeFileSync(outcome, JSON.stringify({ files: [...files.values()], skips } satisfies Outcome));
}

/** A file whose process ended before it could count its tests is one that failed. */
const DEAD: Counts = { tests: 1, suites: 0, passed: 0, cancelled: 0, skipped: 0, todo: 0 };

const isFile = ({ name, file, nesting }: Failed): boolean =>
  nesting === 0 && file !== undefined && relative(at(), file) === name;

function* failure(data: Failed): Generator<string> {
  const { error } = data.details;
  // A failed parent only counts its failed children, which were printed.
  if ((error as { failureType?: string }).failureType === 'subtestsFailed') return;
  const where = data.file === undefined ? '' : `${relative(at(), data.file)}:${data.line ?? 0}`;
  const cause = inspect(error.cause ?? error, { colors: false });
  yield `${styleText('red', `FAIL ${data.name}`)}  ${where}\n${cause}${processEnd(error)}\n`;
}

/** How the process of a file ended that gave no better reason. */
function processEnd(error: Error & { readonly exitCode?: unknown; readonly signal?: unknown }): string {
  const { exitCode, signal } = error;
  if (typeof signal === 'string') return ` (the file's process was ended by ${signal})`;
  return typeof exitCode === 'number' ? ` (the file's process exited with ${exitCode})` : '';
}

function skipped(data: Passed): string[] {
  if (data.skip === undefined || data.skip === false) return [];
  const file = data.file === undefined ? '' : relative(at(), data.file);
  return [`  ${file}: ${data.name}: ${data.skip === true ? 'no reason given' : data.skip}`];
}

function fileLine(summary: Summary, file: string): string {
  const { counts, duration_ms: ms } = summary;
  const mark = summary.success ? styleText('green', 'ok  ') : styleText('red', 'FAIL');
  const skips = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
  const time = ms > SLOW_MS ? `  ${(ms / 1000).toFixed(1)} s` : '';
  return `${mark} ${relative(at(), file)}  ${counts.passed} of ${counts.tests}${skips}${time}\n`;
}
