import { invalidArgument, messageOf } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { printError } from '../output.ts';
import { containerPath } from './each.ts';

export const rename = defineCommand({
  usage: 'CONTAINER NEW_NAME',
  flags: {},
  arity: [2, 2],
  run: async ({ daemon, args }) => {
    const [container = '', name = ''] = args.map((argument) => argument.trim());
    if (container === '' || name === '')
      throw invalidArgument('Error: Neither old nor new names may be empty');
    try {
      await daemon.send({ method: 'POST', path: containerPath(container, '/rename'), query: { name } });
      return 0;
    } catch (error) {
      printError(`${messageOf(error)}\nError: failed to rename container named ${container}\n`);
      return 1;
    }
  },
});
