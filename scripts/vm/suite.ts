import { globSync } from 'node:fs';
import { at } from '../lib/paths.ts';

/** What runs in the virtual machine: everything that meets cgroups, mounts or the security of the kernel. */
const PATTERNS = ['test/integration/**/*.test.ts', 'test/vm/*.test.ts', 'test/unit/runtime/**/*.test.ts'];

/** What does not, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  'test/integration/debian.test.ts': 'debootstrap needs a mirror, and the machine has no network',
  'test/integration/install.test.ts': 'says nothing about the kernel',
};

/** What CI runs: one file for each thing that is different there. */
const SUBSET: readonly string[] = ['test/vm/*.test.ts', 'test/integration/limits.test.ts'];

/** The test files to run, below the repository. */
export function suite(kind: 'all' | 'subset'): string[] {
  const patterns = kind === 'all' ? PATTERNS : SUBSET;
  return patterns
    .flatMap((pattern) => globSync(pattern, { cwd: at() }).toSorted())
    .filter((file) => !Object.hasOwn(LEFT_OUT, file));
}
