import { defineCommand } from '../command.ts';
import { text } from '../../common/flags/flag.ts';
import { containerPath, forEach } from './each.ts';

export const kill = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags: { signal: text('Signal to send to the container', { short: 's' }) },
  arity: [1],
  run: ({ daemon, flags, args }) =>
    forEach(args, (name) =>
      daemon.send({
        method: 'POST',
        path: containerPath(name, '/kill'),
        query: { signal: flags.signal || undefined },
      }),
    ),
});
