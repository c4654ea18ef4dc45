import type { Socket } from 'node:net';
import type { Ctx } from '../../../common/ctx.ts';
import { codeOf } from '../../../common/errors.ts';
import type { Attachment, HeldClient } from '../../../shim/contract.ts';
import type { AttachRequest, LogChunk } from '../contract.ts';
import type { Core } from '../core.ts';
import { replayLog, type LogPlace } from '../logs/replay.ts';
import { startSettled } from '../restarts/give-up.ts';
import { checkLog } from './logs.ts';
import type { Entry, Run } from './table.ts';

/** A shim answers in microseconds; on a saturated machine it may wait for its turn. */
const HOLD_TIMEOUT_MS = 10_000;

interface Sent {
  readonly entry: Entry;
  readonly request: AttachRequest;
  readonly attachment: Attachment;
  /** Called before the client is the shim's. */
  readonly announced: () => void;
}

/**
 * Sends a client what was logged so far, in the form that it will get the rest in. A run's shim keeps what comes meanwhile, from the
 * very byte at which the log stood: nothing is lost between log and stream, nothing is sent twice. True: the shim serves it now.
 * False: nothing runs.
 */
export async function sendLog(core: Core, ctx: Ctx, sent: Sent): Promise<boolean> {
  const { entry, request } = sent;
  checkLog(entry.view);
  using _reading = core.logReaders.begin(entry.id);
  let from: LogPlace | undefined;
  for (;;) {
    if (request.stream) await startSettled(core, ctx, entry);
    const { run } = entry;
    const held = request.stream && run !== undefined ? await hold(ctx, run, sent.attachment) : undefined;
    if (held !== undefined) {
      await sendHeld(core, { ...sent, held, from });
      return true;
    }
    from = await replay(core, sent, { from, to: undefined });
    const isQuiet = entry.run === undefined && entry.view.state.kind !== 'starting';
    if (isQuiet || !request.stream) return false;
  }
}

/** Undefined when the run ends: its log is complete then. */
async function hold(ctx: Ctx, run: Run, attachment: Attachment): Promise<HeldClient | undefined> {
  try {
    return await run.shim.hold(ctx.within(HOLD_TIMEOUT_MS), attachment);
  } catch (error) {
    if (codeOf(error) !== 'not-found') throw error;
    await run.ended;
    return undefined;
  }
}

async function sendHeld(
  core: Core,
  sent: Sent & { readonly held: HeldClient; readonly from: LogPlace | undefined },
): Promise<void> {
  const { held, from, request } = sent;
  const { logInode, logBytes, unfinished } = held.at;
  try {
    await replay(core, sent, { from, to: { inode: logInode, bytes: logBytes } });
    for (const stream of ['stdout', 'stderr'] as const)
      if (request[stream] && unfinished[stream].byteLength > 0)
        await send(sent, { stream, data: unfinished[stream] });
    sent.announced();
  } catch (error) {
    // Its end for both of us: the shim has it, too.
    request.socket.end();
    throw error;
  } finally {
    held.release();
  }
}

async function replay(
  core: Core,
  sent: Sent,
  range: { readonly from: LogPlace | undefined; readonly to: LogPlace | undefined },
): Promise<LogPlace | undefined> {
  const { stdout, stderr } = sent.request;
  const source = { path: core.paths.log(sent.entry.id), uses: core.logUses };
  const past = replayLog(source, { stdout, stderr, ...range });
  try {
    for (;;) {
      const next = await past.next();
      if (next.done === true) return next.value;
      await send(sent, next.value);
    }
  } finally {
    await past.return(undefined);
  }
}

function send({ entry, request }: Sent, chunk: LogChunk): Promise<void> {
  const { tty } = entry.view.config;
  return write(request.socket, isFramed(tty, request) ? framed(chunk) : chunk.data);
}

export const isFramed = (tty: boolean, { plain }: AttachRequest): boolean => !tty && plain !== true;

const STREAMS = { stdout: 1, stderr: 2 } as const;

/** Docker's header: the stream, three zeros, the length. */
function framed({ stream, data }: LogChunk): Uint8Array {
  const header = Buffer.alloc(8);
  header.writeUInt8(STREAMS[stream], 0);
  header.writeUInt32BE(data.byteLength, 4);
  return Buffer.concat([header, data]);
}

/** Resolves once the kernel has it: what the shim writes comes behind. */
const write = (socket: Socket, data: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.write(data, (error) => (error ? reject(error) : resolve()));
  });
