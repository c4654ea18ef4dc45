/**
 * One command line flag, as the parser and the help page see it. The table of a command's flags is the only description
 * of them: parsing, types and `--help` come from it.
 *
 * Own, because docker's clients rely on pflag's semantics (`-it`, `-eFOO=1`, `--rm=false`, stop at the first argument for
 * `run`), which commander has only in part, and because loading commander takes 6 to 8 ms, as long as everything that
 * `wherry ps` does beyond Node's own start.
 */
export interface Flag<T> {
  /** One letter, without dash. */
  readonly short?: string;
  /** Further long names, not shown by `--help`. */
  readonly also?: readonly string[];
  /** What `--help` prints for the value; empty for a switch. */
  readonly type: string;
  readonly help: string;
  readonly initial: T;
  /** What `--help` prints as default, quotes included. */
  readonly shown?: string;
  readonly hidden?: boolean;
  /** May stand without value, meaning `true`. */
  readonly isSwitch?: boolean;
  /** The new value after an occurrence with `text`. Throws an error whose message says what is wrong with it. */
  read(text: string, before: T): T;
}

export type Flags = Readonly<Record<string, Flag<unknown>>>;

export type Values<F extends Flags> = {
  readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never;
};

/** What may be said of any flag. */
type Looks = Pick<Flag<unknown>, 'short' | 'also' | 'shown' | 'hidden'>;

export const bool = (help: string, looks: Looks & { initial?: boolean } = {}): Flag<boolean> => ({
  ...looks,
  type: '',
  help,
  initial: looks.initial ?? false,
  isSwitch: true,
  read: readBool,
});

export const text = (help: string, looks: Looks & { initial?: string } = {}): Flag<string> => ({
  ...looks,
  type: 'string',
  help,
  initial: looks.initial ?? '',
  read: (value) => value,
});

export const int = (help: string, looks: Looks = {}): Flag<number | undefined> => ({
  ...looks,
  type: 'int',
  help,
  initial: undefined,
  read: readInt,
});

/** May be given many times; each value goes through `check`, which returns it as it is to be kept. */
export const list = (
  help: string,
  looks: Looks & { type?: string; check?: (value: string) => string } = {},
): Flag<readonly string[]> => ({
  ...looks,
  type: looks.type ?? 'list',
  help,
  initial: [],
  read: (value, before) => [...before, looks.check?.(value) ?? value],
});

/** A value of a type of its own. */
export const value = <T>(flag: Omit<Flag<T>, 'isSwitch'>): Flag<T> => flag;

/** A flag of the field's that this version does not do: it is known, so that the refusal says so instead of `unknown flag`. */
export const refused = (
  type: string,
  { reason = 'wherry does not support this flag yet', ...looks }: Looks & { reason?: string } = {},
): Flag<undefined> => ({
  ...looks,
  type,
  help: '',
  initial: undefined,
  hidden: true,
  isSwitch: type === '',
  read: (given) => {
    if (type === '' && !readBool(given)) return undefined;
    throw new Error(reason);
  },
});

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

function readBool(given: string): boolean {
  if (TRUE.has(given)) return true;
  if (FALSE.has(given)) return false;
  throw new Error(`strconv.ParseBool: parsing ${JSON.stringify(given)}: invalid syntax`);
}

function readInt(given: string): number {
  const number = /^[+-]?(\d+|0x[\da-f]+)$/i.test(given) ? Number(given) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(given)}: invalid syntax`);
}
