import { defineCommand } from '../command.ts';
import { alignColumns } from '../format/table.ts';
import { print } from '../output.ts';
import { containerPath } from './each.ts';

interface Processes {
  readonly Titles: readonly string[] | null;
  readonly Processes: readonly (readonly string[])[] | null;
}

export const top = defineCommand({
  usage: 'CONTAINER [ps OPTIONS]',
  flags: {},
  arity: [1],
  stopsAtArgument: true,
  run: async ({ daemon, args: [name = '', ...options] }) => {
    const answer = await daemon.send({
      method: 'GET',
      path: containerPath(name, '/top'),
      query: { ps_args: options.length === 0 ? undefined : options.join(' ') },
    });
    const { Titles, Processes } = JSON.parse(await answer.text()) as Processes;
    const lines = [Titles ?? [], ...(Processes ?? [])].map((cells) => `${cells.join('\t')}\n`);
    print(alignColumns(lines.join(''), { minimum: 20, padding: 3 }));
    return 0;
  },
});
