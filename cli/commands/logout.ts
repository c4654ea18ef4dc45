import { defineCommand } from '../command.ts';
import { print } from '../output.ts';
import { eraseCredentials } from '../registry/credentials.ts';
import { hostOf, HUB, serverKey } from '../registry/names.ts';

export const logout = defineCommand({
  usage: '[SERVER]',
  flags: {},
  arity: [0, 1],
  run: async ({ args: [given = ''] }) => {
    const server = given === '' ? HUB : serverKey(hostOf(given));
    const known = await eraseCredentials(server);
    print(known ? `Removing login credentials for ${server}\n` : `Not logged in to ${server}\n`);
    return 0;
  },
});
