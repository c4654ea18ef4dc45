import { text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { receiveArchive, refuseTerminal } from '../image/archive-output.ts';
import { containerPath } from './each.ts';

export const exportCommand = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  flags: { output: text('Write to a file instead of STDOUT', { short: 'o' }) },
  arity: [1, 1],
  run: async ({ daemon, flags, args: [container = ''] }) => {
    refuseTerminal(flags.output, 'export');
    await receiveArchive(daemon, { method: 'GET', path: containerPath(container, '/export') }, flags.output);
    return 0;
  },
});
