import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Result, Suite, Unit } from './suite.ts';
import { parseTap } from './tap.ts';

const TIMEOUT_SECONDS = 120;

/** opencontainers/runtime-tools: validation/, each program by itself, and each sentence that it tests as a result of its own. */
export const runtimeTools: Suite = {
  name: 'runtime-tools',
  variable: 'WHERRY_SUITE_RUNTIME_TOOLS',

  async units(directory, runtime) {
    await access(join(directory, 'runtimetest'));
    const sources = await readdir(join(directory, 'validation'), { withFileTypes: true });
    const programs = sources.filter((entry) => entry.isDirectory() && entry.name !== 'util');
    const units: Unit[] = [];
    for (const { name } of programs.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      await access(join(directory, 'validation', name, `${name}.t`));
      units.push({
        name,
        command: [`validation/${name}/${name}.t`],
        cwd: directory,
        env: { RUNTIME: runtime },
        timeoutSeconds: TIMEOUT_SECONDS,
      });
    }
    return units;
  },

  // A sentence that is tested several times has failed when it failed once.
  results(unit, output, code): Result[] {
    const byTest = new Map<string, Result>();
    for (const { name, outcome, detail } of parseTap(output)) {
      const test = `${unit.name}: ${name}`;
      if (byTest.get(test)?.outcome === 'failed') continue;
      byTest.set(test, { test, outcome, detail });
    }
    byTest.set(unit.name, {
      test: unit.name,
      outcome: code === 0 ? 'passed' : 'failed',
      detail: code === 0 ? '' : `exit code ${code}\n${output}`,
    });
    return [...byTest.values()];
  },
};
