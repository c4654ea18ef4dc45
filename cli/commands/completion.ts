import { invalidArgument } from '../../common/errors.ts';
import { parseFlags } from '../../common/flags/parse.ts';
import { defineCommand } from '../command.ts';
import { candidates } from '../completion/candidates.ts';
import { completionScripts } from '../completion/scripts.ts';
import { chooseDaemon } from '../connection/choose.ts';
import { globalFlags } from '../global-flags.ts';
import { openDaemon } from '../http/daemon.ts';
import { print } from '../output.ts';

/** Prints what a shell sources to complete commands. */
export const completion = defineCommand({
  usage: 'bash|zsh|fish',
  flags: {},
  arity: [1, 1],
  run: async ({ args: [shell = ''] }) => {
    if (!Object.hasOwn(completionScripts, shell)) {
      throw invalidArgument(`unknown shell "${shell}": must be one of "bash", "zsh" or "fish"`);
    }
    print(completionScripts[shell as keyof typeof completionScripts]);
    return 0;
  },
});

/** What those scripts call, with every word up to the cursor. The daemon is the one that these words lead to. */
export const complete = defineCommand({
  usage: '-- WORD...',
  flags: {},
  arity: [0],
  stopsAtArgument: true,
  run: async ({ args, client }) => {
    const daemon = openDaemon(async () => {
      const given = parseFlags(globalFlags, args.slice(0, -1), true);
      return chooseDaemon(given, client.config.content).endpoint();
    });
    const found = await candidates(args, { daemon, tables: client.tables });
    print(found.map((each) => `${each}\n`).join(''));
    return 0;
  },
});
