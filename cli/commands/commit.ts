import { bool, list, text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { print } from '../output.ts';
import { parseName } from '../registry/names.ts';

export const commit = defineCommand({
  usage: '[OPTIONS] CONTAINER [REPOSITORY[:TAG]]',
  flags: {
    author: text('Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")', { short: 'a' }),
    change: list('Apply a Dockerfile instruction to the image', { short: 'c' }),
    message: text('Set a message for the image', { short: 'm' }),
    pause: bool('Pause the container meanwhile', { short: 'p', initial: true, shown: 'true' }),
  },
  arity: [1, 2],
  run: async ({ daemon, flags, args: [container = '', name] }) => {
    const target = name === undefined ? undefined : parseName(name);
    const answer = await daemon.send({
      method: 'POST',
      path: '/commit',
      query: {
        container,
        repo: target?.repository,
        tag: target?.tag,
        author: flags.author || undefined,
        comment: flags.message || undefined,
        changes: flags.change,
        pause: flags.pause ? 1 : 0,
      },
    });
    print(`${(JSON.parse(await answer.text()) as { Id: string }).Id}\n`);
    return 0;
  },
});
