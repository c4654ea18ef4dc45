import { codeOf, invalidArgument } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { bool } from '../../common/flags/flag.ts';
import { containerPath, forEach } from './each.ts';

export const rm = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: {
    force: bool('Remove a running container too, with SIGKILL', { short: 'f' }),
    link: bool('Remove the named link', { short: 'l' }),
    volumes: bool('Remove the anonymous volumes of the container', { short: 'v' }),
  },
  arity: [1],
  run: ({ daemon, flags, args }) =>
    forEach(
      args,
      async (name) => {
        const plain = name.replace(/^\/+|\/+$/g, '');
        if (plain === '') throw invalidArgument('container name cannot be empty');
        await daemon.send({
          method: 'DELETE',
          path: containerPath(plain),
          query: {
            force: flags.force ? 1 : undefined,
            link: flags.link ? 1 : undefined,
            v: flags.volumes ? 1 : undefined,
          },
        });
      },
      (error) => flags.force && codeOf(error) === 'not-found',
    ),
});
