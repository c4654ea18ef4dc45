import type { Flags, Values } from '../../common/flags/flag.ts';
import type { Containerd } from '../containerd/client.ts';

/** One command of wctr. Its file is loaded only when it is called. */
export interface Command<F extends Flags = Flags> {
  /** What follows the command's name: `[flags] <key> [<parent>]`. */
  readonly usage: string;
  readonly flags: F;
  /** Returns the exit code. What it throws is printed behind `wctr: `, and the code is 1. */
  run(call: Call<F>): Promise<number>;
}

export interface Call<F extends Flags> {
  readonly flags: Values<F>;
  readonly changed: ReadonlySet<string>;
  readonly args: readonly string[];
  readonly containerd: Containerd;
  /** The command's own help page. */
  readonly help: string;
}

export interface Entry {
  readonly summary: string;
  /** Further names. */
  readonly also?: readonly string[];
  readonly load: () => Promise<Command>;
}

export interface Group {
  readonly summary: string;
  readonly also?: readonly string[];
  readonly commands: Readonly<Record<string, Entry | Group>>;
  /** Of the group: they stand before the command's name, and every command of it has them, too. */
  readonly flags?: Flags;
}

/** Keeps the types of the flags inside the command and hides them from the dispatcher. */
export const defineCommand = <F extends Flags>(definition: Command<F>): Command => definition;

/** Finds a command by its name or another of its names. */
export function find(
  commands: Group['commands'],
  name: string,
): { readonly name: string; readonly entry: Entry | Group } | undefined {
  const found = Object.entries(commands).find(([each, { also }]) => each === name || also?.includes(name));
  return found === undefined ? undefined : { name: found[0], entry: found[1] };
}
