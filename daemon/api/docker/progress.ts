import type { FastifyReply } from 'fastify';
import type { Ctx } from '../../../common/ctx.ts';
import type { Progress } from '../../../image/transfers.ts';
import { streamError } from './errors.ts';
import { startStream, type Stream } from './stream.ts';

/**
 * Docker's progress stream around some work. The head of the answer goes out with the first line, so that what fails before it is
 * answered with its own status; what fails later is told in the stream. Bars are left out while the client reads slower.
 */
export async function streamProgress(
  reply: FastifyReply,
  ctx: Ctx,
  work: (send: (message: object) => void) => Promise<void>,
): Promise<FastifyReply> {
  let stream: Stream | undefined;
  const started = (): Stream => (stream ??= startStream(reply, ctx, 'application/json'));
  const send = (message: object): void => {
    if (isBar(message) && reply.raw.writableNeedDrain) return;
    void started().write(`${JSON.stringify(message)}\r\n`);
  };
  try {
    await work(send);
    started().end();
  } catch (error) {
    if (stream === undefined) throw error;
    stream.end(streamError(error));
  }
  return reply;
}

const isBar = (message: Progress): boolean => message.progressDetail?.current !== undefined;

/** One message in the order of docker's fields, with the text of the bar that old clients print. */
export function showProgress({ status, progressDetail, id, aux }: Progress): object {
  const bar = progressDetail === undefined ? '' : barOf(progressDetail);
  return {
    ...(status === undefined ? {} : { status }),
    ...(progressDetail === undefined ? {} : { progressDetail }),
    ...(bar === '' ? {} : { progress: bar }),
    ...(id === undefined ? {} : { id }),
    ...(aux === undefined ? {} : { aux }),
  };
}

const BAR_WIDTH = 50;

function barOf({ current = 0, total = 0 }: NonNullable<Progress['progressDetail']>): string {
  if (current <= 0 && total <= 0) return '';
  if (total <= 0) return humanSize(current).padStart(8);
  const done = Math.min(BAR_WIDTH, Math.floor(Math.floor((current / total) * 100) / 2));
  const bar = `[${'='.repeat(done)}>${' '.repeat(BAR_WIDTH - done)}]`;
  const numbers =
    current > total
      ? humanSize(current).padStart(8)
      : `${humanSize(current).padStart(8)}/${humanSize(total)}`;
  return `${bar} ${numbers}`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Four digits in powers of 1000, as docker's bars have them. */
function humanSize(bytes: number): string {
  let [size, unit] = [bytes, 0];
  for (; size >= 1000 && unit < UNITS.length - 1; unit += 1) size /= 1000;
  return `${Number(size.toPrecision(4))}${UNITS[unit]}`;
}
