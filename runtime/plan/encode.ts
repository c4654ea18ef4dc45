import { constants } from 'node:os';
import { internal, invalidArgument } from '../../common/errors.ts';
import { isSyscallName, syscallNumber } from '../../native/ffi/numbers.ts';
import type { Arg, Plan, Step } from './types.ts';

/** The wire form of native/c/plan.h. */
const MAGIC = 0x4e4c5057;
const VERSION = 1;
const HEADER_BYTES = 32;
const STEP_BYTES = 80;
const RELOCATION_BYTES = 8;
const MAX_BYTES = 16 << 20;
const MAX_STEPS = 65_536;
const NO_SAVE = 0xffff;

const OPS = { syscall: 1, fork: 2, store: 3, end: 4, fail: 5, 'send-fd': 6 } as const;
const KINDS = { immediate: 0, blob: 1, slot: 2 } as const;

interface WireStep {
  readonly number?: number;
  readonly save?: number | undefined;
  readonly ignore?: readonly string[];
  readonly next?: number | undefined;
  readonly nextIgnored?: number | undefined;
  readonly args: readonly Arg[];
}

/**
 * Bytes for the interpreter. Throws `invalid-argument` for a plan that is larger than the interpreter takes (arguments and
 * environment of a container are part of it): nothing is ever truncated.
 */
export function encodePlan(plan: Plan): Buffer {
  const relocationsAt = HEADER_BYTES + plan.steps.length * STEP_BYTES;
  const blobAt = relocationsAt + plan.relocations.length * RELOCATION_BYTES;
  // One byte more, so that the last string ends inside.
  const blobBytes = Math.ceil((plan.blob.byteLength + 1) / 8) * 8;
  const totalBytes = blobAt + blobBytes;
  if (plan.steps.length > MAX_STEPS || totalBytes > MAX_BYTES) {
    throw invalidArgument(
      `The launch plan has ${plan.steps.length} steps and ${totalBytes} bytes, at most ${MAX_STEPS} and ${MAX_BYTES} are possible: shorten arguments, environment or mounts`,
    );
  }
  const bytes = Buffer.alloc(totalBytes);
  writeHeader(bytes, plan, blobBytes);
  plan.steps.forEach((step, index) => writeStep(bytes, HEADER_BYTES + index * STEP_BYTES, wire(step)));
  plan.steps.forEach((step, index) => bytes.writeUInt16LE(OPS[step.op], HEADER_BYTES + index * STEP_BYTES));
  plan.relocations.forEach(({ at, target }, index) => {
    bytes.writeUInt32LE(at, relocationsAt + index * RELOCATION_BYTES);
    bytes.writeUInt32LE(target, relocationsAt + index * RELOCATION_BYTES + 4);
  });
  bytes.set(plan.blob, blobAt);
  return bytes;
}

function writeHeader(bytes: Buffer, plan: Plan, blobBytes: number): void {
  const fields = [
    MAGIC,
    VERSION,
    bytes.byteLength,
    plan.steps.length,
    plan.relocations.length,
    blobBytes,
    plan.monitor === undefined ? 0 : plan.monitor.offset + 1,
    plan.monitor?.initSlot ?? 0,
  ];
  fields.forEach((field, index) => bytes.writeUInt32LE(field, index * 4));
}

function wire(step: Step): WireStep {
  switch (step.op) {
    case 'syscall':
      return { ...step, number: numberOf(step.name) };
    case 'fork':
      return step;
    case 'store':
      return { args: [slot(step.slot), immediate(step.offset), immediate(step.width)] };
    case 'send-fd':
      return { args: [slot(step.slot)] };
    case 'fail':
      return { args: [typeof step.errno === 'string' ? immediate(errnoOf(step.errno)) : step.errno] };
    case 'end':
      return { args: [] };
  }
}

function writeStep(bytes: Buffer, at: number, step: WireStep): void {
  bytes.writeUInt16LE(step.save ?? NO_SAVE, at + 2);
  bytes.writeUInt32LE(step.number ?? 0, at + 4);
  bytes.writeBigUInt64LE(errnoMask(step.ignore ?? []), at + 8);
  bytes.writeUInt32LE(step.next ?? 0, at + 16);
  bytes.writeUInt32LE(step.nextIgnored ?? 0, at + 20);
  step.args.forEach((arg, index) => {
    bytes.writeUInt8(KINDS[arg.kind], at + 24 + index);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, valueOf(arg)), at + 32 + index * 8);
  });
}

function valueOf(arg: Arg): bigint {
  switch (arg.kind) {
    case 'immediate':
      return arg.value;
    case 'blob':
      return BigInt(arg.offset);
    case 'slot':
      return BigInt(arg.slot);
  }
}

const slot = (number: number): Arg => ({ kind: 'slot', slot: number });
const immediate = (value: number): Arg => ({ kind: 'immediate', value: BigInt(value) });

function numberOf(name: string): number {
  if (!isSyscallName(name)) throw internal(`There is no system call "${name}"`);
  return syscallNumber(name);
}

const errnos: Readonly<Record<string, number>> = constants.errno;

function errnoOf(name: string): number {
  const errno = errnos[name];
  if (errno === undefined) throw internal(`There is no errno "${name}"`);
  return errno;
}

const errnoMask = (names: readonly string[]): bigint =>
  names.reduce((mask, name) => mask | (1n << BigInt(errnoOf(name))), 0n);
