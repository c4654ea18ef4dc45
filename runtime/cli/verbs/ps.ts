// oxlint-disable-next-line eslint/no-restricted-imports -- the host's own ps(1), with whatever arguments the user gives it, as runc runs it
import { spawnSync } from 'node:child_process';
import { conflict, internal, invalidArgument } from '../../../common/errors.ts';
import { text } from '../../../common/flags/flag.ts';
import { processes } from '../../cgroup/live/processes.ts';
import { loadRecord } from '../../container/state-directory.ts';
import { print } from '../output.ts';
import { verb } from '../verb.ts';

const MAX_OUTPUT_BYTES = 64 << 20;

export const entry = verb({
  usage: '[OPTIONS] CONTAINER [PS OPTION...]',
  flags: { format: text('Output format: table or json', { short: 'f', initial: 'table' }) },
  arity: [1, Number.POSITIVE_INFINITY],
  stopsAtArgument: true,
  run: async ({ settings, flags: { format }, args: [id = '', ...options] }) => {
    const { cgroups } = loadRecord(settings.root, id);
    if (cgroups === undefined) throw conflict('cannot list the processes of a container without cgroups');
    const pids = await processes(cgroups);
    if (format === 'json') print(`${JSON.stringify(pids.length === 0 ? null : pids)}\n`);
    else if (format === 'table') print(rowsOf(pids, runPs(options.length === 0 ? ['-ef'] : options)));
    else throw invalidArgument('invalid format option');
    return 0;
  },
});

function runPs(options: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync('ps', options, {
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  if (error !== undefined) throw internal(`Cannot run ps: ${error.message}`, { cause: error });
  if (status !== 0) throw internal(`exit status ${status}: ${stdout}${stderr}`);
  return stdout;
}

/** The heading, and the lines of these processes. */
function rowsOf(pids: readonly number[], output: string): string {
  const [heading = '', ...lines] = output.split('\n');
  const column = words(heading).indexOf('PID');
  if (column < 0) throw internal("couldn't find PID field in ps output");
  const wanted = new Set(pids.map(String));
  const rows = lines.filter((line) => wanted.has(words(line)[column] ?? ''));
  return [heading, ...rows].map((line) => `${line}\n`).join('');
}

const words = (line: string): string[] => line.split(/\s+/).filter((word) => word !== '');
