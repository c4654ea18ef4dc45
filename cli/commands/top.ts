import { invalidArgument } from '../../common/errors.ts';
import { bool, text } from '../../common/flags/flag.ts';
import { checkArity, defineCommand } from '../command.ts';
import { alignColumns } from '../format/table.ts';
import { toJson } from '../format/json.ts';
import { print } from '../output.ts';
import { containerPath } from './each.ts';

interface Processes {
  readonly Titles: readonly string[] | null;
  readonly Processes: readonly (readonly string[])[] | null;
}

export const top = defineCommand({
  usage: 'CONTAINER [ps OPTIONS]',
  flags: {
    all: bool('Show the processes of all running containers, or of those named, in one table', {
      short: 'a',
    }),
    sort: text("Order of --all: 'cpu', 'mem', 'time', 'pid' or 'name'", { initial: 'cpu', shown: '"cpu"' }),
    format: text("Print --all with 'json'"),
  },
  arity: [0],
  stopsAtArgument: true,
  run: async ({ daemon, flags, args, path, changed }) => {
    if (flags.all) {
      if (!['', 'json'].includes(flags.format)) throw invalidArgument(`unknown format: "${flags.format}"`);
      const { orderOf, readProcesses, showProcesses } = await import('../top/all.ts');
      const order = orderOf(flags.sort);
      const processes = (await readProcesses(daemon, args)).toSorted(order);
      print(flags.format === 'json' ? `${toJson(processes)}\n` : showProcesses(processes));
      return 0;
    }
    checkArity(path, { ...top, arity: [1] }, args);
    if (changed.size > 0) throw invalidArgument('--sort and --format are of --all');
    const [name = '', ...options] = args;
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
