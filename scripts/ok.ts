import { argv, exit } from 'node:process';
import { styleText } from 'node:util';
import { at, broughtNode } from './lib/paths.ts';
import { capture, run } from './lib/run.ts';

/** Everything that CI checks: first what reads the code, cheapest first, then the tests. `--static` stops before the tests. */
const bin = (name: string): string => at('node_modules/.bin', name);
const SOURCES = ['common', 'native', 'image', 'runtime', 'shim', 'daemon', 'cli', 'scripts', 'test'];
/** By content: 2 s instead of 30 for whoever changed a few files. */
const CACHED = ['--cache', '--cache-strategy', 'content', '--cache-location', at('build/cache/prettier')];

const checks: readonly (readonly [name: string, command: readonly string[]])[] = [
  ['format', [bin('prettier'), '--check', '--log-level', 'warn', ...CACHED, '.']],
  ['types', [bin('tsc'), '--noEmit']],
  ['lint', [bin('oxlint'), '--type-aware', '--deny-warnings']],
  ['boundaries', [bin('depcruise'), '--config', '.dependency-cruiser.cjs', ...SOURCES]],
  ['dead code', [bin('knip')]],
  ['generated code', [broughtNode(), at('scripts/generate.ts'), '--check']],
];

const failed: string[] = [];
for (const [name, [command = '', ...args]] of checks) {
  const startedAt = performance.now();
  const { code, output } = await capture(command, ...args);
  const took = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
  console.log(`${code === 0 ? styleText('green', 'ok  ') : styleText('red', 'FAIL')} ${name}  ${took}`);
  if (code === 0) continue;
  console.log(output);
  failed.push(name);
}
if (failed.length > 0) {
  console.error(`Failed: ${failed.join(', ')}`);
  exit(1);
}
if (!argv.includes('--static')) await run(broughtNode(), at('scripts/test.ts'));
