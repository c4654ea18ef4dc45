import type { Ctx } from '../../../common/ctx.ts';

/** Docker's event message without its wire quirks. */
export interface Event {
  readonly type: 'container' | 'image' | 'network' | 'daemon' | 'volume';
  /** `create`, `start`, `die`, `exec_start: ls`, ... */
  readonly action: string;
  readonly actorId: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly timeNs: bigint;
  /** Counts up by one, and stays the event's own over restarts of the daemon. */
  readonly id: number;
}

export interface EventRange {
  readonly sinceNs: bigint | undefined;
  readonly untilNs: bigint | undefined;
  /** Goes on behind the event of this id, whatever `sinceNs` says. */
  readonly afterId?: number | undefined;
}

export interface Events {
  publish(event: Omit<Event, 'timeNs' | 'id'>): void;
  /** What was published is in the journal: before anybody is told of what it tells. */
  settle(): void;
  /**
   * What the journal has of the range, then what happens, until `untilNs` or the signal: each event once, in order, however slow
   * the reader. Where the journal has events no more, an event `daemon` `gap` says how many (attribute `missed`).
   */
  subscribe(ctx: Ctx, range: EventRange): AsyncIterable<Event>;
}
