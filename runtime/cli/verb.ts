import type { Flags, Values } from '../../common/flags/flag.ts';
import type { Settings } from '../container/contract.ts';

export interface Invocation<F extends Flags> {
  readonly settings: Settings;
  readonly flags: Values<F>;
  /** Long names of the flags that were given. */
  readonly changed: ReadonlySet<string>;
  readonly args: readonly string[];
}

/** One verb of the command line, in a file of its own. */
export interface Verb<F extends Flags = Flags> {
  /** What follows the verb in its usage: `[OPTIONS] CONTAINER`. */
  readonly usage: string;
  readonly flags: F;
  /** [least, most] of arguments. */
  readonly arity: readonly [number, number];
  /** The first argument ends the flags: what follows is a command of the container. */
  readonly stopsAtArgument?: boolean;
  /** The exit code of the verb's own failures; 1 unless given. */
  readonly failureCode?: number;
  /** The exit code. */
  run(invocation: Invocation<F>): Promise<number> | number;
}

/** Keeps the flags' types. */
export const verb = <F extends Flags>(given: Verb<F>): Verb => given;
