import { invalidArgument, messageOf } from '../../common/errors.ts';
import { text, value } from '../../common/flags/flag.ts';
import { parseDuration } from '../../common/go-duration.ts';
import { defineCommand } from '../command.ts';
import { examine } from '../doctor/examine.ts';
import { show } from '../doctor/show.ts';
import { toJson } from '../format/json.ts';
import { print, printError } from '../output.ts';

const DEADLINE_MS = 2000;
const NS_PER_MS = 1e6;

/** Where the layers below a container disagree, and which one does not answer. */
export const doctor = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  flags: {
    format: text("Print the answers themselves with 'json'"),
    'exec-root': text("The daemon's --exec-root", { initial: '/run/wherry', shown: '"/run/wherry"' }),
    'data-root': text("The daemon's --data-root", { initial: '/var/lib/wherry', shown: '"/var/lib/wherry"' }),
    namespace: text("Of the container in containerd's API", { initial: 'moby', shown: '"moby"' }),
    timeout: value<number>({
      type: 'duration',
      help: 'How long each layer may take',
      initial: DEADLINE_MS,
      shown: '2s',
      read: (given) => parseDuration(given) / NS_PER_MS,
    }),
  },
  arity: [1, 1],
  run: async ({ daemon, client, flags, args: [given = ''] }) => {
    if (!['', 'json'].includes(flags.format)) throw invalidArgument(`unknown format: "${flags.format}"`);
    const roots = { execRoot: flags['exec-root'], dataRoot: flags['data-root'], namespace: flags.namespace };
    try {
      const asked = { given, roots, host: client.choice.defaultHost, deadlineMs: flags.timeout };
      const examined = await examine(daemon, asked);
      print(flags.format === 'json' ? `${toJson(examined)}\n` : show(examined));
      return examined.differences.length === 0 ? 0 : 1;
    } catch (error) {
      printError(`${messageOf(error)}\n`);
      return 1;
    }
  },
});
