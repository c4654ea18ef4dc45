import type { Ctx } from '../../../common/ctx.ts';
import type { Entry } from '../containers/table.ts';

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

/**
 * Bring the lines of containers to where their drivers send them. They follow the files that shims write, so neither a dead
 * receiver nor a dead daemon holds a container up, and both catch up later.
 */
export interface Forwarders {
  /** Follows a container's log, while it runs and until all is delivered; nothing for a driver that keeps the lines. Idempotent. */
  begin(entry: Entry): void;
  /** Before the log of one that has ended is deleted: waits as long as lines are taken, and gives up what nobody takes. */
  finish(id: string): Promise<void>;
  /** Lets go of all; the next daemon goes on. */
  close(): Promise<void>;
}
