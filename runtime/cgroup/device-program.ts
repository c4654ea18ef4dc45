import { Label, type PlanBuilder } from '../plan/builder.ts';
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY } from '../plan/constants.ts';
import type { Slot } from '../plan/types.ts';
import type { DeviceRule } from '../spec.ts';

/** struct bpf_cgroup_dev_ctx and the bits in it (include/uapi/linux/bpf.h). */
const CONTEXT = { accessType: 0, major: 4, minor: 8 } as const;
const TYPES = { b: 1, c: 2 } as const;
const ACCESS = { m: 1, r: 2, w: 4 } as const;
const ALL_ACCESS = 7;

/** Instructions (Documentation/bpf/standardization/instruction-set.rst): 64-bit loads and moves, 32-bit arithmetic and jumps. */
const LOAD_WORD = 0x61;
const AND = 0x54;
const SHIFT_RIGHT = 0x74;
const MOVE = 0xb7;
const MOVE_REGISTER = 0xbc;
const JUMP_NOT_EQUAL = 0x56;
const JUMP_EQUAL = 0x16;
const EXIT = 0x95;

/** Registers: the result, the context, and what the prologue takes apart. */
const [RESULT, CTX, TYPE, WANTED, MAJOR, MINOR] = [0, 1, 2, 3, 4, 5] as const;

interface Instruction {
  readonly code: number;
  readonly to?: number;
  readonly from?: number;
  readonly offset?: number;
  readonly value?: number;
}

/**
 * A BPF_PROG_TYPE_CGROUP_DEVICE program that decides as version 1's lists do: for each kind of access the last rule that is about
 * the device counts, so rules are asked backwards, each takes what it grants out of what is wanted, and what no rule is about is
 * refused. struct bpf_insn[].
 */
export function compileDeviceRules(rules: readonly DeviceRule[]): Uint8Array {
  const total = rules.findLastIndex(isTotal);
  const effective = rules
    .slice(total + 1)
    .filter((rule) => accessOf(rule) !== 0)
    .reverse();
  const instructions: Instruction[] = [
    { code: LOAD_WORD, to: TYPE, from: CTX, offset: CONTEXT.accessType },
    { code: MOVE_REGISTER, to: WANTED, from: TYPE },
    { code: AND, to: TYPE, value: 0xffff },
    { code: SHIFT_RIGHT, to: WANTED, value: 16 },
    { code: LOAD_WORD, to: MAJOR, from: CTX, offset: CONTEXT.major },
    { code: LOAD_WORD, to: MINOR, from: CTX, offset: CONTEXT.minor },
    ...effective.flatMap(ruleBlock),
    ...answer(rules[total]?.allow === true),
  ];
  return encode(instructions);
}

/** Says everything, so that nothing before it counts. */
export const isTotal = (rule: DeviceRule): boolean =>
  (rule.type ?? 'a') === 'a' &&
  !isNumber(rule.major) &&
  !isNumber(rule.minor) &&
  accessOf(rule) === ALL_ACCESS;

const isNumber = (value: number | undefined): value is number => value !== undefined && value >= 0;

const accessOf = ({ access = 'rwm' }: DeviceRule): number =>
  (Object.keys(ACCESS) as (keyof typeof ACCESS)[])
    .filter((letter) => access.includes(letter))
    .reduce((bits, letter) => bits | ACCESS[letter], 0);

function ruleBlock(rule: DeviceRule): Instruction[] {
  const access = accessOf(rule);
  const { type = 'a', major, minor } = rule;
  const tests: Instruction[] = [
    ...(type === 'a' ? [] : [{ code: JUMP_NOT_EQUAL, to: TYPE, value: TYPES[type] }]),
    ...(isNumber(major) ? [{ code: JUMP_NOT_EQUAL, to: MAJOR, value: major }] : []),
    ...(isNumber(minor) ? [{ code: JUMP_NOT_EQUAL, to: MINOR, value: minor }] : []),
  ];
  const block = [...tests, ...verdict(rule.allow, access)];
  // Jumps lead to the next rule: offsets count from the instruction behind the jump.
  return block.map((each, index) =>
    each.code === JUMP_NOT_EQUAL || each.code === JUMP_EQUAL
      ? { ...each, offset: block.length - index - 1 }
      : each,
  );
}

function verdict(allow: boolean, access: number): Instruction[] {
  if (access === ALL_ACCESS) return answer(allow);
  if (allow)
    return [
      { code: AND, to: WANTED, value: ALL_ACCESS & ~access },
      { code: JUMP_NOT_EQUAL, to: WANTED, value: 0 },
      ...answer(true),
    ];
  return [
    { code: MOVE_REGISTER, to: RESULT, from: WANTED },
    { code: AND, to: RESULT, value: access },
    { code: JUMP_EQUAL, to: RESULT, value: 0 },
    ...answer(false),
  ];
}

const answer = (allow: boolean): Instruction[] => [
  { code: MOVE, to: RESULT, value: allow ? 1 : 0 },
  { code: EXIT },
];

const INSTRUCTION_BYTES = 8;

