import { invalidArgument } from '../../common/errors.ts';
import type { CompiledSeccomp } from '../contract.ts';
import { stringifyExact } from '../exact-json.ts';
import type { Seccomp } from '../spec.ts';
import { Assembler, label, type Target } from './bpf.ts';
import { ENOSYS_RETURN, flagsOf, KILL_RETURN, NOTIFY } from './seccomp-actions.ts';
import { checkArgument, type Condition } from './seccomp-arguments.ts';
import { decisionsOn, prepareRules, settled, type Decision, type PreparedRules } from './seccomp-rules.ts';
import { architecturesOf, otherCallsOf, type Architecture, type Machine } from './seccomp-table.ts';

/** struct seccomp_data. */
const NUMBER_AT = 0;
const ARCHITECTURE_AT = 4;
const MAX_INSTRUCTIONS = 4096;

/** From `start` on, up to the next range's start. */
interface Range {
  readonly start: number;
  readonly decision: Decision;
}

/**
 * Compiles profiles of the OCI specification, each once. The program is our own, and not libseccomp's,
 * because that one tests each number by itself where a range would do (its result for docker's profile is several times as long
 * and slower to attach).
 */
export function createSeccompCompiler(): (profile: Seccomp) => CompiledSeccomp {
  const compiled = new Map<string, CompiledSeccomp>();
  return (profile) => {
    const key = stringifyExact(profile);
    const known = compiled.get(key);
    if (known !== undefined) return known;
    const fresh = compileSeccomp(profile);
    compiled.set(key, fresh);
    return fresh;
  };
}

/**
 * One filter for all architectures of a profile that this machine has: a binary tree of ranges for each. An architecture that is not
 * in the profile is killed. A number above all that the profile knows of gets ENOSYS, so that a libc falls back from a newer
 * system call. Throws `invalid-argument` for what is no profile, or is too large for the kernel.
 */
export function compileSeccomp(profile: Seccomp, machine: Machine = thisMachine()): CompiledSeccomp {
  const architectures = architecturesOf(profile.architectures ?? [], machine);
  const rules = prepareRules(profile);
  const code = new Assembler();
  code.load(ARCHITECTURE_AT);
  for (const audit of new Set(architectures.map((each) => each.audit))) {
    const [matches, next] = [label(), label()];
    code.branch('==', audit, { yes: matches, no: next });
    code.here(matches);
    code.load(NUMBER_AT);
    const ofAudit = architectures.filter((each) => each.audit === audit);
    emitTable(code, rangesOf(profile, { rules, architectures: ofAudit }));
    code.here(next);
  }
  code.ret(KILL_RETURN);
  const program = code.assemble();
  if (program.byteLength / 8 > MAX_INSTRUCTIONS) {
    throw invalidArgument(
      `The seccomp profile takes ${program.byteLength / 8} instructions, at most ${MAX_INSTRUCTIONS} are possible`,
    );
  }
  const notifies = (profile.syscalls ?? []).some(({ action }) => action === NOTIFY);
  return { program, flags: flagsOf(profile.flags, notifies) };
}

const thisMachine = (): Machine => (process.arch === 'arm64' ? 'arm64' : 'x64');

/** All numbers of one audit architecture from 0 on, neighbours with the same decision merged. x32 shares that of x86-64. */
function rangesOf(
  profile: Seccomp,
  {
    rules,
    architectures,
  }: { readonly rules: PreparedRules; readonly architectures: readonly Architecture[] },
): Range[] {
  const ranges: Range[] = [];
  const append = (start: number, decision: Decision): void => {
    if (ranges.at(-1)?.start === start) ranges.pop();
    if (ranges.at(-1)?.decision.key !== decision.key) ranges.push({ start, decision });
  };
  const rest = settled(rules.fallback);
  for (const each of [...architectures].sort((a, b) => a.bit - b.bit)) {
    const { byNumber, last } = decisionsOn(each, rules);
    append(each.bit, rest);
    for (const number of [...byNumber.keys()].sort((a, b) => a - b)) {
      append(number, byNumber.get(number) ?? rest);
      append(number + 1, rest);
    }
    if (last !== undefined && isRefusal(profile)) append(last + 1, settled(ENOSYS_RETURN));
  }
  const others = otherCallsOf(architectures);
  if (others !== undefined) {
    append(others, settled(KILL_RETURN));
    // A tracer's mark for a call to be left out.
    append(0xffff_ffff, rest);
  }
  return ranges;
}

const isRefusal = ({ defaultAction }: Seccomp): boolean =>
  defaultAction !== 'SCMP_ACT_ALLOW' &&
  defaultAction !== 'SCMP_ACT_LOG' &&
  defaultAction !== 'SCMP_ACT_TRACE';

/** A binary tree of comparisons; what a range does is emitted once and shared. */
function emitTable(code: Assembler, ranges: readonly Range[]): void {
  const leaves = new Map<string, { readonly target: Target; readonly decision: Decision }>();
  const leafOf = ({ decision }: Range): Target => {
    const { key } = decision;
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
