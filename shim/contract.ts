import type { Ctx } from '../common/ctx.ts';
import type { Plan } from '../runtime/plan/types.ts';
import type { Socket } from 'node:net';

/** How a process ended. */
export interface Exit {
  /** As a shell counts: the exit code, or 128 + signal. */
  readonly code: number;
  /** Signal number, 0 when the process exited by itself. */
  readonly signal: number;
  readonly pid: number;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  /** RFC 3339 with nanoseconds. */
  readonly startedAtNs: bigint;
  readonly finishedAtNs: bigint;
  readonly oomKilled: boolean;
}

export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Docker's 8-byte frame headers; false for a tty. */
  readonly framed: boolean;
  /** Bytes that end the session when typed; empty for none. */
  readonly detachKeys: Uint8Array;
}

/**
 * A client's connection, taken out of the event loop: the shim serves it from now on, also without the daemon. When it can't be
 * handed over (`attach` or `launch` throws) the socket is as it was, and still the caller's: to say why, and to close.
 */
export interface Attachment {
  readonly options: AttachOptions;
  /** A connected stream socket, hijacked, nothing left to write, no longer read from; ownership passes. */
  readonly socket: Socket;
  /** What was read from it already. */
  readonly head: Uint8Array;
}

/**
 * A FIFO or file that the shim copies to or from for as long as the process lives, also without the daemon; then until its directory
 * goes, if nobody reads. What is written into one for stdin arrives; its end is told by `closeStdin` alone.
 */
export interface FileStreams {
  /** Open for this alone, non-blocking, a FIFO both ways. Stays the caller's. */
  readonly fd: number;
  readonly streams: readonly ('stdin' | 'stdout' | 'stderr')[];
}

export interface ShimHooks {
  /** Called once, as soon as the exit is known; the exit file is on disk by then. */
  onExit(exit: Exit): void;
  /** A client left: by closing, by its detach keys, by an error, or because the process ended. */
  onDetach(client: bigint, reason: 'eof' | 'keys' | 'error' | 'exit'): void;
  /**
   * Writing the log began to fail (errno name), or works again (undefined); `bytes` of it were lost in all. Also at a new connection,
   * when there is a loss: `told` then says that an earlier one has heard of it.
   */
  onLogError(errno: string | undefined, lost: { readonly bytes: bigint; readonly told: boolean }): void;
  /** The shim's socket closed without an exit: it was killed. */
  onLost(): void;
}

/** Where the output of a held client begins. */
export interface HeldAt {
  /** The current log file, 0 for none, and how much of it was written. */
  readonly logInode: bigint;
  readonly logBytes: number;
  /** What was read of lines that the log does not have yet. */
  readonly unfinished: { readonly stdout: Uint8Array; readonly stderr: Uint8Array };
}

export interface HeldClient {
  readonly at: HeldAt;
  /** The socket is the shim's from here on. Idempotent. */
  release(): void;
}

/** One live shim, seen from the daemon. Every call has its deadline from ctx. */
export interface Shim {
  /** Of the process it monitors. */
  readonly pid: number;
  readonly startedAtNs: bigint;
  /**
   * Sends a signal to the process; race-free, since the shim has not reaped it. A negative one goes to its whole process group. Throws
   * `not-found` when it has ended.
   */
  signal(ctx: Ctx, signal: number): Promise<void>;
  /** Sets the pty's size; without a pty it does nothing. */
  resize(ctx: Ctx, size: { rows: number; columns: number }): Promise<void>;
  /** Hands a client over. Returns the client number that `onDetach` will name. */
  attach(attachment: Attachment): bigint;
  /**
   * Hands a client over that gets nothing yet: all output that is read from here on is kept for it, until the caller has sent it what
   * was before (`at`) and says `release`. It is closed when the daemon dies before. Throws `not-found` when the process has ended.
   */
  hold(ctx: Ctx, attachment: Attachment): Promise<HeldClient>;
  closeStdin(): void;
  /** Lets go of the connection; shim and process go on. */
  close(): void;
}

export interface ShimLauncher {
  /**
   * Starts a shim on this plan and resolves once the process runs its own program. Clients in `attach` are served from the
   * first byte. Throws the plan's failure (`explainFailure`), with nothing left but `directory`.
   */
  launch(
    ctx: Ctx,
    request: {
      readonly id: string;
      readonly directory: string;
      readonly plan: Plan;
      readonly attach: readonly Attachment[];
      readonly files?: readonly FileStreams[];
      readonly hooks: ShimHooks;
    },
  ): Promise<Shim>;
  /**
   * Finds a shim again after a daemon restart: the live one, its exit record, or `undefined` when there never was one or it
   * died without a record.
   */
  find(
    ctx: Ctx,
    request: { readonly id: string; readonly directory: string; readonly hooks: ShimHooks },
  ): Promise<
    | { readonly kind: 'live'; readonly shim: Shim }
    | { readonly kind: 'exited'; readonly exit: Exit }
    | undefined
  >;
}
