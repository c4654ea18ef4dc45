import { internal } from '../../common/errors.ts';
import type { SyscallName } from '../../native/ffi/numbers.ts';
import type { Arg, FailStep, Plan, Slot, Step } from './types.ts';

const MAX_SLOTS = 512;
/** Of a number's text (native/c/plan.h, STORE_TEXT). */
const TEXT_BYTES = 24;

/** A place in the plan to jump to, bound once with `PlanBuilder.here`. */
export class Label {
  step: number | undefined;
}

export interface CallOptions {
  /** Errno names that are no failure. */
  readonly ignore?: readonly string[];
  readonly onOk?: Label;
  readonly onIgnored?: Label;
  /** Keep the result: read it back with the returned slot. */
  readonly save?: boolean;
  /** A slot to save into instead of a fresh one: for two ways to the same result. */
  readonly into?: Slot;
  /** A result of 0 fails with EPIPE: a read whose other end is gone. */
  readonly zeroFails?: boolean;
}

/** What an argument may be written as: numbers stay numbers, strings become NUL-terminated, bytes are put into the blob. */
export type Value = number | bigint | string | Uint8Array | Arg;

/**
 * Collects the steps of a launch plan (runtime/plan/types.ts). Pure. Strings and bytes are copied into the blob; equal strings
 * are stored once, bytes never are, since a system call or a `store` may write into them.
 */
export class PlanBuilder {
  readonly #steps: Step[] = [];
  readonly #fixups: { step: number; field: 'next' | 'nextIgnored'; label: Label }[] = [];
  readonly #parts: Uint8Array[] = [new Uint8Array(8)];
  readonly #strings = new Map<string, number>();
  readonly #relocations: { at: number; target: number }[] = [];
  #blobBytes = 8;
  #slots = 0;
  readonly #freeSlots: Slot[] = [];
  #monitor: Plan['monitor'];

