/**
 * Who is started again, when, and in which order. Docker's policies (moby, restartmanager and daemon/monitor.go), a back-off that can
 * be set, and dependencies between containers.
 *
 * A container that waits for its next start is in the state `restarting`, with the moment in its row: a daemon that is killed
 * meanwhile has its successor go on. One timer a waiting container; stop, kill and removal take it away.
 */

export const POLICY_NAMES = ['no', 'always', 'on-failure', 'unless-stopped'] as const;

export interface RestartPolicy {
  /** One of POLICY_NAMES; empty is `no`. */
  readonly name: string;
  /** Of `on-failure`; 0 is no limit. */
  readonly maximumRetryCount: number;
  /** What differs from BACKOFF_DEFAULTS. */
  readonly backoff?: Partial<Backoff>;
}

/** How long a container waits for its next start. */
export interface Backoff {
  /** Before the first restart. */
  readonly minMs: number;
  readonly maxMs: number;
  /** From each pause to the next, at least 1. */
  readonly multiplier: number;
  /** A run that lasted as long lets the next pause be the first again. */
  readonly resetMs: number;
  /** Up to this part of the pause is added by chance, so that many do not start at once; from 0 to 1. */
  readonly jitter: number;
}

/** Docker's; the jitter is ours. */
export const BACKOFF_DEFAULTS: Backoff = {
  minMs: 100,
  maxMs: 60_000,
  multiplier: 2,
  resetMs: 10_000,
  jitter: 0.1,
};

/** What of a container's past its policy depends on. In its row, written along with the state. */
export interface RestartRecord {
  /** Restarts by the policy since somebody asked for a start: docker's RestartCount. */
  readonly count: number;
  /** The last pause without its jitter; 0 before any, and after a run that lasted. */
  readonly delayMs: number;
  /** A client stopped or killed it, and nobody has started it since. */
  readonly manuallyStopped: boolean;
  /** A process of it has run: the daemon starts none by itself that was only created. */
  readonly started: boolean;
  /** An edit that has begun and not ended: what it owes. */
  readonly edit?: EditInProgress;
}

export interface EditInProgress {
  /** It ran: its exit, whatever it is, is followed by another start. */
  readonly again: boolean;
  /** Addresses that it had, by the names of networks; empty: none of the family. It gets them again if they are free. */
  readonly places: Readonly<Record<string, { readonly ipv4Address: string; readonly ipv6Address: string }>>;
  /** Made for it; those that its row does not refer to at the end go again. */
  readonly volumes: readonly string[];
}

export const NEVER_STARTED: RestartRecord = { count: 0, delayMs: 0, manuallyStopped: false, started: false };

/** Timers of containers that wait for their next start, by id. None runs before `release`: at the daemon's start others come first. */
export interface RestartTimers {
  /** Replaces one that is set. */
  set(id: string, delayMs: number): void;
  /** Nothing if there is none. */
  cancel(id: string): void;
  size(): number;
  release(): void;
  /** Cancels all, and sets none any more. */
  close(): void;
  /** Aborts at close: for what waits before a start. */
  readonly signal: AbortSignal;
}