function encode(instructions: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(INSTRUCTION_BYTES * instructions.length);
  instructions.forEach(({ code, to = 0, from = 0, offset = 0, value = 0 }, index) => {
    const at = INSTRUCTION_BYTES * index;
    bytes.writeUInt8(code, at);
    bytes.writeUInt8(to | (from << 4), at + 1);
    bytes.writeInt16LE(offset, at + 2);
    bytes.writeInt32LE(value | 0, at + 4);
  });
  return bytes;
}

/** man 2 bpf: commands, types and flags. */
const BPF_PROG_LOAD = 5;
const BPF_PROG_ATTACH = 8;
const BPF_PROG_DETACH = 9;
const BPF_PROG_GET_FD_BY_ID = 13;
const BPF_PROG_QUERY = 16;
const BPF_PROG_TYPE_CGROUP_DEVICE = 15;
const BPF_CGROUP_DEVICE = 6;
const BPF_F_ALLOW_MULTI = 2;

const u32s = (...values: readonly number[]): Uint8Array => new Uint8Array(new Uint32Array(values).buffer);

/** Programs of a cgroup that an update takes away: ours is one, systemd's may be another. */
const MAX_REPLACED = 8;

/**
 * Loads the rules as a program and attaches it to a version 2 cgroup. With `replace` the programs that were there are detached
 * after that, so that at no time less is refused than either wants.
 */
export function attachDeviceProgram(
  plan: PlanBuilder,
  directory: string,
  { rules, replace }: { readonly rules: readonly DeviceRule[]; readonly replace: boolean },
): void {
  const label = `limit devices of cgroup "${directory}"`;
  const cgroup = plan.call(label, 'openat', [AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0], {
    save: true,
  });
  const old = replace ? openAttached(plan, cgroup, label) : undefined;
  const program = loadProgram(plan, compileDeviceRules(rules), label);
  const attach = u32s(0, 0, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI, 0);
  const offset = plan.bytes(attach);
  plan.store(label, cgroup, offset);
  plan.store(label, program, offset + 4);
  plan.call(label, 'bpf', [BPF_PROG_ATTACH, { kind: 'blob', offset }, attach.byteLength]);
  plan.close(program);
  if (old !== undefined) detachAll(plan, { cgroup, old, label });
  plan.close(cgroup);
}

function loadProgram(plan: PlanBuilder, code: Uint8Array, label: string): Slot {
  const attr = new Uint8Array(48);
  const view = new DataView(attr.buffer);
  view.setUint32(0, BPF_PROG_TYPE_CGROUP_DEVICE, true);
  view.setUint32(4, code.byteLength / INSTRUCTION_BYTES, true);
  const offset = plan.bytes(attr);
  plan.relocate(offset + 8, plan.bytes(code));
  plan.relocate(offset + 16, plan.string('Apache'));
  // The verifier gives up with EAGAIN when a signal comes (man 2 bpf); plans run with signals blocked.
  return plan.call(label, 'bpf', [BPF_PROG_LOAD, { kind: 'blob', offset }, attr.byteLength], { save: true });
}

interface Attached {
  /** Where the ids are in the blob; 0 after the last one. */
  readonly ids: number;
}

/** The ids of the programs that are attached to this cgroup itself. */
function openAttached(plan: PlanBuilder, cgroup: Slot, label: string): Attached {
  const ids = plan.bytes(new Uint8Array(4 * MAX_REPLACED));
  // Longer than what is used of it: kernels from 6.17 write a revision at its end whatever the size.
  const query = new Uint8Array(64);
  const view = new DataView(query.buffer);
  view.setUint32(4, BPF_CGROUP_DEVICE, true);
  view.setUint32(24, MAX_REPLACED, true);
  const offset = plan.bytes(query);
  plan.relocate(offset + 16, ids);
  plan.store(label, cgroup, offset);
  plan.call(label, 'bpf', [BPF_PROG_QUERY, { kind: 'blob', offset }, query.byteLength], {
    ignore: ['ENOSPC'],
  });
  return { ids };
}

function detachAll(
  plan: PlanBuilder,
  { cgroup, old, label }: { readonly cgroup: Slot; readonly old: Attached; readonly label: string },
): void {
  const detach = u32s(0, 0, BPF_CGROUP_DEVICE, 0, 0);
  const offset = plan.bytes(detach);
  plan.store(label, cgroup, offset);
  for (let index = 0; index < MAX_REPLACED; index += 1) {
    const attr = plan.bytes(u32s(0, 0));
    const id = plan.load(label, old.ids + 4 * index);
    plan.store(label, id, attr);
    plan.free(id);
    // No program has the id 0. One that we may not open is somebody's who means it.
    const next = new Label();
    const program = plan.call(label, 'bpf', [BPF_PROG_GET_FD_BY_ID, { kind: 'blob', offset: attr }, 4], {
      save: true,
      ignore: ['ENOENT', 'EPERM', 'EACCES'],
      onIgnored: next,
    });
    plan.store(label, program, offset + 4);
    plan.call(label, 'bpf', [BPF_PROG_DETACH, { kind: 'blob', offset }, detach.byteLength]);
    plan.close(program);
    plan.here(next);
  }
}
