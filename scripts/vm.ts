import { argv, env, exit } from 'node:process';
import { parseArgs } from 'node:util';
import { findKernel } from './vm/kernel.ts';
import { runMachine } from './vm/machine.ts';
import { suite } from './vm/suite.ts';

/**
 * Runs a command, or the suite of scripts/vm/suite.ts, in a virtual machine on this host's files: cgroup v2, AppArmor and an
 * older kernel; with --systemd also systemd and a message bus. `scripts/vm.ts --subset`, `scripts/vm.ts -- sh -c '...'`.
 */
const { values, positionals } = parseArgs({
  args: argv.slice(2),
  allowPositionals: true,
  options: {
    subset: { type: 'boolean', default: env['SUBSET'] === '1' },
    systemd: { type: 'boolean', default: false },
    memory: { type: 'string', default: '3G' },
    minutes: { type: 'string', default: '60' },
  },
});
/** Emulated, everything takes several times as long. */
const PATIENCE = 6;
const quoted = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`;
const tests = ['node_modules/.bin/node', 'scripts/test.ts', ...suite(values.subset ? 'subset' : 'all')];
const command = positionals.length > 0 ? positionals : tests;
exit(
  await runMachine({
    kernel: await findKernel(),
    script: `export WHERRY_TEST_PATIENCE=${PATIENCE}\nexec ${command.map(quoted).join(' ')}\n`,
    init: values.systemd ? 'systemd' : 'script',
    memory: values.memory,
    timeoutMs: Number(values.minutes) * 60_000,
  }),
);
