import type { Command, Entries, Tables } from '../command.ts';
import { globalFlags } from '../global-flags.ts';
import type { Flag, Flags } from '../../common/flags/flag.ts';

/** Where on the command line the cursor is. */
export type Place =
  | { readonly kind: 'flag'; readonly flags: Flags }
  /** The value of a flag. */
  | { readonly kind: 'value'; readonly flag: string; readonly command: string }
  | { readonly kind: 'command'; readonly entries: Entries; readonly isRoot: boolean }
  | {
      readonly kind: 'argument';
      readonly command: string;
      readonly usage: string;
      /** How many arguments stand before it. */
      readonly index: number;
    }
  | { readonly kind: 'nothing' };

/** Reads the words before the cursor, and how the one at it begins. */
export async function placeOf(
  before: readonly string[],
  current: string,
  { commands, groups }: Tables,
): Promise<Place> {
  const root = walk(globalFlags, before, true);
  const [name, ...rest] = root.args;
  if (name === undefined) {
    const place = inFlags(root, globalFlags, { current, command: '' });
    return place ?? { kind: 'command', entries: commands, isRoot: true };
  }
  const group = Object.hasOwn(groups, name) ? groups[name] : undefined;
  const [sub, ...more] = rest;
  if (group !== undefined && sub === undefined) {
    return { kind: 'command', entries: group.commands, isRoot: false };
  }
  const entries = group === undefined ? commands : group.commands;
  const key = group === undefined ? name : (sub ?? '');
  const entry = Object.hasOwn(entries, key) ? entries[key] : undefined;
  if (entry === undefined) return { kind: 'nothing' };
  const command = await entry.load();
  const path = group === undefined ? key : `${name} ${key}`;
  return inCommand(command, { path, words: group === undefined ? rest : more, current });
}

function inCommand(
  command: Command,
  {
    path,
    words,
    current,
  }: { readonly path: string; readonly words: readonly string[]; readonly current: string },
): Place {
  const stops = command.stopsAtArgument === true;
  const walked = walk(command.flags, words, stops);
  const isOpen = !(stops && walked.args.length > 0);
  const place = isOpen ? inFlags(walked, command.flags, { current, command: path }) : undefined;
  return place ?? { kind: 'argument', command: path, usage: command.usage, index: walked.args.length };
}

interface Walked {
  readonly args: readonly string[];
  /** The flag whose value comes next. */
  readonly open: string | undefined;
  /** Whether `--` has ended the flags. */
  readonly ended: boolean;
}

/** As the parser does it, but without minding what is wrong. */
function walk(flags: Flags, words: readonly string[], stops: boolean): Walked {
  const args: string[] = [];
  let open: string | undefined;
  let ended = false;
  for (const word of words) {
    if (open !== undefined) open = undefined;
    else if (ended || (stops && args.length > 0) || !word.startsWith('-') || word === '-') args.push(word);
    else if (word === '--') ended = true;
    else open = valueAfter(flags, word);
  }
  return { args, open, ended };
}

/** The name of the flag in `word` if its value is the next word. */
function valueAfter(flags: Flags, word: string): string | undefined {
  if (word.includes('=')) return undefined;
  const found = word.startsWith('--') ? byName(flags, word.slice(2)) : byLetter(flags, word.slice(1));
  return found === undefined || found[1].isSwitch === true ? undefined : found[0];
}

const byName = (flags: Flags, name: string): [string, Flag<unknown>] | undefined =>
  Object.entries(flags).find(([key, { also }]) => key === name || also?.includes(name) === true);

/** `-it`: the first letter that takes a value counts, and takes the rest of the word if there is one. */
function byLetter(flags: Flags, letters: string): [string, Flag<unknown>] | undefined {
  for (const [index, letter] of letters.split('').entries()) {
    const found = Object.entries(flags).find(([, { short }]) => short === letter);
    if (found !== undefined && found[1].isSwitch !== true) {
      return index === letters.length - 1 ? found : undefined;
    }
  }
  return undefined;
}

function inFlags(
  { open, ended }: Walked,
  flags: Flags,
  { current, command }: { readonly current: string; readonly command: string },
): Place | undefined {
  if (open !== undefined) return { kind: 'value', flag: open, command };
  if (ended || !current.startsWith('-')) return undefined;
  const named = /^--([\w-]+)=/.exec(current)?.[1];
  const found = named === undefined ? undefined : byName(flags, named);
  if (found !== undefined) return { kind: 'value', flag: found[0], command };
  return { kind: 'flag', flags };
}
