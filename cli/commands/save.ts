import { text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { receiveArchive, refuseTerminal } from '../image/archive-output.ts';
import { platformJson } from '../registry/platform.ts';

export const save = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  flags: {
    output: text('Write to a file instead of STDOUT', { short: 'o' }),
    platform: text('Save only this platform (os/arch)'),
  },
  arity: [1],
  run: async ({ daemon, flags, args }) => {
    refuseTerminal(flags.output, 'save');
    const query = { names: args, platform: platformJson(flags.platform) };
    await receiveArchive(daemon, { method: 'GET', path: '/images/get', query }, flags.output);
    return 0;
  },
});
