import { defineCommand } from '../command.ts';
import { DEFAULT_CONTEXT } from '../connection/docker-directory.ts';
import { hostVariable } from '../context/overridden.ts';
import { readContext } from '../context/store.ts';
import { print, printError } from '../output.ts';
import { readConfigFile, writeConfigFile } from '../registry/config-file.ts';

export const contextUse = defineCommand({
  usage: 'CONTEXT',
  flags: {},
  arity: [1, 1],
  run: async ({ args: [name = ''] }) => {
    if (name !== DEFAULT_CONTEXT) readContext(name);
    const config = readConfigFile();
    const { currentContext: before, ...rest } = config.content;
    const content = name === DEFAULT_CONTEXT ? rest : { ...rest, currentContext: name };
    if (before !== content['currentContext' as keyof typeof content]) writeConfigFile({ ...config, content });
    print(`${name}\n`);
    printError(`Current context is now "${name}"\n`);
    const overriding = hostVariable();
    if (overriding !== undefined && name !== DEFAULT_CONTEXT) {
      printError(
        `Warning: ${overriding} environment variable overrides the active context. To use "${name}", either set the global --context flag, or unset ${overriding} environment variable.\n`,
      );
    }
    return 0;
  },
});
