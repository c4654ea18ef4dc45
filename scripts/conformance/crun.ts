import { access, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { capture } from '../lib/run.ts';
import { at } from '../lib/paths.ts';
import type { Result, Suite, Unit } from './suite.ts';
import { parseTap } from './tap.ts';

const TIMEOUT_SECONDS = 120;
/** What Debian doesn't have of Python modules. */
const MODULES = at('test/conformance/python');
const LIST = `
import importlib, sys
sys.dont_write_bytecode = True
sys.path[:0] = sys.argv[1], sys.argv[3]
try: module = importlib.import_module(sys.argv[2])
except SystemExit: sys.exit('it lacks a module')
for name in module.all_tests: print(name)
`;

/** containers/crun: tests/test_*.py, each test function by itself. */
export const crun: Suite = {
  name: 'crun',
  variable: 'WHERRY_SUITE_CRUN',

  async units(directory, runtime) {
    const tests = join(directory, 'tests');
    await access(join(tests, 'init'));
    const modules = (await readdir(tests)).filter((file) => /^test_.*\.py$/.test(file)).toSorted();
    const units: Unit[] = [];
    for (const file of modules) {
      const module = basename(file, '.py');
      const { code, output } = await capture('python3', '-c', LIST, tests, module, MODULES);
      if (code !== 0) throw new Error(`Cannot list the tests of ${file}: ${output}`);
      for (const test of output.split('\n').filter((line) => line !== ''))
        units.push({
          name: `${module.replace('test_', '')}: ${test}`,
          // They make their bundles where they are started.
          command: ['sh', '-c', 'cd "$TMPDIR" && exec python3 -B "$0"', join(tests, file)],
          cwd: directory,
          env: { OCI_RUNTIME: runtime, INIT: join(tests, 'init'), PYTHONPATH: MODULES, RUN_TESTS: test },
          timeoutSeconds: TIMEOUT_SECONDS,
        });
    }
    return units;
  },

  results(unit, output, code): Result[] {
    const [point] = parseTap(output);
    if (point === undefined)
      return [{ test: unit.name, outcome: 'failed', detail: `exit code ${code}\n${output}` }];
    // What a test logs comes before its point.
    return [
      { test: unit.name, outcome: point.outcome, detail: point.outcome === 'failed' ? output : point.detail },
    ];
  },
};
