import { writeFile } from 'node:fs/promises';
import { argv, env } from 'node:process';
import { parseArgs, styleText } from 'node:util';
import { crun } from './conformance/crun.ts';
import { isStale, isUnexpected, judge, readExceptions } from './conformance/exceptions.ts';
import type { Exception, Verdict } from './conformance/exceptions.ts';
import { runUnit } from './conformance/run-unit.ts';
import { runc } from './conformance/runc.ts';
import { runtimeTools } from './conformance/runtime-tools.ts';
import type { Suite } from './conformance/suite.ts';
import { at } from './lib/paths.ts';

const SUITES: readonly Suite[] = [runtimeTools, runc, crun];

const HELP = `Runs the public OCI runtime suites against a runtime, each test isolated, and compares with test/conformance/exceptions.json.

  WHERRY_SUITE_RUNTIME_TOOLS=DIR  opencontainers/runtime-tools, built
  WHERRY_SUITE_RUNC=DIR           opencontainers/runc, its test programs built
  WHERRY_SUITE_CRUN=DIR           containers/crun, its tests/init built
  RUNTIME=PATH                    the runtime (bin/wherry-runtime); exceptions are for that one only
  WHERRY_SUITE_HIDE_V2=1          hides the version 2 mount of a hybrid host, which crun itself can't stand

make conformance ARGS="...", or node scripts/conformance.ts ...
  --match REGEXP   only tests whose name matches
  --jobs N         that many at a time (2)
  --report FILE    writes a line for every test there
  --verbose        prints what a failed test wrote

test/conformance/README.md says how to build the suites.`;

const { values: flags } = parseArgs({
  args: argv.slice(2),
  options: {
    help: { type: 'boolean', default: false },
    match: { type: 'string', default: '' },
    jobs: { type: 'string', default: '2' },
    report: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});

/** Runs what of a suite is asked for; a result is printed when it is there. */
async function runSuite(
  suite: Suite,
  directory: string,
  exceptions: readonly Exception[],
): Promise<Verdict[]> {
  const units = await suite.units(directory, runtime);
  const chosen = units.filter(({ name }) => new RegExp(flags.match).test(name));
  const queue = chosen.entries();
  const verdicts: Verdict[] = [];
  const work = async (): Promise<void> => {
    // One iterator for all workers: each takes what the others left.
    for (const [index, unit] of queue) {
      const { output, code } = await runUnit(unit, index);
      const judged = judge(suite.name, suite.results(unit, output, code), exceptions);
      verdicts.push(...judged);
      for (const verdict of judged) print(verdict);
    }
  };
  await Promise.all(Array.from({ length: Number(flags.jobs) }, work));
  return verdicts;
}

function label(verdict: Verdict): string {
  if (isUnexpected(verdict)) return 'FAILED  ';
  if (isStale(verdict)) return 'STALE   ';
  return { passed: 'passed  ', skipped: 'skipped ', failed: 'excepted' }[verdict.outcome];
}

function line(verdict: Verdict): string {
  const why = verdict.exception?.reason ?? (verdict.outcome === 'skipped' ? verdict.detail : '');
  const note = why === '' ? '' : `  (${why.split('\n')[0]})`;
  return `${label(verdict)} ${verdict.suite}: ${verdict.test}${note}`;
}

function print(verdict: Verdict): void {
  const bad = isUnexpected(verdict) || isStale(verdict);
  console.log(bad ? styleText('red', line(verdict)) : line(verdict));
  if (bad && flags.verbose) console.log(verdict.detail.replaceAll(/^/gm, '    '));
}

function summary(name: string, verdicts: readonly Verdict[]): string {
  const count = (wanted: (verdict: Verdict) => boolean): number => verdicts.filter(wanted).length;
  const excepted = count((v) => v.outcome === 'failed' && v.exception !== undefined);
  const parts = [
    `${count((v) => v.outcome === 'passed')} passed`,
    `${count((v) => v.outcome === 'skipped')} skipped`,
    `${count(isUnexpected)} failed`,
    `${excepted} excepted`,
    `${count(isStale)} excepted but passed`,
  ];
  return `${name}: ${parts.join(', ')}`;
}

const own = at('bin/wherry-runtime');
const runtime = env['RUNTIME'] || own;
const exceptions = runtime === own ? await readExceptions(at('test/conformance/exceptions.json')) : [];

async function main(): Promise<number> {
  if (flags.help) {
    console.log(HELP);
    return 0;
  }
  const summaries: string[] = [];
  const all: Verdict[] = [];
  let ran = 0;
  for (const suite of SUITES) {
    const directory = env[suite.variable];
    if (!directory) {
      summaries.push(`${suite.name}: not run, ${suite.variable} is not set`);
      continue;
    }
    ran += 1;
    const verdicts = await runSuite(suite, directory, exceptions);
    summaries.push(summary(suite.name, verdicts));
    all.push(...verdicts);
  }
  if (flags.report !== undefined) await writeFile(flags.report, `${all.map(line).toSorted().join('\n')}\n`);
  console.log(`\n${runtime}\n${summaries.join('\n')}`);
  if (ran === 0) console.error('No suite was given; make conformance ARGS=--help says how.');
  return ran === 0 || all.some((verdict) => isUnexpected(verdict) || isStale(verdict)) ? 1 : 0;
}

process.exitCode = await main();
