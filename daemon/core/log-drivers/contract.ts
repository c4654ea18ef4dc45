import type { Ctx } from '../../../common/ctx.ts';

/** One line of a container, or 16 KiB of a longer one. */
export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  readonly timeNs: bigint;
  /** Without the newline at its end. */
  readonly text: string;
  /** The rest of the line comes with the next. */
  readonly isPartial: boolean;
}

/** The form in which a receiver wants a line; undefined: it wants none of it. */
export type Encode = (line: LogLine) => Buffer | undefined;

/** A way to a receiver, such as a connection. Made anew when it has failed. */
export interface Channel {
  /**
   * Hands messages to the kernel in their order, and resolves with how many it took: fewer when the receiver can take no more for
   * now. Throws when the way is broken; what was not counted before is sent again on the next channel.
   */
  send(messages: readonly Buffer[]): Promise<number>;
  close(): void;
}

/** Where the lines of one container go. */
export interface Receiver {
  readonly encode: Encode;
  /** Throws when the receiver cannot be reached now. */
  open(ctx: Ctx): Promise<Channel>;
}

/** How far the lines were delivered: behind this byte of the file whose first line is of this time. */
export interface Place {
  readonly birthNs: bigint;
  readonly inode: bigint;
  readonly position: number;
}
