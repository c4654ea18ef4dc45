import { createHash } from 'node:crypto';
import { invalidArgument } from '../../common/errors.ts';
import type { CompiledSeccomp } from '../contract.ts';
import type { Seccomp } from '../spec.ts';
import { Assembler, label, type Target } from './bpf.ts';
import { checkArgument, type Condition } from './seccomp-arguments.ts';
import { ENOSYS_RETURN, flagsOf, KILL_RETURN, returnOf } from './seccomp-actions.ts';
import { architecture, numberOn, type Architecture } from './seccomp-table.ts';

/** struct seccomp_data. */
const NUMBER_AT = 0;
const ARCHITECTURE_AT = 4;
const MAX_INSTRUCTIONS = 4096;

/** What happens to one system call: the first alternative whose conditions all hold, else `otherwise`. */
interface Decision {
  readonly alternatives: readonly { readonly conditions: readonly Condition[]; readonly value: number }[];
  readonly otherwise: number;
}

/** From `start` on, up to the next range's start. */
interface Range {
  readonly start: number;
  readonly decision: Decision;
}

/**
 * Compiles profiles of the OCI specification, each once: by the hash of its content. libseccomp gives the numbers; the program
 * is our own, because libseccomp tests each number by itself where a range would do (its result for docker's profile is
 * several times as long and slower to attach).
 */
export function createSeccompCompiler(): (profile: Seccomp) => CompiledSeccomp {
  const compiled = new Map<string, CompiledSeccomp>();
  return (profile) => {
    const key = createHash('sha256').update(JSON.stringify(profile)).digest('hex');
    const known = compiled.get(key);
    if (known !== undefined) return known;
    const fresh = compileSeccomp(profile);
    compiled.set(key, fresh);
    return fresh;
  };
}

/**
 * One filter for all architectures of a profile: a binary tree of ranges for each. An architecture that is not in the profile is
 * killed. A number above all that the profile knows of gets ENOSYS, so that a libc falls back from a newer system call.
 * Throws `invalid-argument` for what is no profile, or is too large for the kernel.
 */
export function compileSeccomp(profile: Seccomp): CompiledSeccomp {
  const architectures = (profile.architectures ?? [nativeArchitecture()]).map(architecture);
  const code = new Assembler();
  code.load(ARCHITECTURE_AT);
  for (const audit of new Set(architectures.map((each) => each.audit))) {
    const [matches, next] = [label(), label()];
    code.branch('==', audit, { yes: matches, no: next });
    code.here(matches);
    code.load(NUMBER_AT);
    emitTable(
      code,
      rangesOf(
        profile,
        architectures.filter((each) => each.audit === audit),
      ),
    );
    code.here(next);
  }
  code.ret(KILL_RETURN);
  const program = code.assemble();
  if (program.byteLength / 8 > MAX_INSTRUCTIONS) {
    throw invalidArgument(
      `The seccomp profile takes ${program.byteLength / 8} instructions, at most ${MAX_INSTRUCTIONS} are possible`,
    );
  }
  return { program, flags: flagsOf(profile.flags) };
}

const nativeArchitecture = (): string =>
  process.arch === 'arm64' ? 'SCMP_ARCH_AARCH64' : 'SCMP_ARCH_X86_64';

/** All numbers of one audit architecture from 0 on, neighbours with the same decision merged. x32 shares that of x86-64. */
function rangesOf(profile: Seccomp, architectures: readonly Architecture[]): Range[] {
  const ranges: Range[] = [];
  const unknown: Decision = { alternatives: [], otherwise: ENOSYS_RETURN };
  for (const each of [...architectures].sort((a, b) => a.bit - b.bit)) {
    const decisions = decisionsOf(profile, each);
    const numbers = [...decisions.keys()].sort((a, b) => a - b);
    const last = numbers.at(-1) ?? each.bit - 1;
    const refused: Decision = { alternatives: [], otherwise: defaultOf(profile) };
    for (let number = each.bit; number <= last; number += 1) {
      append(ranges, { start: number, decision: decisions.get(number) ?? refused });
    }
    append(ranges, { start: last + 1, decision: isRefusal(profile) ? unknown : refused });
  }
  return ranges[0]?.start === 0 ? ranges : [{ start: 0, decision: unknown }, ...ranges];
}

