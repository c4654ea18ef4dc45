import type { AttachOptions, Exit, HeldAt } from './contract.ts';

/** The shim's protocol (native/c/monitor.h): a header of 8 bytes, then the payload, little-endian. */
export const HEADER_BYTES = 8;

export const FRAME = {
  attach: 1,
  signal: 2,
  resize: 3,
  closeStdin: 4,
  release: 5,
  started: 16,
  failed: 17,
  exited: 18,
  reply: 19,
  detached: 20,
  log: 21,
  held: 22,
} as const;

const DETACH_REASONS = { 1: 'eof', 2: 'keys', 3: 'error', 4: 'exit' } as const;
export type DetachReason = (typeof DETACH_REASONS)[keyof typeof DETACH_REASONS];

export type ShimEvent =
  | { readonly kind: 'started'; readonly pid: number; readonly startedAtNs: bigint }
  | { readonly kind: 'failed'; readonly step: number; readonly errno: number; readonly ignored: bigint }
  | { readonly kind: 'exited'; readonly exit: Exit }
  | { readonly kind: 'reply'; readonly sequence: number; readonly result: number }
  | { readonly kind: 'detached'; readonly client: bigint; readonly reason: DetachReason }
  | { readonly kind: 'held'; readonly client: bigint; readonly held: HeldAt }
  | { readonly kind: 'log'; readonly errno: number; readonly lostBytes: bigint; readonly told: boolean };

function frame(type: number, payloadBytes: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + payloadBytes);
  bytes.writeUInt32LE(payloadBytes, 0);
  bytes.writeUInt16LE(type, 4);
  return bytes;
}

/** struct attach_request, the keys, what the client sent already. */
export function attachFrame(
  client: bigint,
  {
    options,
    head,
    isHeld = false,
    isFile = false,
  }: {
    readonly options: AttachOptions;
    readonly head: Uint8Array;
    readonly isHeld?: boolean;
    readonly isFile?: boolean;
  },
): Buffer {
  const keys = options.detachKeys;
  const bytes = frame(FRAME.attach, 16 + keys.byteLength + head.byteLength);
  const { stdin, stdout, stderr, framed } = options;
  const flags = [stdin, stdout, stderr, framed, isHeld, isFile].reduce(
    (sum, set, bit) => sum | (Number(set) << bit),
    0,
  );
  bytes.writeBigUInt64LE(client, 8);
  bytes.writeUInt32LE(flags, 16);
  bytes.writeUInt32LE(keys.byteLength, 20);
  bytes.set(keys, 24);
  bytes.set(head, 24 + keys.byteLength);
  return bytes;
}

export function signalFrame(sequence: number, signal: number): Buffer {
  const bytes = frame(FRAME.signal, 8);
  bytes.writeUInt32LE(sequence, 8);
  bytes.writeInt32LE(signal, 12);
  return bytes;
}

export function resizeFrame(sequence: number, size: { rows: number; columns: number }): Buffer {
  const bytes = frame(FRAME.resize, 8);
  bytes.writeUInt32LE(sequence, 8);
  bytes.writeUInt16LE(size.rows, 12);
  bytes.writeUInt16LE(size.columns, 14);
  return bytes;
}

export function releaseFrame(client: bigint): Buffer {
  const bytes = frame(FRAME.release, 8);
  bytes.writeBigUInt64LE(client, 8);
  return bytes;
}

export const closeStdinFrame = (): Buffer => frame(FRAME.closeStdin, 0);

/** The exit record from its parts; `oomText` is what the kernel says in memory.oom_control or memory.events. */
export function makeExit(parts: {
  readonly pid: number;
  readonly code: number;
  readonly signal: number;
  readonly startedAtNs: bigint;
  readonly finishedAtNs: bigint;
  readonly oomText: string;
}): Exit {
  const kills = /^oom_kill (\d+)$/m.exec(parts.oomText)?.[1] ?? '0';
  return {
    code: parts.code,
    signal: parts.signal,
    pid: parts.pid,
    startedAt: new Date(Number(parts.startedAtNs / 1_000_000n)),
    finishedAt: new Date(Number(parts.finishedAtNs / 1_000_000n)),
    startedAtNs: parts.startedAtNs,
    finishedAtNs: parts.finishedAtNs,
    oomKilled: kills !== '0',
  };
}

/** One event of the shim; undefined for a type that this version does not know. */
export function parseEvent(type: number, payload: Buffer): ShimEvent | undefined {
  switch (type) {
    case FRAME.started:
      return { kind: 'started', pid: payload.readUInt32LE(0), startedAtNs: payload.readBigUInt64LE(8) };
    case FRAME.failed:
      return {
        kind: 'failed',
        step: payload.readUInt32LE(4),
        errno: payload.readInt32LE(8),
        ignored: payload.readBigUInt64LE(16),
      };
    case FRAME.exited:
      return { kind: 'exited', exit: parseExited(payload) };
    case FRAME.reply:
      return { kind: 'reply', sequence: payload.readUInt32LE(0), result: payload.readInt32LE(4) };
    case FRAME.detached:
      return {
        kind: 'detached',
        client: payload.readBigUInt64LE(0),
        reason: detachReason(payload.readUInt32LE(8)),
      };
    case FRAME.held:
      return { kind: 'held', client: payload.readBigUInt64LE(0), held: parseHeld(payload) };
    case FRAME.log:
      return {
        kind: 'log',
        errno: payload.readInt32LE(0),
        told: payload.readUInt32LE(4) !== 0,
        lostBytes: payload.readBigUInt64LE(8),
      };
    default:
      return undefined;
  }
}

function parseHeld(payload: Buffer): HeldAt {
  const stdoutEnd = 32 + payload.readUInt32LE(24);
  return {
    logInode: payload.readBigUInt64LE(8),
    logBytes: Number(payload.readBigUInt64LE(16)),
    unfinished: {
      stdout: Buffer.from(payload.subarray(32, stdoutEnd)),
      stderr: Buffer.from(payload.subarray(stdoutEnd, stdoutEnd + payload.readUInt32LE(28))),
    },
  };
}

function detachReason(code: number): DetachReason {
  return code === 1 || code === 2 || code === 4 ? DETACH_REASONS[code] : 'error';
}

function parseExited(payload: Buffer): Exit {
  return makeExit({
    code: payload.readInt32LE(0),
    signal: payload.readInt32LE(4),
    pid: payload.readUInt32LE(8),
    startedAtNs: payload.readBigUInt64LE(16),
    finishedAtNs: payload.readBigUInt64LE(24),
    oomText: payload.subarray(32).toString('utf8'),
  });
}

/** Cuts a byte stream into frames; holds what is incomplete. */
export function frameReader(onEvent: (event: ShimEvent) => void): (data: Buffer) => void {
  let held: Buffer = Buffer.alloc(0);
  return (data) => {
    held = held.length === 0 ? data : Buffer.concat([held, data]);
    while (held.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + held.readUInt32LE(0);
      if (held.length < end) return;
      const event = parseEvent(held.readUInt16LE(4), held.subarray(HEADER_BYTES, end));
      held = held.subarray(end);
      if (event !== undefined) onEvent(event);
    }
  };
}
