import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, env, exit } from 'node:process';
import { at, broughtNode } from './lib/paths.ts';

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
  '--test-concurrency=2',
  `--test-timeout=${TIMEOUT_MS}`,
  `--test-reporter=${at('scripts/lib/reporter.ts')}`,
  '--test-reporter-destination=stdout',
  '--disable-warning=ExperimentalWarning',
  ...(env['WHERRY_TEST_MACHINE'] === undefined ? [] : NO_WASM_TIER_UP),
];
// Debian keeps root's tools out of a user's PATH.
const PATH = `${env['PATH'] ?? ''}:/usr/sbin:/sbin`;

const first = await runFiles(files);
// Emulation brings out faults of V8 that the hardware hides. Nowhere else is anything run twice.
const dead = env['WHERRY_TEST_MACHINE'] === undefined ? [] : first.diedAtLoad;
if (first.code === 0 || dead.length === 0 || dead.length < first.failures) exit(first.code);
console.log(`Again, because Node itself died before the first test: ${dead.join(' ')}`);
exit((await runFiles(dead)).code);

interface Outcome {
  readonly code: number;
  /** Tests, and files that died, each counting one. */
  readonly failures: number;
  /** Those whose process was ended by a signal before it said anything of a test. */
  readonly diedAtLoad: readonly string[];
}

async function runFiles(names: readonly string[]): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'wherry-test-run-'));
  const WHERRY_TEST_OUTCOME = join(directory, 'outcome');
  try {
    const child = spawn(broughtNode(), [...flags, ...names], {
      cwd: at(),
      stdio: 'inherit',
      env: { ...env, PATH, WHERRY_TEST_OUTCOME },
    });
    const code = await new Promise<number>((resolve) => {
      child.once('exit', (status) => resolve(status ?? 1));
    });
    if (code === 0) return { code, failures: 0, diedAtLoad: [] };
    return { code, ...(JSON.parse(readFileSync(WHERRY_TEST_OUTCOME, 'utf8')) as Omit<Outcome, 'code'>) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
