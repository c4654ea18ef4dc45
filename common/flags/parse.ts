import { invalidArgument, messageOf } from '../errors.ts';
import type { Flag, Flags, Values } from './flag.ts';

export interface Parsed<F extends Flags> {
  readonly values: Values<F>;
  /** Long names of the flags that were given. */
  readonly changed: ReadonlySet<string>;
  readonly args: readonly string[];
  /** `--help` was given; nothing behind it was read. */
  readonly help: boolean;
}

interface State {
  readonly flags: Flags;
  readonly values: Record<string, unknown>;
  readonly changed: Set<string>;
  readonly words: string[];
}

/** Thrown inside to stop at `--help`. */
const HELP = Symbol('help');

/**
 * Reads `words` by pflag's rules. With `stopsAtArgument` the first word that is no flag ends the flags; otherwise flags and
 * arguments may be mixed. `--` ends the flags in both cases. Throws `invalid-argument` with pflag's texts.
 */
export function parseFlags<F extends Flags>(
  flags: F,
  words: readonly string[],
  stopsAtArgument: boolean,
): Parsed<F> {
  const initial = Object.entries(flags).map(([name, flag]) => [name, flag.initial] as const);
  const state: State = { flags, values: Object.fromEntries(initial), changed: new Set(), words: [...words] };
  const args: string[] = [];
  let help = false;
  for (
    let word = state.words.shift();
    word !== undefined && !help;
    word = help ? word : state.words.shift()
  ) {
    if (word === '--') {
      args.push(...state.words.splice(0));
    } else if (word === '-' || !word.startsWith('-')) {
      args.push(word);
      if (stopsAtArgument) args.push(...state.words.splice(0));
    } else {
      help = (word.startsWith('--') ? readLong(state, word) : readShorts(state, word)) === HELP;
    }
  }
  return { values: state.values as Values<F>, changed: state.changed, args, help };
}

function readLong(state: State, word: string): typeof HELP | undefined {
  const cut = word.indexOf('=');
  const name = cut < 0 ? word.slice(2) : word.slice(2, cut);
  if (name === '' || name.startsWith('-')) throw invalidArgument(`bad flag syntax: ${word}`);
  const found = findLong(state.flags, name);
  if (found === undefined) {
    if (name === 'help') return HELP;
    throw invalidArgument(`unknown flag: --${name}`);
  }
  const [, flag] = found;
  if (cut >= 0) return set(state, found, word.slice(cut + 1));
  if (flag.isSwitch === true) return set(state, found, 'true');
  const next = state.words.shift();
  if (next === undefined) throw invalidArgument(`flag needs an argument: --${name}`);
  return set(state, found, next);
}

function readShorts(state: State, word: string): typeof HELP | undefined {
  for (let rest = word.slice(1); rest !== '';) {
    const letter = rest.charAt(0);
    rest = rest.slice(1);
    const found = Object.entries(state.flags).find(([, flag]) => flag.short === letter);
    if (found === undefined) {
      if (letter === 'h') return HELP;
      throw invalidArgument(`unknown shorthand flag: '${letter}' in ${word}`);
    }
    if (rest.startsWith('=')) return set(state, found, rest.slice(1));
    if (found[1].isSwitch === true) {
      set(state, found, 'true');
      continue;
    }
    const value = rest === '' ? state.words.shift() : rest;
    if (value === undefined) throw invalidArgument(`flag needs an argument: '${letter}' in ${word}`);
    return set(state, found, value);
  }
  return undefined;
}

function findLong(flags: Flags, name: string): [string, Flag<unknown>] | undefined {
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
  if (flag !== undefined) return [name, flag];
  return Object.entries(flags).find(([, flag]) => flag.also?.includes(name) === true);
}

function set(state: State, [name, flag]: [string, Flag<unknown>], text: string): undefined {
  try {
    state.values[name] = flag.read(text, state.values[name]);
  } catch (error) {
    const shown = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
    throw invalidArgument(
      `invalid argument ${JSON.stringify(text)} for "${shown}" flag: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
  state.changed.add(name);
  return undefined;
}
