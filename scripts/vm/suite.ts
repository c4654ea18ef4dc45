import { globSync } from 'node:fs';
import { at } from '../lib/paths.ts';
import type { MachineOptions } from './machine.ts';

type Init = MachineOptions['init'];

/** What runs in the virtual machine: everything that meets cgroups, mounts or the security of the kernel. */
const ALL: Readonly<Record<Init, readonly string[]>> = {
  script: ['test/vm/*.test.ts', 'test/unit/runtime/**/*.test.ts', 'test/integration/**/*.test.ts'],
  systemd: ['test/integration/cgroup-systemd.test.ts'],
};

/** What does not, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  'test/integration/debian.test.ts': 'debootstrap needs a mirror, and the machine has no network',
  'test/integration/install.test.ts': 'says nothing about the kernel',
  'test/integration/many.test.ts': 'takes seven minutes to say that the machine is slow',
  'test/integration/cgroup.test.ts': 'is about version 1',
};

/** What CI runs: whatever is different there, once, in about two minutes. */
const SUBSET: typeof ALL = {
  script: [
    'test/vm/*.test.ts',
    'test/unit/runtime/{overlay,launch,shimmed}.test.ts',
    'test/integration/cgroup-v2.test.ts',
  ],
  // Another boot: for `make test-vm` as a whole.
  systemd: [],
};

/** The test files for a machine with this init, below the repository. */
export function suite(init: Init, kind: 'all' | 'subset'): string[] {
  const systemd = globSync(ALL.systemd, { cwd: at() });
  const others = init === 'script' ? systemd : [];
  return globSync(kind === 'all' ? ALL[init] : SUBSET[init], { cwd: at() })
    .filter((file) => !Object.hasOwn(LEFT_OUT, file) && !others.includes(file))
    .toSorted();
}
