import { dirname } from 'node:path';
import type { Ctx } from '../../../common/ctx.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { watchDirectory } from '../logs/changes.ts';
import type { LogUses } from '../logs/uses.ts';
import type { Receiver } from './contract.ts';
import { openDelivery } from './deliver.ts';
import { openLogReader } from './log-reader.ts';
import { openPlaceFile } from './place-file.ts';

export interface Forwarded {
  readonly id: string;
  /** Of its current log file. */
  readonly path: string;
  readonly uses: LogUses;
  readonly receiver: Receiver;
  /** Asked before a look at the file: nothing is written behind what that look finds. */
  readonly isOver: () => boolean;
  /** After each batch. */
  readonly progressed: () => void;
}

/**
 * Delivers a container's lines from where the last daemon was, until nothing more is written and all is handed over; or until
 * `ctx` ends, and then throws. The place is saved behind each batch: a daemon that is killed in between delivers that batch again.
 */
export async function forwardLog(ctx: Ctx, log: Forwarded): Promise<void> {
  const fields = { container: log.id };
  await using place = await openPlaceFile(log.path);
  // Before the files are opened: what changes from here on is seen.
  using changes = watchDirectory(dirname(log.path));
  const stop = (): void => changes.stop();
  ctx.signal.addEventListener('abort', stop, { once: true });
  using _listener = { [Symbol.dispose]: () => ctx.signal.removeEventListener('abort', stop) };
  await using reader = await openLogReader(log, place.place);
  if (reader.hasGap) ctx.log.error('Lines were rotated away before they reached their receiver', fields);
  using delivery = openDelivery(ctx, log.receiver, fields);
  for (;;) {
    const over = log.isOver();
    for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
      await delivery.deliver(batch.lines);
      await failpoint('log.forward.sent');
      await place.save(batch.after);
      log.progressed();
    }
    if (over) return;
    ctx.check();
    await changes.wait();
  }
}
