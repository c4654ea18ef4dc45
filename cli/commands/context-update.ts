import { invalidArgument } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { DEFAULT_CONTEXT } from '../connection/docker-directory.ts';
import { endpointFlags, readEndpoint } from '../context/endpoint-flags.ts';
import { readContext, writeContext, writeTls } from '../context/store.ts';
import { print, printError } from '../output.ts';

/** `--docker` replaces the endpoint as a whole. */
export const contextUpdate = defineCommand({
  usage: '[OPTIONS] CONTEXT',
  flags: endpointFlags,
  arity: [1, 1],
  run: async ({ flags, args: [name = ''], client: { choice } }) => {
    if (name === DEFAULT_CONTEXT) throw invalidArgument(`"${name}" is a reserved context name`);
    const before = readContext(name);
    const { description } = flags;
    let endpoints = before.Endpoints;
    if (Object.keys(flags.docker).length > 0) {
      const { endpoint, tls } = readEndpoint(flags.docker, choice.defaultHost);
      writeTls(name, 'docker', tls);
      endpoints = { ...endpoints, docker: endpoint };
    }
    writeContext({
      ...before,
      Metadata: { ...before.Metadata, ...(description === '' ? {} : { Description: description }) },
      Endpoints: endpoints,
    });
    print(`${name}\n`);
    printError(`Successfully updated context "${name}"\n`);
    return 0;
  },
});
