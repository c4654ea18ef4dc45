import { bool } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { forEach } from './each.ts';

export const volumeRm = defineCommand({
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  flags: { force: bool('Force the removal of one or more volumes', { short: 'f' }) },
  arity: [1],
  run: ({ daemon, flags, args }) =>
    forEach(args, (name) =>
      daemon.send({
        method: 'DELETE',
        path: `/volumes/${encodeURIComponent(name)}`,
        query: { force: flags.force ? 1 : undefined },
      }),
    ),
});
