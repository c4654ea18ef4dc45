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

/**
 * One line per file, every failure in full where it happens, every skip with its reason at the end, and node's summary
 * (`# tests 12`, `# pass 12`, `# fail 0`) last.
 */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const skips: string[] = [];
  const diedAtLoad: string[] = [];
  let summary: Summary | undefined;
  for await (const event of events) {
    if (event.type === 'test:fail') {
      yield* failure(event.data);
      if (isDeadFile(event.data)) diedAtLoad.push(event.data.name);
    }
    if (event.type === 'test:pass') skips.push(...skipped(event.data));
    if (event.type === 'test:stderr' || event.type === 'test:stdout') yield event.data.message;
    if (event.type === 'test:summary') {
      if (event.data.file === undefined) summary = event.data;
      else yield fileLine(event.data, event.data.file);
    }
  }
  if (skips.length > 0) yield ['', 'Skipped:', ...skips, ''].join('\n');
  if (summary !== undefined) yield totals(summary);
  // For scripts/test.ts.
  const outcome = env['WHERRY_TEST_OUTCOME'];
  if (outcome !== undefined && summary !== undefined)
    writeFileSync(outcome, JSON.stringify({ failures: failures(summary), diedAtLoad }));
}

/** Whether the failure is a file's, not a test's, and a signal ended its process. */
const isDeadFile = ({ name, file, nesting, details }: Failed): boolean =>
  nesting === 0 && file !== undefined && relative(at(), file) === name && 'signal' in details.error
    ? typeof details.error.signal === 'string'
    : false;

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

const failures = ({ counts }: Summary): number => counts.tests - counts.passed - counts.skipped - counts.todo;

function totals(summary: Summary): string {
  const { counts, duration_ms: ms } = summary;
  return [
    `# tests ${counts.tests}`,
    `# suites ${counts.suites}`,
    `# pass ${counts.passed}`,
    `# fail ${failures(summary) - counts.cancelled}`,
    `# cancelled ${counts.cancelled}`,
    `# skipped ${counts.skipped}`,
    `# todo ${counts.todo}`,
    `# duration_ms ${ms.toFixed(0)}`,
    '',
  ].join('\n');
}
