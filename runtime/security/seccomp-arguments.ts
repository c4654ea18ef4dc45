import { invalidArgument } from '../../common/errors.ts';
import { label, type Assembler, type Target } from './bpf.ts';

/** One argument against a value, in the specification's words; for SCMP_CMP_MASKED_EQ `value` is the mask. */
export interface Condition {
  readonly index: number;
  readonly op: string;
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
  const { op, value, index } = condition;
  if (index < 0 || index > 5) throw invalidArgument(`invalid seccomp argument index ${index}`);
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
    default:
      throw invalidArgument(`invalid seccomp operator: ${op}`);
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
