/**
 * A launch plan is data: a list of raw system calls with computed arguments, run by one small loop
 * (native/c/plan.c, wire form in native/c/plan.h). Building one touches nothing of the system.
 */

/** An argument of a step. `slot` refers to the result that an earlier step saved. */
export type Arg =
  | { readonly kind: 'immediate'; readonly value: bigint }
  | { readonly kind: 'blob'; readonly offset: number }
  | { readonly kind: 'slot'; readonly slot: number };

/** A result kept for later steps, at most 512 a plan. */
export interface Slot {
  readonly kind: 'slot';
  readonly slot: number;
}

export type Step =
  | SyscallStep
  | ForkStep
  | StoreStep
  | LoadStep
  | ExpectStep
  | CopyStep
  | MakeStep
  | NumberStep
  | EndStep
  | FailStep
  | SendFdStep;

interface StepBase {
  /** What a person reads in `--plan` output and what an error message starts with: `mount "proc" at "/proc"`. */
  readonly label: string;
}

export interface SyscallStep extends StepBase {
  readonly op: 'syscall';
  /** As in `man 2`: `mount_setattr`. */
  readonly name: string;
  readonly args: readonly Arg[];
  readonly save: number | undefined;
  /** Errno names that are no failure. */
  readonly ignore: readonly string[];
  /** Index of the step to go on at after success; the following one unless given. */
  readonly next: number | undefined;
  /** The same after an ignored errno. */
  readonly nextIgnored: number | undefined;
  /** A result of 0 fails with EPIPE: a read whose other end is gone. */
  readonly zeroFails?: boolean;
}

/** The child goes on at the next step, the parent at `next` with the child's pid in `save`. */
export interface ForkStep extends StepBase {
  readonly op: 'fork';
  readonly args: readonly [Arg, Arg];
  readonly save: number;
  readonly next: number;
}

/** Writes a slot into the blob: a descriptor into a netlink message, a pid into a path. */
export interface StoreStep extends StepBase {
  readonly op: 'store';
  readonly slot: number;
  readonly offset: number;
  /** `text`: decimal, NUL-terminated, in 24 bytes; `octal`: the same in 25. */
  readonly width: 4 | 8 | 'text' | 'octal';
}

/** Saves the int32 that a call wrote into the blob: an end of a pipe. */
export interface LoadStep extends StepBase {
  readonly op: 'load';
  readonly offset: number;
  readonly save: number;
}

/** Saves the decimal number, 1 to 2^31 - 1, that a call read into the blob as text. */
export interface NumberStep extends StepBase {
  readonly op: 'number';
  readonly offset: number;
  readonly save: number;
}

/** Compares 32 bits that a call wrote into the blob: a file's type, its device number, its file system. */
export interface ExpectStep extends StepBase {
  readonly op: 'expect';
  readonly offset: number;
  readonly mask: number;
  readonly value: number;
  /** Fails with this errno when they differ. */
  readonly errno: string;
  /** Instead: where to go on. */
  readonly nextIgnored: number | undefined;
}

/** Copies what a directory holds into another, both by descriptor (native/c/copy-up.c). */
export interface CopyStep extends StepBase {
  readonly op: 'copy';
  readonly from: number;
  readonly to: number;
}

/** Makes what is missing of a path inside a root, links that lead nowhere followed (native/c/make-path.c). */
export interface MakeStep extends StepBase {
  readonly op: 'make';
  /** The root, and the path. */
  readonly args: readonly [Arg, Arg];
  readonly kind: 'directory' | 'file';
  /** Keeps an O_PATH descriptor of it. */
  readonly save: number;
}

export interface EndStep extends StepBase {
  readonly op: 'end';
}

export interface FailStep extends StepBase {
  readonly op: 'fail';
  /** A name, or the blob offset where an earlier step put -errno as int32: the body of a netlink reply. */
  readonly errno: string | { readonly kind: 'blob'; readonly offset: number };
}

/** Hands the pty master to the shim. */
export interface SendFdStep extends StepBase {
  readonly op: 'send-fd';
  readonly slot: number;
}

export interface Plan {
  readonly steps: readonly Step[];
  readonly blob: Uint8Array;
  /** Blob offsets: the address of `target` is put at `at`. */
  readonly relocations: readonly { readonly at: number; readonly target: number }[];
  /** Where struct monitor_config (native/c/monitor.h) lies in the blob, and the slot with the pid to monitor; when a shim runs the plan. */
  readonly monitor: { readonly offset: number; readonly initSlot: number } | undefined;
}
