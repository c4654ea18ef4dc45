import { setTimeout as delay } from 'node:timers/promises';
import type { Ctx } from '../../../common/ctx.ts';
import { messageOf } from '../../../common/errors.ts';
import { isErrno } from '../../../native/sys/files.ts';
import type { Channel, LogLine, Receiver } from './contract.ts';

const OPEN_TIMEOUT_MS = 5_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** For a receiver whose buffer is full. */
const FULL_PAUSE_MS = 20;

/** Delivers lines in their order, over as many channels as it takes. */
export interface Delivery extends Disposable {
  /** Resolves when all of them are handed over. Throws only when `ctx` ends. */
  deliver(lines: readonly LogLine[]): Promise<void>;
}

export function openDelivery(
  ctx: Ctx,
  receiver: Receiver,
  fields: Readonly<Record<string, unknown>>,
): Delivery {
  let channel: Channel | undefined;
  let pauseMs = FIRST_PAUSE_MS;

  const failed = async (error: unknown): Promise<void> => {
    channel?.close();
    channel = undefined;
    ctx.check();
    if (pauseMs === FIRST_PAUSE_MS)
      ctx.log.warn('The lines of a container wait for their receiver', { ...fields, error });
    await delay(pauseMs, undefined, { signal: ctx.signal });
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  };
  const sendSome = async (messages: readonly Buffer[]): Promise<number> => {
    channel ??= await receiver.open(ctx.within(OPEN_TIMEOUT_MS));
    const sent = await channel.send(messages);
    if (sent === 0) await delay(FULL_PAUSE_MS, undefined, { signal: ctx.signal });
    else if (pauseMs !== FIRST_PAUSE_MS) {
      pauseMs = FIRST_PAUSE_MS;
      ctx.log.info('The lines of a container reach their receiver again', fields);
    }
    return sent;
  };
  return {
    deliver: async (lines) => {
      let messages = lines.flatMap((line) => receiver.encode(line) ?? []);
      while (messages.length > 0) {
        ctx.check();
        try {
          messages = messages.slice(await sendSome(messages));
        } catch (error) {
          if (isErrno(error, 'EMSGSIZE')) {
            const bytes = messages[0]?.length;
            ctx.log.error('A line is too long for its receiver and is dropped', { ...fields, bytes });
            messages = messages.slice(1);
          } else await failed(messageOf(error));
        }
      }
    },
    [Symbol.dispose]: () => channel?.close(),
  };
}
