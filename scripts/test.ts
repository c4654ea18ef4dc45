import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, env, exit } from 'node:process';
import { at, broughtNode } from './lib/paths.ts';
import type { Counts, FileOutcome, Outcome } from './lib/reporter.ts';

/**
 * Runs test files: all suites, or the patterns given. Two at a time, because CI has two cores and a daemon under test
 * should meet contention, not starvation.
 */
const SUITES = ['unit', 'contract', 'integration', 'fault', 'fuzz'];
const TIMEOUT_MS = 300_000 * Number(env['WHERRY_TEST_PATIENCE'] ?? 1);
/**
 * Node strips types with a WebAssembly module. V8 compiles its hot functions again in the background, and now and then loses
 * track of a page of code as it does ("Check failed: it->second.Size() > offset", nodejs/node#64500): of processes that ran
 * in the virtual machine, one in thirty died of it before its first test.
 */
const NO_WASM_TIER_UP = ['--liftoff-only', '--wasm-num-compilation-tasks=0'];

const patterns =
  argv.slice(2).length > 0 ? argv.slice(2) : SUITES.map((suite) => `test/${suite}/**/*.test.ts`);
const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: at() }).toSorted());
if (files.length === 0) {
  console.error(`No test file matches ${patterns.join(' ')}`);
  exit(1);
}
const flags = [
  '--test',
  `--test-timeout=${TIMEOUT_MS}`,
  `--test-reporter=${at('scripts/lib/reporter.ts')}`,
  '--test-reporter-destination=stdout',
  '--disable-warning=ExperimentalWarning',
  ...(env['WHERRY_TEST_MACHINE'] === undefined ? [] : NO_WASM_TIER_UP),
];
// Debian keeps root's tools out of a user's PATH.
const PATH = `${env['PATH'] ?? ''}:/usr/sbin:/sbin`;

/**
 * A file that failed runs once more, after all others: two cores that something else takes for seconds bring out waits that were too
 * short. What passes only then is named before the totals, with its first failure in full above, and is a fault to be found. More
 * than these fail at once.
 */
const MOST_AGAIN = 5;

const first = await runFiles(files);
const failed = first.files.filter(({ isOk }) => !isOk).map(({ name }) => name);
const isWorthIt = failed.length > 0 && failed.length <= MOST_AGAIN && failed.length < files.length;
if (isWorthIt) console.log(`\nAgain, alone: ${failed.join(' ')}`);
const again = isWorthIt ? await runFiles(failed, 1) : { code: first.code, files: [], skips: [] };
const last = first.files.map((file) => again.files.find(({ name }) => name === file.name) ?? file);
const skips = [...new Set([...first.skips, ...again.skips])];
if (skips.length > 0) console.log(['', 'Skipped:', ...skips, ''].join('\n'));
if (isWorthIt && again.code === 0) console.log(`Flaky, passed the second time: ${failed.join(' ')}`);
console.log(totals(last));
exit(again.code);

/** As Node's own reporters end. */
function totals(all: readonly FileOutcome[]): string {
  const sum = (key: keyof Counts): number => all.reduce((total, { counts }) => total + counts[key], 0);
  const others = sum('passed') + sum('cancelled') + sum('skipped') + sum('todo');
  return [
    `# tests ${sum('tests')}`,
    `# suites ${sum('suites')}`,
    `# pass ${sum('passed')}`,
    `# fail ${sum('tests') - others}`,
    `# cancelled ${sum('cancelled')}`,
    `# skipped ${sum('skipped')}`,
    `# todo ${sum('todo')}`,
    `# duration_ms ${performance.now().toFixed(0)}`,
  ].join('\n');
}

async function runFiles(names: readonly string[], concurrency = 2): Promise<Outcome & { code: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'wherry-test-run-'));
  const WHERRY_TEST_OUTCOME = join(directory, 'outcome');
  try {
    const child = spawn(broughtNode(), [...flags, `--test-concurrency=${concurrency}`, ...names], {
      cwd: at(),
      stdio: 'inherit',
      env: { ...env, PATH, WHERRY_TEST_OUTCOME },
    });
    const code = await new Promise<number>((resolve) => {
      child.once('exit', (status) => resolve(status ?? 1));
    });
    return { code, ...(JSON.parse(readFileSync(WHERRY_TEST_OUTCOME, 'utf8')) as Outcome) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
