import type { PlanBuilder } from './plan/builder.ts';
import type { Slot } from './plan/types.ts';

/**
 * What plans that the launcher runs say to the command behind them: records of native/c/plan.h (struct plan_report) on the report
 * socket, one packet each.
 */
export const REPORT_BYTES = 24;
const FORKED = 3;
const SYNC = 4;
const READY = 5;
const VALUE_AT = 8;
const ANSWER_BYTES = 4;

/** Where a process waits for the command: before its root is entered, with its terminal, with its seccomp listener, with a socket to it. */
const POINTS = { root: 1, terminal: 2, seccomp: 3, service: 4 } as const;
export type SyncPoint = keyof typeof POINTS;

export type Report =
  | { readonly kind: 'failed'; readonly step: number; readonly errno: number; readonly ignored: bigint }
  | { readonly kind: 'forked'; readonly pid: number }
  /** `value`: number of the descriptor in the process. The process goes on when it is answered. */
  | { readonly kind: 'sync'; readonly point: SyncPoint; readonly value: number }
  /** All that can fail before the program starts has gone well. */
  | { readonly kind: 'ready' }
  /** The last copy of the socket is closed: by execve, or by the process's death. */
  | { readonly kind: 'closed' };

const record = (kind: number, step = 0): Uint8Array =>
  new Uint8Array(new Uint32Array([kind, step, 0, 0, 0, 0]).buffer);

function send(
  plan: PlanBuilder,
  { fd, label, bytes, value }: { fd: number; label: string; bytes: Uint8Array; value?: Slot },
): void {
  const offset = plan.bytes(bytes);
  if (value !== undefined) plan.store(label, value, offset + VALUE_AT);
  plan.call(label, 'write', [fd, { kind: 'blob', offset }, REPORT_BYTES]);
}

/** Says which process became the container's. */
export const reportForked = (plan: PlanBuilder, fd: number, pid: Slot): void =>
  send(plan, { fd, label: 'say which process it is', bytes: record(FORKED), value: pid });

export function reportReady(plan: PlanBuilder, fd: number): void {
  send(plan, { fd, label: 'say that all is ready', bytes: record(READY) });
}

/** Waits until the command has done its part; fails with EPIPE when the command is gone. */
export function meet(
  plan: PlanBuilder,
  fd: number,
  { point, value }: { readonly point: SyncPoint; readonly value?: Slot },
): void {
  const label = `meet the command: ${point}`;
  send(plan, { fd, label, bytes: record(SYNC, POINTS[point]), ...(value === undefined ? {} : { value }) });
  plan.call(label, 'read', [fd, new Uint8Array(8), ANSWER_BYTES], { zeroFails: true });
}

/** The command's answer to a `sync`. */
export const ANSWER = new Uint8Array(ANSWER_BYTES).fill(1);

/** A packet as it came. Throws for one that is no record. */
export function parseReport(packet: Buffer): Report {
  if (packet.byteLength === 0) return { kind: 'closed' };
  const [kind, step, value] = [packet.readUInt32LE(0), packet.readUInt32LE(4), packet.readInt32LE(VALUE_AT)];
  switch (kind) {
    case FORKED:
      return { kind: 'forked', pid: value };
    case READY:
      return { kind: 'ready' };
    case SYNC:
      return { kind: 'sync', point: pointOf(step), value };
    default:
      return { kind: 'failed', step, errno: value, ignored: packet.readBigUInt64LE(16) };
  }
}

function pointOf(number: number): SyncPoint {
  const found = (Object.keys(POINTS) as SyncPoint[]).find((name) => POINTS[name] === number);
  if (found === undefined) throw new Error(`There is no sync point ${number}`);
  return found;
}
