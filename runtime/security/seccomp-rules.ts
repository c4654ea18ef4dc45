import { invalidArgument } from '../../common/errors.ts';
import type { Seccomp } from '../spec.ts';
import { NOTIFY, returnOf } from './seccomp-actions.ts';
import { conditionOf, type Condition, type SpecArgument } from './seccomp-arguments.ts';
import { createResolver, knownNames, type Architecture } from './seccomp-table.ts';

/** What happens to one system call: the first alternative whose conditions all hold, else `otherwise`. */
export interface Decision {
  readonly alternatives: readonly { readonly conditions: readonly Condition[]; readonly value: number }[];
  readonly otherwise: number;
  /** Equal for equal decisions. */
  readonly key: string;
}

export interface Decisions {
  readonly byNumber: ReadonlyMap<number, Decision>;
  /** The largest number that the profile names at all, with the architecture's bit; undefined: none but 0. */
  readonly last: number | undefined;
}

type Rule = NonNullable<Seccomp['syscalls']>[number];
export interface PreparedRules {
  readonly rules: readonly PreparedRule[];
  readonly fallback: number;
  readonly known: ReadonlySet<string>;
}
interface PreparedRule {
  readonly names: readonly string[];
  readonly args: readonly SpecArgument[];
  readonly value: number;
}

/**
 * Checks the rules of a profile. Throws `invalid-argument`, in runc's words where it has some: the process itself writes, to say
 * where its listener is, so that call can't be held back.
 */
export function prepareRules(profile: Seccomp): PreparedRules {
  if (profile.defaultAction === NOTIFY) throw invalidArgument(`${NOTIFY} cannot be used as default action`);
  const rules = (profile.syscalls ?? []).map((rule) => {
    if (rule.action === NOTIFY && rule.names.includes('write'))
      throw invalidArgument(`${NOTIFY} cannot be used for the write syscall`);
    return { names: rule.names, args: rule.args ?? [], value: returnOf(rule.action, rule.errnoRet) };
  });
  const fallback = returnOf(profile.defaultAction, profile.defaultErrnoRet);
  return { rules, fallback, known: knownNames() };
}

/**
 * What a profile says of each system call of an architecture. As runc and libseccomp have it: a rule that says the default is
 * no rule; the first rule without conditions settles a call, whatever conditions others have; an unknown name is ignored.
 */
export function decisionsOn(on: Architecture, { rules, fallback, known }: PreparedRules): Decisions {
  const numberOf = createResolver(on, known);
  const byNumber = new Map<number, Decision>();
  let last = on.bit;
  const add = (number: number, value: number, sets: readonly (readonly Condition[])[]): void => {
    const before = byNumber.get(number);
    const decision = extend(before, { value, sets, fallback });
    if (decision !== before) byNumber.set(number, decision);
  };
  for (const { names, args, value } of rules) {
    const sets = conditionSets(args, on);
    for (const name of names) {
      const number = numberOf(name);
      if (number === undefined) continue;
      if (number > last) last = number;
      if (value === fallback) continue;
      add(number, value, sets);
      const [through, call] = Object.hasOwn(on.multiplexed, name) ? (on.multiplexed[name] ?? []) : [];
      const entry = through === undefined ? undefined : numberOf(through);
      if (entry !== undefined && call !== undefined) add(entry, value, multiplex(sets, call));
    }
  }
  return { byNumber, last: last === on.bit ? undefined : last };
}

/** A decision is settled once it has no alternatives and is not the default; until then `otherwise` is the default. */
function extend(
  before: Decision | undefined,
  rule: {
    readonly value: number;
    readonly sets: readonly (readonly Condition[])[];
    readonly fallback: number;
  },
): Decision {
  const { value, sets, fallback } = rule;
  if (before !== undefined && before.otherwise !== fallback) return before;
  if (sets.length === 0) return settled(value);
  const added = sets.map((conditions) => ({ conditions, value }));
  const key = [before?.key ?? '', ...sets.map((set) => `${set.map(textOf).join('&')}?${value}`)].join('|');
  return { alternatives: [...(before?.alternatives ?? []), ...added], otherwise: fallback, key };
}

const textOf = ({ index, op, value, valueTwo }: Condition): string => `${index} ${op} ${value} ${valueTwo}`;

export const settled = (value: number): Decision => ({
  alternatives: [],
  otherwise: value,
  key: String(value),
});

/** Conditions on different arguments must all hold; several on one argument are alternatives, as libseccomp's callers have it. */
function conditionSets(
  args: NonNullable<Rule['args']> | readonly SpecArgument[],
  on: Architecture,
): Condition[][] {
  if (args.length === 0) return [];
  const conditions = args.map((arg) => conditionOf(arg, on.isWide));
  const isRepeated = new Set(conditions.map(({ index }) => index)).size < conditions.length;
  return isRepeated ? conditions.map((condition) => [condition]) : [conditions];
}

/** The same of the call through which it may be reached: its first argument is the number there. */
function multiplex(sets: readonly (readonly Condition[])[], call: number): Condition[][] {
  const isCall: Condition = { index: 0, op: 'SCMP_CMP_EQ', value: BigInt(call), valueTwo: 0n };
  if (sets.length === 0) return [[isCall]];
  return sets.map((conditions) => [isCall, ...conditions.filter(({ index }) => index !== 0)]);
}
