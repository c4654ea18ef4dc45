import { messageOf } from '../../common/errors.ts';
import { bool } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { print, printError } from '../output.ts';
import { containerPath } from './each.ts';

interface Answer {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string } | null;
}

/** With `--healthy` it fails when a container ends before it is healthy. */
export const wait = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: { healthy: bool('Wait until each container is healthy') },
  arity: [1],
  run: async ({ daemon, flags, args }) => {
    const failures: string[] = [];
    const query = flags.healthy ? { condition: 'healthy' } : {};
    for (const name of args) {
      try {
        const path = containerPath(name, '/wait');
        const answer = await daemon.send({ method: 'POST', path, query });
        const { StatusCode, Error: error } = JSON.parse(await answer.text()) as Answer;
        print(`${StatusCode}\n`);
        if (flags.healthy && error) failures.push(`${name}: ${error.Message}`);
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    for (const failure of failures) printError(`${failure}\n`);
    return failures.length === 0 ? 0 : 1;
  },
});
