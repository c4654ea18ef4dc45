import { conflict, invalidArgument, notFound } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { DEFAULT_CONTEXT } from '../connection/docker-directory.ts';
import { forceFlag } from '../context/endpoint-flags.ts';
import { exists, removeContext } from '../context/store.ts';
import { readConfigFile, writeConfigFile } from '../registry/config-file.ts';
import { forEach } from './each.ts';

/** The one in use only with `--force`; then none is. */
export const contextRm = defineCommand({
  usage: '[OPTIONS] CONTEXT [CONTEXT...]',
  flags: { force: forceFlag },
  arity: [1],
  run: async ({ flags, args, client }) =>
    forEach(args, async (name) => {
      if (name === DEFAULT_CONTEXT) throw invalidArgument(`context "${name}" cannot be removed`);
      if (!exists(name) && !flags.force) throw notFound(`context "${name}" does not exist`);
      if (name === client.choice.context) {
        if (!flags.force) throw conflict(`context "${name}" is in use, set -f flag to force remove`);
        const config = readConfigFile();
        const { currentContext: _, ...content } = config.content;
        writeConfigFile({ ...config, content });
      }
      removeContext(name);
    }),
});