  /** A system call. The returned slot holds its result when `save` or `into` is given. */
  call(label: string, name: SyscallName, args: readonly Value[], options: CallOptions = {}): Slot {
    const slot = options.into ?? (options.save === true ? this.slot() : undefined);
    this.#jump('next', options.onOk);
    this.#jump('nextIgnored', options.onIgnored);
    this.#steps.push({
      op: 'syscall',
      label,
      name,
      args: args.map((value) => this.arg(value)),
      save: slot?.slot,
      ignore: options.ignore ?? [],
      next: undefined,
      nextIgnored: undefined,
      ...(options.zeroFails === true ? { zeroFails: true } : {}),
    });
    return slot ?? { kind: 'slot', slot: -1 };
  }

  /**
   * Forks by clone3 with these clone_args (man 2 clone3; the exit signal is part of them), or with those that were placed at an
   * offset of the blob. Steps that follow belong to the
   * child, until the returned function is called: what follows that belongs to the parent, which goes on there at once.
   */
  fork(
    label: string,
    cloneArgs: Uint8Array | { readonly offset: number; readonly bytes: number },
  ): { readonly pid: Slot; readonly parent: () => void } {
    const { offset, bytes } =
      cloneArgs instanceof Uint8Array
        ? { offset: this.bytes(cloneArgs), bytes: cloneArgs.byteLength }
        : cloneArgs;
    const pid = this.slot();
    const resume = new Label();
    this.#jump('next', resume);
    this.#steps.push({
      op: 'fork',
      label,
      args: [{ kind: 'blob', offset }, this.arg(bytes)],
      save: pid.slot,
      next: 0,
    });
    return { pid, parent: () => this.here(resume) };
  }

  /** Writes a slot into bytes that were placed with `bytes`. */
  store(label: string, slot: Slot, offset: number, width: 4 | 8 = 4): void {
    this.#steps.push({ op: 'store', label, slot: slot.slot, offset, width });
  }

  /** The slot's number as decimal text: an argument for paths below /proc. */
  text(label: string, slot: Slot): Arg {
    const offset = this.bytes(new Uint8Array(TEXT_BYTES));
    this.#steps.push({ op: 'store', label, slot: slot.slot, offset, width: 'text' });
    return { kind: 'blob', offset };
  }

  /** The slot's number as octal text, in the place of `text`: a mode for a file system. At most 24 characters. */
  octal(label: string, slot: Slot, text: Arg): void {
    if (text.kind !== 'blob') throw internal('A text is written into the blob');
    this.#steps.push({ op: 'store', label, slot: slot.slot, offset: text.offset, width: 'octal' });
  }

  /** The int32 that a call writes into bytes placed with `bytes`. */
  load(label: string, offset: number): Slot {
    const slot = this.slot();
    this.#steps.push({ op: 'load', label, offset, save: slot.slot });
    return slot;
  }

  /** The decimal number, 1 to 2^31 - 1, whose text a call reads into bytes placed with `bytes`; a newline may follow it. */
  number(label: string, offset: number): Slot {
    const slot = this.slot();
    this.#steps.push({ op: 'number', label, offset, save: slot.slot });
    return slot;
  }

  /** Fails with an errno, or jumps, unless the 32 bits at a blob offset are `value` under `mask`. */
  expect(
    label: string,
    offset: number,
    wanted: {
      readonly value: number;
      readonly mask?: number;
      readonly errno?: string;
      readonly onDifferent?: Label;
    },
  ): void {
    const { value, mask = 0xffff_ffff, errno = 'EINVAL', onDifferent } = wanted;
    this.#jump('nextIgnored', onDifferent);
    this.#steps.push({ op: 'expect', label, offset, mask, value, errno, nextIgnored: undefined });
  }

  /** Copies what one directory holds into another. */
  copy(label: string, from: Slot, to: Slot): void {
    this.#steps.push({ op: 'copy', label, from: from.slot, to: to.slot });
  }

  /** Makes what is missing of a path inside a root. */
  make(
    label: string,
    made: {
      readonly root: Value;
      readonly path: string;
      readonly kind: 'directory' | 'file';
      readonly into: Slot;
    },
  ): void {
    const { root, path, kind, into } = made;
    this.#steps.push({ op: 'make', label, args: [this.arg(root), this.arg(path)], kind, save: into.slot });
  }

  sendFd(label: string, slot: Slot): void {
    this.#steps.push({ op: 'send-fd', label, slot: slot.slot });
  }

  /** Fails here, with this errno or with the one that the bytes at a blob offset hold (types.ts, FailStep). */
  fail(label: string, errno: FailStep['errno']): void {
    this.#steps.push({ op: 'fail', label, errno });
  }

  /** Goes on at a label, whatever came before. */
  jump(label: Label): void {
    // The cheapest call that can't fail: the interpreter branches on results only.
    this.call('go on', 'getpid', [], { onOk: label });
  }

  end(): void {
    this.#steps.push({ op: 'end', label: 'end' });
  }

  /** Binds a label to the next step. */
  here(label: Label): void {
    label.step = this.#steps.length;
  }

  slot(): Slot {
    const free = this.#freeSlots.pop();
    if (free !== undefined) return free;
    if (this.#slots === MAX_SLOTS) throw internal(`A plan has at most ${MAX_SLOTS} slots`);
    return { kind: 'slot', slot: this.#slots++ };
  }

  /** Closes the descriptor in a slot, and gives the slot out again: no later step may refer to it. */
  close(slot: Slot): void {
    this.call('close a descriptor', 'close', [slot]);
    this.free(slot);
  }

  /** Gives the slot out again: no later step may refer to it. */
  free(slot: Slot): void {
    this.#freeSlots.push(slot);
  }

  /** Copies bytes into the blob, 8-byte aligned, and returns their offset. */
  bytes(data: Uint8Array): number {
    const offset = this.#blobBytes;
    const padded = new Uint8Array(Math.ceil(data.byteLength / 8) * 8);
    padded.set(data);
    this.#parts.push(padded);
    this.#blobBytes += padded.byteLength;
    return offset;
  }

  /** Offset of a NUL-terminated string in the blob. A string with a NUL inside is refused. */
  string(text: string): number {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    if (text.includes('\0')) throw internal(`A plan's string has a NUL byte: ${JSON.stringify(text)}`);
    const offset = this.bytes(Buffer.from(`${text}\0`));
    this.#strings.set(text, offset);
    return offset;
  }

  /** A NULL-terminated array of string addresses, as execve takes it. */
  strings(texts: readonly string[]): Arg {
    const array = this.bytes(new Uint8Array(8 * (texts.length + 1)));
    texts.forEach((text, index) => this.relocate(array + 8 * index, this.string(text)));
    return { kind: 'blob', offset: array };
  }

  /** At run time the 8 bytes at `at` hold the address of `target`. */
  relocate(at: number, target: number): void {
    this.#relocations.push({ at, target });
  }

  /** Declares where struct monitor_config lies, and which slot holds the pid of the process to monitor. */
  monitor(offset: number, init: Slot): void {
    this.#monitor = { offset, initSlot: init.slot };
  }

  arg(value: Value): Arg {
    if (typeof value === 'number') return { kind: 'immediate', value: BigInt(value) };
    if (typeof value === 'bigint') return { kind: 'immediate', value };
    if (typeof value === 'string') return { kind: 'blob', offset: this.string(value) };
    if (value instanceof Uint8Array) return { kind: 'blob', offset: this.bytes(value) };
    return value;
  }

  /** The finished plan. Throws for a label that was never bound. */
  build(): Plan {
    const steps = [...this.#steps];
    for (const { step, field, label } of this.#fixups) {
      if (label.step === undefined) throw internal(`Step ${step} jumps to a label that is nowhere`);
      steps[step] = { ...steps[step], [field]: label.step } as Step;
    }
    const blob = Buffer.concat(this.#parts);
    return { steps, blob, relocations: this.#relocations, monitor: this.#monitor };
  }

  #jump(field: 'next' | 'nextIgnored', label: Label | undefined): void {
    if (label !== undefined) this.#fixups.push({ step: this.#steps.length, field, label });
  }
}
