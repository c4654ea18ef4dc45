import type { Arg, Plan, Step } from './types.ts';

/** A plan for a person to read: one line a step, `  12 openat2(#3, "/proc", ...) -> #4  open "/proc"`. */
export function formatPlan(plan: Plan): string {
  return plan.steps.map((step, index) => `${String(index).padStart(4)} ${format(step, plan)}\n`).join('');
}

function format(step: Step, plan: Plan): string {
  const [action, ways] = describe(step, plan);
  return `${action.padEnd(72)} ${step.label}${ways === '' ? '' : `  [${ways}]`}`;
}

function describe(step: Step, plan: Plan): [action: string, ways: string] {
  switch (step.op) {
    case 'syscall': {
      const args = step.args.map((arg) => show(arg, plan.blob)).join(', ');
      const kept = step.save === undefined ? '' : ` -> #${step.save}`;
      const ignored =
        step.ignore.length === 0 ? [] : [`${step.ignore.join('|')} -> ${step.nextIgnored ?? 'go on'}`];
      const next = step.next === undefined ? [] : [`ok -> ${step.next}`];
      return [`${step.name}(${args})${kept}`, [...next, ...ignored].join(', ')];
    }
    case 'fork':
      return [`fork -> #${step.save}`, `parent -> ${step.next}`];
    case 'store':
      return [`store #${step.slot} at @${step.offset}`, ''];
    case 'load':
      return [`load @${step.offset} -> #${step.save}`, ''];
    case 'number':
      return [`number @${step.offset} -> #${step.save}`, ''];
    case 'expect': {
      const otherwise = step.nextIgnored === undefined ? step.errno : `else -> ${step.nextIgnored}`;
      return [`expect @${step.offset} & 0x${step.mask.toString(16)} == ${step.value}`, otherwise];
    }
    case 'copy':
      return [`copy #${step.from} to #${step.to}`, ''];
    case 'make':
      return [`make ${step.args.map((arg) => show(arg, plan.blob)).join(', ')} -> #${step.save}`, ''];
    case 'send-fd':
      return [`send #${step.slot}`, ''];
    case 'fail':
      return [`fail ${typeof step.errno === 'string' ? step.errno : `@${step.errno.offset}`}`, ''];
    case 'end':
      return ['end', ''];
  }
}

function show(arg: Arg, blob: Uint8Array): string {
  switch (arg.kind) {
    case 'slot':
      return `#${arg.slot}`;
    case 'immediate':
      return arg.value > 9n || arg.value < -200n
        ? `0x${BigInt.asUintN(64, arg.value).toString(16)}`
        : String(arg.value);
    case 'blob':
      return textAt(blob, arg.offset) ?? `@${arg.offset}`;
  }
}

/** The string at an offset, if what is there looks like one. */
function textAt(blob: Uint8Array, offset: number): string | undefined {
  const end = blob.indexOf(0, offset);
  const text = Buffer.from(blob.subarray(offset, end < 0 ? blob.length : end)).toString();
  return text.length > 0 && /^[\x20-\x7e\n]+$/.test(text) ? JSON.stringify(text) : undefined;
}
