import { invalidArgument } from '../../common/errors.ts';
import { label, type Assembler, type Target } from './bpf.ts';

const OPERATORS = [
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_LE',
  'SCMP_CMP_LT',
  'SCMP_CMP_MASKED_EQ',
  'SCMP_CMP_NE',
] as const;
type Operator = (typeof OPERATORS)[number];
export const SECCOMP_OPERATORS: readonly string[] = OPERATORS;

const MAX_ARGUMENT = 5;
const UINT64_MAX = 2n ** 64n - 1n;
const UINT32_MAX = 0xffff_ffffn;

/** As the specification has it. Numbers beyond 2^53 are exact as bigint only (common/exact-json.ts). */
export interface SpecArgument {
  readonly index: number;
  readonly value: number | bigint;
  readonly valueTwo?: number | bigint;
  readonly op: string;
}

/** Throws `invalid-argument`, in runc's words. A 32-bit architecture's arguments have no upper half. */
export function conditionOf({ index, op, value, valueTwo = 0 }: SpecArgument, isWide: boolean): Condition {
  if (!Number.isInteger(index) || index < 0 || index > MAX_ARGUMENT)
    throw invalidArgument(`invalid seccomp argument index ${index}`);
  const known = OPERATORS.find((each) => each === op);
  if (known === undefined) throw invalidArgument(`string ${op} is not a valid operator for seccomp`);
  const most = isWide ? UINT64_MAX : UINT32_MAX;
  return { index, op: known, value: unsigned(value) & most, valueTwo: unsigned(valueTwo) & most };
}

/** A number that JSON could not hold came out as the next one that a double has: 2^64 - 1 as 2^64. */
function unsigned(value: number | bigint): bigint {
  if (typeof value === 'number' && !Number.isInteger(value))
    throw invalidArgument(`invalid seccomp argument value ${value}`);
  const whole = BigInt(value);
  if (whole < 0n) throw invalidArgument(`invalid seccomp argument value ${value}`);
  return whole > UINT64_MAX ? UINT64_MAX : whole;
}

/** One argument against a value, in the specification's words; for SCMP_CMP_MASKED_EQ `value` is the mask. */
export interface Condition {
  readonly index: number;
  readonly op: Operator;
  readonly value: bigint;
  readonly valueTwo: bigint;
}

/** args[] of struct seccomp_data, low half first. */
const ARGUMENTS_AT = 16;
const HIGH_HALF = 4;

const low = (value: bigint): number => Number(value & 0xffff_ffffn);
const high = (value: bigint): number => Number((value >> 32n) & 0xffff_ffffn);

/** Goes on when the condition holds, to `fails` when not. Arguments have 64 bits, and BPF words 32. */
export function checkArgument(code: Assembler, condition: Condition, fails: Target): void {
  const { op, value } = condition;
  const holds = label();
  switch (op) {
    case 'SCMP_CMP_EQ':
      equal(code, { ...condition, mask: undefined, wanted: value }, { yes: holds, no: fails });
      break;
    case 'SCMP_CMP_NE':
      equal(code, { ...condition, mask: undefined, wanted: value }, { yes: fails, no: holds });
      break;
    case 'SCMP_CMP_MASKED_EQ':
      equal(code, { ...condition, mask: value, wanted: condition.valueTwo }, { yes: holds, no: fails });
      break;
    case 'SCMP_CMP_GT':
      above(code, { ...condition, compare: '>' }, { yes: holds, no: fails });
      break;
    case 'SCMP_CMP_GE':
      above(code, { ...condition, compare: '>=' }, { yes: holds, no: fails });
      break;
    case 'SCMP_CMP_LT':
      above(code, { ...condition, compare: '>=' }, { yes: fails, no: holds });
      break;
    case 'SCMP_CMP_LE':
      above(code, { ...condition, compare: '>' }, { yes: fails, no: holds });
      break;
  }
  code.here(holds);
}

interface Ways {
  readonly yes: Target;
  readonly no: Target;
}

function equal(
  code: Assembler,
  {
    index,
    mask,
    wanted,
  }: { readonly index: number; readonly mask: bigint | undefined; readonly wanted: bigint },
  { yes, no }: Ways,
): void {
  const at = ARGUMENTS_AT + 8 * index;
  const next = label();
  code.load(at + HIGH_HALF);
  if (mask !== undefined) code.and(high(mask));
  code.branch('==', high(wanted), { yes: next, no });
  code.here(next);
  code.load(at);
  if (mask !== undefined) code.and(low(mask));
  code.branch('==', low(wanted), { yes, no });
}

function above(
  code: Assembler,
  { index, value, compare }: { readonly index: number; readonly value: bigint; readonly compare: '>' | '>=' },
  { yes, no }: Ways,
): void {
  const at = ARGUMENTS_AT + 8 * index;
  const [notAbove, equalHigh] = [label(), label()];
  code.load(at + HIGH_HALF);
  code.branch('>', high(value), { yes, no: notAbove });
  code.here(notAbove);
  code.branch('==', high(value), { yes: equalHigh, no });
  code.here(equalHigh);
  code.load(at);
  code.branch(compare, low(value), { yes, no });
}
