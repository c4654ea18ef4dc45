import { defineCommand } from '../command.ts';
import { containerPath, forEach } from './each.ts';

const freezing = (verb: 'pause' | 'unpause') =>
  defineCommand({
    usage: 'CONTAINER [CONTAINER...]',
    flags: {},
    arity: [1],
    run: ({ daemon, args }) =>
      forEach(args, (name) => daemon.send({ method: 'POST', path: containerPath(name, `/${verb}`) })),
  });

export const pause = freezing('pause');
export const unpause = freezing('unpause');
