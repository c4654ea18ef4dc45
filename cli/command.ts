import { invalidArgument } from '../common/errors.ts';
import type { Flags, Values } from '../common/flags/flag.ts';
import type { Choice } from './connection/choose.ts';
import type { ConfigFile } from './registry/config-file.ts';
import type { Daemon } from './http/daemon.ts';

/** One command of the command line. Its file is loaded only when it is called: start-up is part of every call. */
export interface Command<F extends Flags = Flags> {
  /** What follows the command's name: `[OPTIONS] IMAGE [COMMAND] [ARG...]`. */
  readonly usage: string;
  readonly flags: F;
  /** Behind the options of its help page: what these leave open. */
  readonly notes?: string;
  /** How many arguments it takes; no upper bound if the second is missing. */
  readonly arity: readonly [min: number, max?: number];
  /** What follows the first argument belongs to somebody else, flags too. */
  readonly stopsAtArgument?: boolean;
  /**
   * Returns the exit code. Throws WherryError; what a failure means for the exit code is 1 unless the command returns
   * another.
   */
  run(call: Call<F>): Promise<number>;
}

export interface Call<F extends Flags> {
  /** As the user may repeat it: `wherry run`. */
  readonly path: string;
  readonly flags: Values<F>;
  readonly changed: ReadonlySet<string>;
  readonly args: readonly string[];
  readonly daemon: Daemon;
  readonly client: Client;
}

/** What the command line itself is set to. */
export interface Client {
  /** Docker's config.json. */
  readonly config: ConfigFile;
  readonly choice: Choice;
  readonly tables: Tables;
}

/** A command as the dispatcher knows it before its file is loaded. */
export interface Entry {
  readonly summary: string;
  /** Other ways to call it, for its help page. */
  readonly aliases?: string;
  readonly common?: boolean;
  /** Works, but is shown under another name. */
  readonly hidden?: boolean;
  readonly load: () => Promise<Command>;
}

export type Entries = Readonly<Record<string, Entry>>;

export const hidden = (entry: Entry): Entry => ({ ...entry, hidden: true });

/** Entries that belong together: `wherry container X`. */
export interface Group {
  readonly summary: string;
  readonly commands: Entries;
}

export type Groups = Readonly<Record<string, Group>>;

/** Every command there is. */
export interface Tables {
  readonly commands: Entries;
  readonly groups: Groups;
}

/** Keeps the types of the flags inside the command and hides them from the dispatcher. */
export const defineCommand = <F extends Flags>(definition: Command<F>): Command => definition;

/** Throws docker's text when `args` are too few or too many. */
export function checkArity(path: string, command: Command, args: readonly string[]): void {
  const [min, max = Number.POSITIVE_INFINITY] = command.arity;
  if (args.length >= min && args.length <= max) return;
  const see = min === max || max === 0 ? 'Run' : 'See';
  throw invalidArgument(
    `wherry: '${path}' ${wanted(min, max)}\n\nUsage:  ${path} ${command.usage}\n\n${see} '${path} --help' for more information`,
  );
}

function wanted(min: number, max: number): string {
  if (max === 0) return 'accepts no arguments';
  const many = (count: number): string => `${count} ${count === 1 ? 'argument' : 'arguments'}`;
  if (min === max) return `requires ${many(min)}`;
  if (max === Number.POSITIVE_INFINITY) return `requires at least ${many(min)}`;
  return min === 0 ? `requires at most ${many(max)}` : `requires at least ${min} and at most ${many(max)}`;
}
