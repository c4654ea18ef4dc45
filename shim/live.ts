import { constants } from 'node:os';
import type { Ctx } from '../common/ctx.ts';
import { invalidArgument, notFound, WherryError } from '../common/errors.ts';
import { errnoName, SyscallError } from '../native/ffi/syscall.ts';
import { duplicate } from '../native/sys/unix-socket.ts';
import { closeSync } from 'node:fs';
import { descriptorOf, type Connection } from './connection.ts';
import type { Attachment, Shim, ShimHooks } from './contract.ts';
import { attachFrame, closeStdinFrame, resizeFrame, signalFrame, type ShimEvent } from './frames.ts';

/** What a client may have sent before it was handed over; more does not fit the shim's frame. */
const HEAD_MAX_BYTES = 60_000;

let lastClient = BigInt(Date.now()) << 20n;

/**
 * Gives the shim a copy of the client's descriptor. The event loop must not read from the socket any more; closing it is the
 * caller's, once it is known that the shim serves it. Returns the number that `onDetach` will name.
 */
export function handOver(connection: Connection, { socket, head, options }: Attachment): bigint {
  if (head.byteLength > HEAD_MAX_BYTES) {
    throw invalidArgument(
      `Cannot attach: ${head.byteLength} bytes of input before the answer, at most ${HEAD_MAX_BYTES}`,
    );
  }
  const client = ++lastClient;
  const fd = duplicate(descriptorOf(socket));
  try {
    connection.send(attachFrame(client, options, head), fd);
  } finally {
    closeSync(fd);
  }
  return client;
}

/** A started process behind its connection. `init` comes from the shim's `started` event, with what it said before. */
export function liveShim(
  connection: Connection,
  init: { readonly pid: number; readonly startedAtNs: bigint; readonly earlier: readonly ShimEvent[] },
  hooks: ShimHooks,
): Shim {
  const replies = new Map<number, (result: number) => void>();
  let sequence = 0;
  let ended = false;

  const onEvent = (event: ShimEvent): void => {
    switch (event.kind) {
      case 'exited':
        ended = true;
        hooks.onExit(event.exit);
        return;
      case 'detached':
        hooks.onDetach(event.client, event.reason);
        return;
      case 'log':
        hooks.onLogError(event.errno === 0 ? undefined : errnoName(event.errno), event.lostBytes);
        return;
      case 'reply':
        replies.get(event.sequence)?.(event.result);
        return;
      case 'started':
      case 'failed':
        return;
    }
  };
  const onClose = (): void => {
    for (const reply of replies.values()) reply(-constants.errno.ESRCH);
    if (!ended) hooks.onLost();
    ended = true;
  };
  for (const event of init.earlier) onEvent(event);
  connection.listen({ onEvent, onClose });

  const ask = async (ctx: Ctx, frame: (sequence: number) => Uint8Array): Promise<number> => {
    const number = ++sequence;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const onAbort = (): void =>
      reject(new WherryError('deadline-exceeded', `The shim of process ${init.pid} does not answer`));
    replies.set(number, resolve);
    ctx.signal.addEventListener('abort', onAbort, { once: true });
    try {
      connection.send(frame(number));
      return await promise;
    } finally {
      ctx.signal.removeEventListener('abort', onAbort);
      replies.delete(number);
    }
  };

  return {
    pid: init.pid,
    startedAtNs: init.startedAtNs,
    signal: async (ctx, signal) => {
      const result = ended ? -constants.errno.ESRCH : await ask(ctx, (n) => signalFrame(n, signal));
      if (result === -constants.errno.ESRCH) throw notFound(`Process ${init.pid} has ended`);
      if (result < 0) throw new SyscallError(`send signal ${signal} to`, -result, `process ${init.pid}`);
    },
    resize: async (ctx, size) => {
      const result = ended ? -constants.errno.ESRCH : await ask(ctx, (n) => resizeFrame(n, size));
      if (result === -constants.errno.ESRCH) throw notFound(`Process ${init.pid} has ended`);
      if (result < 0) throw new SyscallError('resize the terminal of', -result, `process ${init.pid}`);
    },
    attach: (attachment) => {
      const client = handOver(connection, attachment);
      attachment.socket.destroy();
      return client;
    },
    closeStdin: () => connection.send(closeStdinFrame()),
    close: () => {
      ended = true;
      connection.close();
    },
  };
}
