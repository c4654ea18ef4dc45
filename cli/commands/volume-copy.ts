import { defineCommand } from '../command.ts';
import { print } from '../output.ts';

/** A volume of its own with what another holds now. */
export const volumeCopy = defineCommand({
  usage: 'VOLUME NEW-VOLUME',
  flags: {},
  arity: [2, 2],
  run: async ({ daemon, args: [from = '', to = ''] }) => {
    const path = `/wherry/volumes/${encodeURIComponent(from)}/copy`;
    const answer = await daemon.send({ method: 'POST', path, query: { to } });
    const { Name } = JSON.parse(await answer.text()) as { Name: string };
    print(`${Name}\n`);
    return 0;
  },
});