const defaultOf = (profile: Seccomp): number => returnOf(profile.defaultAction, profile.defaultErrnoRet);
const isRefusal = ({ defaultAction }: Seccomp): boolean =>
  defaultAction !== 'SCMP_ACT_ALLOW' &&
  defaultAction !== 'SCMP_ACT_LOG' &&
  defaultAction !== 'SCMP_ACT_TRACE';

function append(ranges: Range[], range: Range): void {
  const before = ranges.at(-1);
  if (before === undefined || keyOf(before.decision) !== keyOf(range.decision)) ranges.push(range);
}

const keyOf = (decision: Decision): string =>
  JSON.stringify(decision, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));

function decisionsOf(profile: Seccomp, on: Architecture): Map<number, Decision> {
  const decisions = new Map<number, Decision>();
  const fallback = defaultOf(profile);
  for (const rule of profile.syscalls ?? []) {
    const value = returnOf(rule.action, rule.errnoRet);
    for (const name of rule.names) {
      const number = numberOn(on, name);
      if (number === undefined) continue;
      const before = decisions.get(number) ?? { alternatives: [], otherwise: fallback };
      decisions.set(number, extend(before, { conditionSets: alternativesOf(rule.args), value, fallback }));
    }
  }
  return decisions;
}

/** A rule without conditions settles a call; of several the first counts. */
function extend(
  decision: Decision,
  rule: {
    readonly conditionSets: readonly (readonly Condition[])[];
    readonly value: number;
    readonly fallback: number;
  },
): Decision {
  const { conditionSets, value, fallback } = rule;
  if (conditionSets.length > 0) {
    const added = conditionSets.map((conditions) => ({ conditions, value }));
    return { ...decision, alternatives: [...decision.alternatives, ...added] };
  }
  const settled = decision.otherwise === fallback ? value : decision.otherwise;
  return { alternatives: decision.alternatives.filter((each) => each.value !== settled), otherwise: settled };
}

/** Conditions on different arguments must all hold; several on one argument are alternatives, as libseccomp's callers have it. */
function alternativesOf(args: NonNullable<Seccomp['syscalls']>[number]['args']): Condition[][] {
  const conditions = (args ?? []).map(({ index, value, valueTwo, op }) => ({
    index,
    op,
    value: BigInt(value),
    valueTwo: BigInt(valueTwo ?? 0),
  }));
  if (conditions.length === 0) return [];
  const isRepeated = new Set(conditions.map(({ index }) => index)).size < conditions.length;
  return isRepeated ? conditions.map((condition) => [condition]) : [conditions];
}

/** A binary tree of comparisons; what a range does is emitted once and shared. */
function emitTable(code: Assembler, ranges: readonly Range[]): void {
  const leaves = new Map<string, { readonly target: Target; readonly decision: Decision }>();
  const leafOf = ({ decision }: Range): Target => {
    const key = keyOf(decision);
    const leaf = leaves.get(key) ?? { target: label(), decision };
    leaves.set(key, leaf);
    return leaf.target;
  };
  emitTree(code, ranges, leafOf);
  for (const { target, decision } of leaves.values()) {
    code.here(target);
    for (const { conditions, value } of decision.alternatives) emitAlternative(code, conditions, value);
    code.ret(decision.otherwise);
  }
}

function emitTree(code: Assembler, ranges: readonly Range[], leafOf: (range: Range) => Target): void {
  const middle = Math.ceil(ranges.length / 2);
  const [low, high] = [ranges.slice(0, middle), ranges.slice(middle)];
  const [first, second] = [low[0], high[0]];
  if (first === undefined) return;
  if (second === undefined) return code.go(leafOf(first));
  const [lowTree, highTree] = [label(), label()];
  const to = (half: readonly Range[], tree: Target): Target => {
    const [only] = half;
    return half.length === 1 && only !== undefined ? leafOf(only) : tree;
  };
  code.branch('>=', second.start, { yes: to(high, highTree), no: to(low, lowTree) });
  for (const [half, tree] of [
    [low, lowTree],
    [high, highTree],
  ] as const) {
    if (half.length === 1) continue;
    code.here(tree);
    emitTree(code, half, leafOf);
  }
}

function emitAlternative(code: Assembler, conditions: readonly Condition[], value: number): void {
  const fails = label();
  for (const condition of conditions) checkArgument(code, condition, fails);
  code.ret(value);
  code.here(fails);
}
