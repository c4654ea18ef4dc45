import { defineCommand } from '../command.ts';
import type { CreateBody } from '../container/config.ts';
import { createContainer, readCreate } from '../container/create.ts';
import { planFlags } from '../container/plan-flags.ts';
import { withHelp } from '../container/exit-status.ts';
import { createFlags } from '../container/flags.ts';
import { print, printError } from '../output.ts';

export const create = defineCommand({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  flags: { ...createFlags, ...planFlags },
  arity: [1],
  stopsAtArgument: true,
  run: async (call) => {
    const { daemon, flags, path } = call;
    let body: CreateBody;
    try {
      body = await readCreate(call);
    } catch (error) {
      printError(withHelp(error, path));
      return 125;
    }
    if (flags['dry-run']) {
      const { dryRun } = await import('../container/dry-run.ts');
      return dryRun(daemon, flags, { body, starts: false });
    }
    print(`${await createContainer(daemon, flags, body)}\n`);
    return 0;
  },
});
