import { commands, groups } from './commands.ts';
import type { Command, Entry, Group } from './command.ts';
import { globalFlags } from './global-flags.ts';
import { helpColumns, helpPage, renderFlags } from '../common/flags/help.ts';

/** `wherry run --help`. */
export function commandHelp(path: string, entry: Entry, command: Command): string {
  const aliases = entry.aliases?.split(', ').map((alias) => `wherry ${alias}`);
  return helpPage([
    `Usage:  ${path} ${command.usage}`,
    entry.summary,
    aliases === undefined ? '' : `Aliases:\n  ${aliases.join(', ')}`,
    Object.keys(command.flags).length === 0 ? '' : `Options:\n${renderFlags(command.flags, helpColumns())}`,
    command.notes ?? '',
  ]);
}

/** `wherry container --help`. */
export function groupHelp(path: string, group: Group): string {
  return helpPage([
    `Usage:  ${path} COMMAND`,
    group.summary,
    `Commands:\n${listOf(sorted(Object.entries(group.commands)))}`,
    `Run '${path} COMMAND --help' for more information on a command.`,
  ]);
}

/** `wherry --help`. */
export function rootHelp(): string {
  const all = Object.entries(commands);
  return helpPage([
    'Usage:  wherry [OPTIONS] COMMAND',
    'One container engine, from the command line to the kernel',
    `Common Commands:\n${listOf(all.filter(([, entry]) => entry.common === true))}`,
    `Management Commands:\n${listOf(sorted(Object.entries(groups)))}`,
    `Commands:\n${listOf(sorted(all.filter(([, entry]) => entry.common !== true)))}`,
    `Global Options:\n${renderFlags(globalFlags, helpColumns())}`,
    "Run 'wherry COMMAND --help' for more information on a command.",
  ]);
}

const listOf = (
  entries: readonly (readonly [string, { readonly summary: string; readonly hidden?: boolean }])[],
): string =>
  entries
    .filter(([, { hidden }]) => hidden !== true)
    .map(([name, { summary }]) => `  ${name.padEnd(11)} ${summary}`)
    .join('\n');

const sorted = <T>(entries: readonly (readonly [string, T])[]): readonly (readonly [string, T])[] =>
  entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
