import { argv, env, exit } from 'node:process';
import { parseArgs } from 'node:util';
import { messageOf } from '../common/errors.ts';
import { findKernel } from './vm/kernel.ts';
import { runMachine, type MachineOptions } from './vm/machine.ts';
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
    minutes: { type: 'string', default: env['SUBSET'] === '1' ? '6' : '60' },
  },
});
/** Emulated, everything takes several times as long; on a busy host more. */
const PATIENCE = 12;
const kernel = await findKernel();

if (positionals.length > 0) exit(await runIn(values.systemd ? 'systemd' : 'script', positionals));
const codes: number[] = [];
for (const init of values.systemd ? (['systemd'] as const) : (['script', 'systemd'] as const)) {
  const files = suite(init, values.subset ? 'subset' : 'all');
  if (files.length === 0) continue;
  console.log(`Linux ${kernel.release}, cgroup v2, AppArmor${init === 'systemd' ? ', systemd' : ''}`);
  codes.push(await runIn(init, ['node_modules/.bin/node', 'scripts/test.ts', ...files]));
}
exit(Math.max(...codes));

async function runIn(init: MachineOptions['init'], command: readonly string[]): Promise<number> {
  const words = command.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`);
  const start = async (): Promise<number> =>
    runMachine({
      kernel,
      init,
      script: `export WHERRY_TEST_PATIENCE=${PATIENCE} WHERRY_TEST_MACHINE=${init}\nexec ${words.join(' ')}\n`,
      memory: values.memory,
      timeoutMs: Number(values.minutes) * 60_000,
    });
  // One that stands still says nothing of what it runs; a test that fails is no reason to begin again.
  return start().catch(async (error: unknown) => {
    console.error(`${messageOf(error)}\nStarting the machine once more`);
    return start().catch((again: unknown) => {
      console.error(messageOf(again));
      return 1;
    });
  });
}
