import { conflict } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { defaultContext, descriptionOf, findContext } from '../context/describe.ts';
import { copyEndpoint, endpointFlags, fromFlag, readEndpoint } from '../context/endpoint-flags.ts';
import { checkNewName, exists, writeContext, writeTls } from '../context/store.ts';
import { print, printError } from '../output.ts';

/** Without `--docker` it is a copy: of the one that `--from` names, else of the one in use. */
export const contextCreate = defineCommand({
  usage: '[OPTIONS] CONTEXT',
  flags: { ...endpointFlags, from: fromFlag },
  arity: [1, 1],
  run: async ({ flags, args: [name = ''], client: { choice } }) => {
    checkNewName(name);
    if (exists(name)) throw conflict(`context "${name}" already exists`);
    const isNew = Object.keys(flags.docker).length > 0 && flags.from === '';
    const from = flags.from || choice.context;
    const source = isNew ? defaultContext(choice.defaultHost) : findContext(from, choice.defaultHost);
    const { endpoint, tls } = isNew
      ? readEndpoint(flags.docker, choice.defaultHost)
      : copyEndpoint(from, choice.defaultHost);
    const description = flags.description || (isNew ? '' : descriptionOf(source));
    writeTls(name, 'docker', tls);
    writeContext({
      Name: name,
      Metadata: { ...source.Metadata, ...(description === '' ? {} : { Description: description }) },
      Endpoints: { docker: endpoint },
    });
    print(`${name}\n`);
    printError(`Successfully created context "${name}"\n`);
    return 0;
  },
});
