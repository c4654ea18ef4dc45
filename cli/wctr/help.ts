import { helpColumns, helpPage, renderFlags } from '../../common/flags/help.ts';
import type { Command, Entry, Group } from './command.ts';
import { globalFlags } from './global-flags.ts';

/** `wctr images pull --help`. */
export function commandHelp(path: string, entry: Entry, command: Command): string {
  return helpPage([
    `Usage:  ${path} ${command.usage}`.trimEnd(),
    entry.summary,
    Object.keys(command.flags).length === 0 ? '' : `Options:\n${renderFlags(command.flags, helpColumns())}`,
  ]);
}

/** `wctr images --help`, and `wctr --help`. */
export function groupHelp(path: string, group: Group): string {
  const names = Object.entries(group.commands).map(([name, { also = [], summary }]) => ({
    shown: [name, ...also].join(', '),
    summary,
  }));
  const width = Math.max(...names.map(({ shown }) => shown.length)) + 2;
  const list = names.map(({ shown, summary }) => `  ${shown.padEnd(width)}${summary}`).join('\n');
  const flags = path === 'wctr' ? globalFlags : group.flags;
  return helpPage([
    `Usage:  ${path} ${path === 'wctr' ? '[OPTIONS] ' : ''}COMMAND`,
    group.summary,
    `Commands:\n${list}`,
    flags === undefined ? '' : `Options:\n${renderFlags(flags, helpColumns())}`,
    `Run '${path} COMMAND --help' for more information on a command.`,
  ]);
}
