import { setTimeout as delay } from 'node:timers/promises';
import { makeCtx } from '../../../common/ctx.ts';
import type { Entry } from '../containers/table.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import { createLogReaders } from '../logs/readers.ts';
import { createLogUses } from '../logs/uses.ts';
import { within } from '../within.ts';
import type { Forwarders, Receiver } from './contract.ts';
import { forwards } from './drivers.ts';
import { forwardLog } from './forward.ts';
import { journalReceiver } from './journald.ts';
import { packRegularly } from './packer.ts';
import { syslogReceiver } from './syslog.ts';
import { expandTag } from './tag.ts';

/** A removal waits so long for a receiver that takes nothing. */
const PATIENCE_MS = 2_000;
const RETRY_MS = 5_000;

interface Job {
  readonly stop: AbortController;
  readonly done: Promise<void>;
  /** The container may have begun another run since the end was seen. */
  again: boolean;
  batches: number;
}

/** With who compresses what is rotated: both end together. */
export function makeLogParts(core: () => Core): Pick<Core, 'logUses' | 'logReaders' | 'forwarders'> {
  const forwarders = createForwarders(core);
  const packer = packRegularly(core);
  const close = async (): Promise<void> => {
    await Promise.all([forwarders.close(), packer.close()]);
  };
  return { logUses: createLogUses(), logReaders: createLogReaders(), forwarders: { ...forwarders, close } };
}

function createForwarders(core: () => Core): Forwarders {
  const jobs = new Map<string, Job>();

  const begin = (entry: Entry): void => {
    if (!forwards(entry.view.config.host.logDriver)) return;
    const running = jobs.get(entry.id);
    if (running !== undefined) {
      running.again = true;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const job: Job = { stop: new AbortController(), done: promise, again: false, batches: 0 };
    jobs.set(entry.id, job);
    void keepForwarding(core(), entry, job).then(() => {
      jobs.delete(entry.id);
      resolve();
    });
  };
  return {
    begin,
    finish: async (id) => {
      const job = jobs.get(id);
      if (job === undefined) return;
      for (let seen = -1; seen !== job.batches && jobs.has(id);) {
        seen = job.batches;
        await within(PATIENCE_MS, job.done);
      }
      if (!jobs.has(id)) return;
      core().ctx.log.error('Lines of a removed container did not reach their receiver', { container: id });
      job.stop.abort();
      await job.done;
    },
    close: async () => {
      for (const { stop } of jobs.values()) stop.abort();
      await Promise.all([...jobs.values()].map(({ done }) => done));
    },
  };
}

/** Never throws. */
async function keepForwarding(core: Core, entry: Entry, job: Job): Promise<void> {
  const { signal } = job.stop;
  const fields = { container: entry.id };
  do {
    try {
      job.again = false;
      await forwardLog(makeCtx(core.ctx.log, signal), {
        id: entry.id,
        path: core.paths.log(entry.id),
        uses: core.logUses,
        receiver: receiverOf(entry.view),
        isOver: () => {
          job.again = false;
          return entry.run === undefined;
        },
        progressed: () => (job.batches += 1),
      });
    } catch (error) {
      if (signal.aborted || (error as NodeJS.ErrnoException).code === 'ENOENT') return;
      core.ctx.log.error('Cannot forward the log of a container', { ...fields, error });
      job.again = true;
      await delay(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  } while (job.again && !signal.aborted);
}

function receiverOf(view: Container): Receiver {
  const { logDriver, logOptions } = view.config.host;
  const tag = expandTag(logOptions['tag'], view);
  return logDriver === 'journald' ? journalReceiver(view, tag) : syslogReceiver(logOptions, tag);
}
