import { constants } from 'node:os';
import type { Ctx } from '../common/ctx.ts';
import { codeOf, invalidArgument, notFound, WherryError } from '../common/errors.ts';
import { errnoName, SyscallError } from '../native/ffi/syscall.ts';
import { duplicate } from '../native/sys/unix-socket.ts';
import { closeSync } from 'node:fs';
import { descriptorOf, type Connection, type ConnectionListener } from './connection.ts';
import type { Attachment, FileStreams, Shim, ShimHooks } from './contract.ts';
import {
  attachFrame,
  closeStdinFrame,
  releaseFrame,
  resizeFrame,
  signalFrame,
  type ShimEvent,
} from './frames.ts';
import { createHolds, type Holds } from './holds.ts';

/** What a client may have sent before it was handed over; more does not fit the shim's frame. */
const HEAD_MAX_BYTES = 60_000;

let lastClient = BigInt(Date.now()) << 20n;

/**
 * Gives the shim a copy of the client's descriptor. The event loop must not read from the socket any more; closing it is the
 * caller's, once it is known that the shim serves it. Returns the number that `onDetach` will name.
 */
export function handOver(
  connection: Connection,
  { socket, head, options }: Attachment,
  isHeld = false,
): bigint {
  if (head.byteLength > HEAD_MAX_BYTES) {
    throw invalidArgument(
      `Cannot attach: ${head.byteLength} bytes of input before the answer, at most ${HEAD_MAX_BYTES}`,
    );
  }
  const client = ++lastClient;
  const fd = duplicate(descriptorOf(socket));
  try {
    connection.send(attachFrame(client, { options, head, isHeld }), fd);
  } finally {
    closeSync(fd);
  }
  return client;
}

/** Gives the shim a copy of the descriptor. */
export function handOverFile(connection: Connection, { fd, streams }: FileStreams): void {
  const options = {
    stdin: streams.includes('stdin'),
    stdout: streams.includes('stdout'),
    stderr: streams.includes('stderr'),
    framed: false,
    detachKeys: new Uint8Array(),
  };
  connection.send(attachFrame(++lastClient, { options, head: new Uint8Array(), isFile: true }), fd);
}

/**
 * Questions to a shim and their answers. A shim that does not answer in time is no reason to wait: it may be stopped.
 */
interface Questions {
  /** Result of the call in the shim: 0 or a negative errno. */
  ask(ctx: Ctx, frame: (sequence: number) => Uint8Array): Promise<number>;
  answer(sequence: number, result: number): void;
  /** The shim is gone: whoever waits learns that its process has ended. */
  end(): void;
}

function askShim(connection: Connection, pid: number): Questions {
  const waiting = new Map<number, (result: number) => void>();
  let last = 0;
  let ended = false;
  return {
    ask: async (ctx, frame) => {
      if (ended) return -constants.errno.ESRCH;
      const sequence = ++last;
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const onAbort = (): void =>
        reject(new WherryError('deadline-exceeded', `The shim of process ${pid} does not answer`));
      using _waits = ctx.waitsFor(() => `the shim of process ${pid} to answer`);
      waiting.set(sequence, resolve);
      ctx.signal.addEventListener('abort', onAbort, { once: true });
      try {
        connection.send(frame(sequence));
        return await promise;
      } finally {
        ctx.signal.removeEventListener('abort', onAbort);
        waiting.delete(sequence);
      }
    },
    answer: (sequence, result) => waiting.get(sequence)?.(result),
    end: () => {
      ended = true;
      for (const resolve of waiting.values()) resolve(-constants.errno.ESRCH);
    },
  };
}

/** A shim that is gone has let go of the client, too. */
function release(connection: Connection, client: bigint): void {
  try {
    connection.send(releaseFrame(client));
  } catch (error) {
    if (codeOf(error) !== 'not-found') throw error;
  }
}

/** Throws what a negative result means. */
function checkResult(result: number, action: string, pid: number): void {
  if (result === -constants.errno.ESRCH) throw notFound(`Process ${pid} has ended`);
  if (result < 0) throw new SyscallError(action, -result, `process ${pid}`);
}

/** Tells the hooks what the shim says; the exit once, and the loss of the shim only when there was no exit. */
function listenToShim({
  connection,
  hooks,
  questions,
  holds,
}: {
  readonly connection: Connection;
  readonly hooks: ShimHooks;
  readonly questions: Questions;
  readonly holds: Holds;
}): ConnectionListener & { readonly letGo: () => void } {
  let ended = false;
  const onEvent = (event: ShimEvent): void => {
    switch (event.kind) {
      case 'exited':
        ended = true;
        questions.end();
        return hooks.onExit(event.exit);
      case 'detached':
        holds.left(event.client);
        return hooks.onDetach(event.client, event.reason);
      case 'log':
        return hooks.onLogError(event.errno === 0 ? undefined : errnoName(event.errno), {
          bytes: event.lostBytes,
          told: event.told,
        });
      case 'reply':
        return questions.answer(event.sequence, event.result);
      case 'held':
        return holds.answer(event.client, event.held);
      case 'started':
      case 'failed':
        return;
    }
  };
  const onClose = (): void => {
    questions.end();
    holds.end();
    if (!ended) hooks.onLost();
    ended = true;
  };
  const letGo = (): void => {
    ended = true;
    connection.close();
  };
  return { onEvent, onClose, letGo };
}

/** A started process behind its connection. `init` comes from the shim's `started` event, with what it said before. */
export function liveShim(
  connection: Connection,
  init: { readonly pid: number; readonly startedAtNs: bigint; readonly earlier: readonly ShimEvent[] },
  hooks: ShimHooks,
): Shim {
  const { pid, startedAtNs, earlier } = init;
  const questions = askShim(connection, pid);
  const holds = createHolds(pid);
  const listener = listenToShim({ connection, hooks, questions, holds });
  for (const event of earlier) listener.onEvent(event);
  connection.listen(listener);
  return {
    pid,
    startedAtNs,
    signal: async (ctx, signal) => {
      const result = await questions.ask(ctx, (sequence) => signalFrame(sequence, signal));
      checkResult(result, `send signal ${signal} to`, pid);
    },
    resize: async (ctx, size) => {
      const result = await questions.ask(ctx, (sequence) => resizeFrame(sequence, size));
      checkResult(result, 'resize the terminal of', pid);
    },
    attach: (attachment) => {
      const client = handOver(connection, attachment);
      attachment.socket.destroy();
      return client;
    },
    hold: async (ctx, attachment) => {
      const { socket } = attachment;
      using _waits = ctx.waitsFor(() => `the shim of process ${pid} to answer`);
      const client = handOver(connection, attachment, true);
      const at = await holds.ask(ctx, client);
      return {
        at,
        release: () => {
          release(connection, client);
          socket.destroy();
        },
      };
    },
    closeStdin: () => connection.send(closeStdinFrame()),
    close: listener.letGo,
  };
}
