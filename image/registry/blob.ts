import type { Ctx } from '../../common/ctx.ts';
import { codeOf, WherryError } from '../../common/errors.ts';
import { isPassing, isRefused, pause, type RetryLimits } from './attempts.ts';
import type { Descriptor } from './contract.ts';
import { hasAnswered } from './failures.ts';
import type { Session } from './session.ts';
import { plain, type Incoming } from './transport.ts';

export interface BlobLimits extends RetryLimits {
  /** Slower than this on average over `windowMs`, and the connection is cut. */
  readonly minBytesPerSecond: number;
  readonly windowMs: number;
}

export interface BlobSource {
  /** In the order in which they are asked. */
  readonly sessions: readonly Session[];
  readonly path: string;
  readonly limits: BlobLimits;
}

const UNSATISFIABLE = 416;

/** The bytes from `offset` on, each once, however often the connection is cut; the next endpoint goes on where one stopped. */
export async function* readBlob(
  ctx: Ctx,
  { sessions, path, limits }: BlobSource,
  { blob, offset }: { readonly blob: Descriptor; readonly offset: number },
): AsyncGenerator<Uint8Array> {
  let at = offset;
  let failed = 0;
  let turn = 0;
  let refused = 0;
  while (at < blob.size) {
    const session = sessions[turn % sessions.length];
    if (session === undefined) throw new WherryError('internal', 'A registry without an endpoint');
    const before = at;
    try {
      const answer = await open(ctx, session, { path, at });
      for await (const chunk of watched(answer, { skip: answer.status === 206 ? 0 : at, limits })) {
        at += chunk.byteLength;
        yield chunk;
      }
      if (at < blob.size)
        throw new WherryError('unavailable', `unexpected EOF: ${at} of ${blob.size} bytes of ${blob.digest}`);
    } catch (error) {
      ctx.check();
      turn = turnAfter(turn, { sessions, error });
      const others = turn < sessions.length && !hasAnswered(error, session.endpoint);
      // A server that is too slow stays so, whatever it has sent.
      failed = at > before && codeOf(error) !== 'deadline-exceeded' ? 1 : failed + 1;
      if (!isPassing(error) && !others) throw error;
      refused = isRefused(error) ? refused + 1 : 0;
      if (others && at === before) continue;
      // One that has sent something is only being restarted.
      if (failed >= limits.attempts || (at === offset && refused >= sessions.length)) throw error;
      await pause(ctx, limits, { number: failed, error });
    }
  }
}

/** After one that answers only mirrors are asked: see hasAnswered. */
function turnAfter(
  turn: number,
  { sessions, error }: { readonly sessions: readonly Session[]; readonly error: unknown },
): number {
  const session = sessions[turn % sessions.length];
  if (session === undefined || !hasAnswered(error, session.endpoint)) return turn + 1;
  return sessions[0]?.endpoint.mirror === true ? 0 : turn;
}

async function open(
  ctx: Ctx,
  session: Session,
  { path, at }: { readonly path: string; readonly at: number },
): Promise<Incoming> {
  const url = new URL(`${session.endpoint.url}${path}`);
  // Compressed on the way it would have other bytes than its digest.
  const headers = { 'accept-encoding': 'identity', ...(at === 0 ? {} : { range: `bytes=${at}-` }) };
  const answer = await session.send(ctx, { method: 'GET', url, headers }, [200, 206, UNSATISFIABLE]);
  if (answer.status !== UNSATISFIABLE && (answer.status === 200 || startsAt(answer) === at)) return answer;
  answer.body.destroy();
  throw new WherryError(
    'unavailable',
    `"${plain(answer.url)}" does not go on at byte ${at}: ${answer.status} ${answer.headers['content-range'] ?? ''}`,
  );
}

const startsAt = ({ headers }: Incoming): number =>
  Number(/^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1] ?? Number.NaN);

/** A server that knows no ranges begins at the beginning: `skip` bytes are left out. */
async function* watched(
  answer: Incoming,
  { skip, limits }: { readonly skip: number; readonly limits: BlobLimits },
): AsyncGenerator<Uint8Array> {
  const { body } = answer;
  let left = skip;
  let inWindow = 0;
  // Whoever is slow to take the bytes is not the server's fault.
  let taking = false;
  let excused = false;
  const least = (limits.minBytesPerSecond * limits.windowMs) / 1000;
  const watch = setInterval(() => {
    if (inWindow < least && !taking && !excused) {
      const rate = Math.round((inWindow * 1000) / limits.windowMs);
      body.destroy(
        new WherryError(
          'deadline-exceeded',
          `"${plain(answer.url)}" sends ${rate} bytes a second, less than ${limits.minBytesPerSecond}`,
        ),
      );
    }
    inWindow = 0;
    excused = taking;
  }, limits.windowMs);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      inWindow += chunk.length;
      const fresh = left === 0 ? chunk : chunk.subarray(Math.min(left, chunk.length));
      left -= chunk.length - fresh.length;
      if (fresh.length === 0) continue;
      taking = true;
      yield fresh;
      taking = false;
    }
  } catch (error) {
    throw error instanceof WherryError
      ? error
      : new WherryError(
          'unavailable',
          `"${plain(answer.url)}": ${error instanceof Error ? error.message : String(error)}`,
          { cause: error },
        );
  } finally {
    clearInterval(watch);
    body.destroy();
  }
}
