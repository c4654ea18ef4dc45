import { defineCommand } from '../command.ts';
import { type CreateBody, createBody } from '../container/config.ts';
import { checkPull, createContainer } from '../container/create.ts';
import { planFlags } from '../container/plan-flags.ts';
import { withHelp } from '../container/exit-status.ts';
import { createFlags } from '../container/flags.ts';
import { withProxies } from '../container/proxies.ts';
import { print, printError } from '../output.ts';

export const create = defineCommand({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  flags: { ...createFlags, ...planFlags },
  arity: [1],
  stopsAtArgument: true,
  run: async ({ daemon, flags, changed, args, path, client }) => {
    const [image = '', ...command] = args;
    let body: CreateBody;
    try {
      checkPull(flags.pull);
      body = withProxies(createBody({ flags, changed, image, command }), client);
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
