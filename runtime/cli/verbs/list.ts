import { existsSync } from 'node:fs';
import { invalidArgument, messageOf, notFound } from '../../../common/errors.ts';
import { bool, text } from '../../../common/flags/flag.ts';
import type { Settings } from '../../container/contract.ts';
import { stateOf, type State } from '../../container/state.ts';
import { listIds, loadRecord } from '../../container/state-directory.ts';
import { DEFAULT_ROOT } from '../global-flags.ts';
import { print } from '../output.ts';
import { verb } from '../verb.ts';

export const entry = verb({
  usage: '[OPTIONS]',
  flags: {
    format: text('Output format: table or json', { short: 'f', initial: 'table' }),
    quiet: bool('Print only ids', { short: 'q' }),
  },
  arity: [0, 0],
  run: ({ settings, flags: { format, quiet } }) => {
    const states = statesIn(settings);
    if (quiet) print(states.map(({ id }) => `${id}\n`).join(''));
    else if (format === 'table') print(table(states));
    else if (format === 'json') print(`${JSON.stringify(states.length === 0 ? null : states)}\n`);
    else throw invalidArgument('invalid format option');
    return 0;
  },
});

/** Before the first container there is no default directory; one that was named is expected to be there. */
function statesIn(settings: Settings): State[] {
  if (settings.root !== DEFAULT_ROOT && !existsSync(settings.root))
    throw notFound(`open ${settings.root}: no such file or directory`);
  return listIds(settings.root).flatMap((id) => {
    try {
      return [stateOf(settings, loadRecord(settings.root, id))];
    } catch (error) {
      settings.warn(messageOf(error));
      return [];
    }
  });
}

const HEADER = ['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER'];
const LEAST_WIDTH = 12;
const GAP = 3;

/** As Go's tabwriter lays it out, with runc's numbers. */
function table(states: readonly State[]): string {
  const rows = states.map(({ id, pid, status, bundle, created, owner }) => [
    id,
    String(pid),
    status,
    bundle,
    created,
    owner,
  ]);
  const all = [HEADER, ...rows];
  const widths = HEADER.map((_, column) =>
    Math.max(LEAST_WIDTH, ...all.map((row) => (row[column] ?? '').length + GAP)),
  );
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('');
  return all.map((row) => `${line(row)}\n`).join('');
}
