import { messageOf } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { print, printError } from '../output.ts';
import { containerPath } from './each.ts';

export const wait = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  flags: {},
  arity: [1],
  run: async ({ daemon, args }) => {
    const failures: string[] = [];
    for (const name of args) {
      try {
        const answer = await daemon.send({ method: 'POST', path: containerPath(name, '/wait') });
        print(`${(JSON.parse(await answer.text()) as { StatusCode: number }).StatusCode}\n`);
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    for (const failure of failures) printError(`${failure}\n`);
    return failures.length === 0 ? 0 : 1;
  },
});
