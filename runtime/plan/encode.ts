import { constants } from 'node:os';
import { internal, invalidArgument } from '../../common/errors.ts';
import { isSyscallName, syscallNumber } from '../../native/ffi/numbers.ts';
import type { Arg, Plan, Step } from './types.ts';

/** The wire form of native/c/plan.h. */
const MAGIC = 0x4e4c5057;
const VERSION = 3;
const HEADER_BYTES = 40;
/** Where the interpreter notes the step that it runs: plan_header.step. */
export const STEP_AT = 32;
const STEP_BYTES = 80;
const RELOCATION_BYTES = 8;
const MAX_BYTES = 16 << 20;
const MAX_STEPS = 65_536;
const NO_SAVE = 0xffff;
const ZERO_FAILS = 1;
/** STORE_TEXT and STORE_OCTAL. */
const TEXTS = { text: 24, octal: 25 } as const;

const OPS = {
  syscall: 1,
  fork: 2,
  store: 3,
  end: 4,
  fail: 5,
  'send-fd': 6,
  load: 7,
  expect: 8,
  copy: 9,
  make: 10,
  number: 11,
} as const;
const KINDS = { immediate: 0, blob: 1, slot: 2 } as const;

interface WireStep {
  readonly number?: number;
  readonly save?: number | undefined;
  readonly ignore?: readonly string[];
  readonly next?: number | undefined;
  readonly nextIgnored?: number | undefined;
  readonly zeroFails?: boolean | undefined;
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
  const bytes = Buffer.from(new ArrayBuffer(totalBytes));
  const words = new Uint32Array(bytes.buffer);
  writeHeader(bytes, plan, blobBytes);
  plan.steps.forEach((step, index) => writeStep(words, (HEADER_BYTES + index * STEP_BYTES) / 4, step));
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
      return {
        number: numberOf(step.name),
        save: step.save,
        ignore: step.ignore,
        next: step.next,
        nextIgnored: step.nextIgnored,
        zeroFails: step.zeroFails,
        args: step.args,
      };
    case 'fork':
      return step;
    case 'store':
      return {
        args: [
          slot(step.slot),
          immediate(step.offset),
          immediate(typeof step.width === 'number' ? step.width : TEXTS[step.width]),
        ],
      };
    case 'load':
    case 'number':
      return { save: step.save, args: [{ kind: 'blob', offset: step.offset }] };
    case 'expect':
      return {
        ignore: step.nextIgnored === undefined ? [] : [step.errno],
        nextIgnored: step.nextIgnored,
        args: [
          { kind: 'blob', offset: step.offset },
          immediate(step.mask),
          immediate(step.value),
          immediate(errnoOf(step.errno)),
        ],
      };
    case 'copy':
      return { args: [slot(step.from), slot(step.to)] };
    case 'make':
      return { save: step.save, args: [...step.args, immediate(step.kind === 'file' ? 1 : 0)] };
    case 'send-fd':
      return { args: [slot(step.slot)] };
    case 'fail':
      return { args: [typeof step.errno === 'string' ? immediate(errnoOf(step.errno)) : step.errno] };
    case 'end':
      return { args: [] };
  }
}

/** By 32-bit words (of a little-endian machine, as all are that this runs on): Buffer's 64-bit methods cost several times that. */
function writeStep(words: Uint32Array, at: number, step: Step): void {
  const { save, number, ignore, next, nextIgnored, zeroFails, args } = wire(step);
  words[at] = ((save ?? NO_SAVE) << 16) | OPS[step.op];
  words[at + 1] = number ?? 0;
  if (ignore !== undefined && ignore.length > 0) writeWide(words, at + 2, errnoMask(ignore));
  words[at + 4] = next ?? 0;
  words[at + 5] = nextIgnored ?? 0;
  // The byte after six kinds.
  if (zeroFails === true) words[at + 7] = ZERO_FAILS << 16;
  args.forEach((arg, index) => {
    const kinds = at + 6 + (index >> 2);
    words[kinds] = (words[kinds] ?? 0) | (KINDS[arg.kind] << (8 * (index & 3)));
    writeWide(words, at + 8 + 2 * index, valueOf(arg));
  });
}

function writeWide(words: Uint32Array, at: number, value: bigint): void {
  const number = Number(value);
  if (Number.isSafeInteger(number)) {
    words[at] = number >>> 0;
    words[at + 1] = Math.floor(number / 2 ** 32) >>> 0;
    return;
  }
  words[at] = Number(BigInt.asUintN(32, value));
  words[at + 1] = Number(BigInt.asUintN(32, value >> 32n));
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
