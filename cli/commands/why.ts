import { invalidArgument, messageOf } from '../../common/errors.ts';
import { text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { toJson } from '../format/json.ts';
import { print, printError } from '../output.ts';
import { explain } from '../why/explain.ts';
import { gather } from '../why/facts.ts';

/** Why containers are in their state. */
export const why = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: { format: text("Print the facts themselves with 'json'") },
  arity: [1],
  run: async ({ daemon, flags, args }) => {
    if (!['', 'json'].includes(flags.format)) throw invalidArgument(`unknown format: "${flags.format}"`);
    let status = 0;
    for (const [index, name] of args.entries()) {
      try {
        const facts = await gather(daemon, name);
        if (flags.format === 'json') print(`${toJson(facts)}\n`);
        else print(`${index === 0 ? '' : '\n'}${explain(facts)}`);
      } catch (error) {
        printError(`${messageOf(error)}\n`);
        status = 1;
      }
    }
    return status;
  },
});
