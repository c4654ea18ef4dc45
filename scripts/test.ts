import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { argv, env, exit } from 'node:process';
import { at, broughtNode } from './lib/paths.ts';

/**
 * Runs test files: all suites, or the patterns given. Two at a time, because CI has two cores and a daemon under test
 * should meet contention, not starvation.
 */
const SUITES = ['unit', 'contract', 'integration', 'fault', 'fuzz'];
const TIMEOUT_MS = 300_000 * Number(env['WHERRY_TEST_PATIENCE'] ?? 1);

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
];
// Debian keeps root's tools out of a user's PATH.
const PATH = `${env['PATH'] ?? ''}:/usr/sbin:/sbin`;
const child = spawn(broughtNode(), [...flags, ...files], {
  cwd: at(),
  stdio: 'inherit',
  env: { ...env, PATH },
});
child.once('exit', (code) => exit(code ?? 1));
