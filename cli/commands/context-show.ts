import { defineCommand } from '../command.ts';
import { print } from '../output.ts';

export const contextShow = defineCommand({
  usage: '',
  flags: {},
  arity: [0, 0],
  run: async ({ client }) => {
    print(`${client.choice.context}\n`);
    return 0;
  },
});
