import { codeOf, messageOf } from '../../common/errors.ts';
import { bool } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { print, printError } from '../output.ts';

export const networkRm = defineCommand({
  usage: 'NETWORK [NETWORK...]',
  flags: { force: bool('No error for a network that does not exist', { short: 'f' }) },
  arity: [1],
  run: async ({ daemon, flags, args }) => {
    let status = 0;
    for (const name of args) {
      try {
        await daemon.send({ method: 'DELETE', path: `/networks/${encodeURIComponent(name)}` });
        print(`${name}\n`);
      } catch (error) {
        if (flags.force && codeOf(error) === 'not-found') continue;
        printError(`${messageOf(error)}\n`);
        status = 1;
      }
    }
    return status;
  },
});
