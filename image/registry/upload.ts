import { Readable } from 'node:stream';
import type { Ctx } from '../../common/ctx.ts';
import { invalidArgument, messageOf, WherryError } from '../../common/errors.ts';
import { isPassing, isRefused, pause, type RetryLimits } from './attempts.ts';
import type { Descriptor } from './contract.ts';
import { hasAnswered, RegistryFailure } from './failures.ts';
import type { Session } from './session.ts';
import type { Incoming } from './transport.ts';

/** What is smaller goes in one request. */
const CHUNK_BYTES = 32 << 20;
const RANGE_WRONG = 416;
const CANCEL_MS = 5_000;

export interface UploadTarget {
  readonly sessions: readonly Session[];
  /** Of the repository, without its host. */
  readonly path: string;
  readonly limits: RetryLimits;
}

export interface Upload {
  readonly blob: Descriptor;
  readonly open: (offset: number) => Readable;
  readonly onBytes: (sentBytes: number) => void;
}

/** Where an upload stands: its address changes with every answer. */
interface Place {
  readonly session: Session;
  readonly url: URL;
  readonly sent: number;
}

/**
 * Sends a blob (distribution-spec, "Pushing a blob in chunks"). After a cut it asks how far the registry got, and goes on there; where
 * the registry has forgotten the upload it begins again.
 */
export async function uploadBlob(ctx: Ctx, target: UploadTarget, upload: Upload): Promise<void> {
  const { limits } = target;
  let place: Place | undefined;
  let lost = false;
  for (let number = 1; ; number += 1) {
    try {
      if (lost && place !== undefined) place = await resumed(ctx, place);
      place ??= await begin(ctx, target);
      lost = false;
      while (upload.blob.size - place.sent > CHUNK_BYTES) {
        place = await sendChunk(ctx, place, upload);
        number = 1;
      }
      await finish(ctx, place, upload);
      return;
    } catch (error) {
      ctx.check();
      const isForgotten =
        error instanceof RegistryFailure && [404, RANGE_WRONG].includes(error.status) && place !== undefined;
      const isNobodyThere = place === undefined && isRefused(error);
      if (number >= limits.attempts || isNobodyThere || !(isPassing(error) || isForgotten)) throw error;
      if (isForgotten) place = undefined;
      lost = true;
      await pause(ctx, limits, { number, error });
    }
  }
}

/** Ends the upload that an answer has opened and nobody wants; if it can't be, the registry forgets it some day. */
export async function cancelUpload(ctx: Ctx, session: Session, opened: Incoming): Promise<void> {
  try {
    const request = { method: 'DELETE', url: locationOf(opened) } as const;
    const answer = await session.send(ctx.within(CANCEL_MS), request, [200, 202, 204]);
    answer.body.resume();
  } catch (error) {
    ctx.check();
    ctx.log.debug('A registry keeps an upload that nobody wants', { error: messageOf(error) });
  }
}

async function begin(ctx: Ctx, { sessions, path }: UploadTarget): Promise<Place> {
  let failure: unknown = new WherryError('internal', 'A registry without an endpoint');
  for (const session of sessions) {
    try {
      const url = new URL(`${session.endpoint.url}/v2/${path}/blobs/uploads/`);
      const headers = { 'content-length': '0' };
      const answer = await session.send(ctx, { method: 'POST', url, headers }, [202]);
      answer.body.resume();
      return { session, url: locationOf(answer), sent: 0 };
    } catch (error) {
      ctx.check();
      failure = error;
      if (hasAnswered(error, session.endpoint)) break;
    }
  }
  throw failure;
}

async function sendChunk(ctx: Ctx, place: Place, upload: Upload): Promise<Place> {
  const end = place.sent + CHUNK_BYTES;
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': String(CHUNK_BYTES),
    'content-range': `${place.sent}-${end - 1}`,
  };
  const body = (): Readable => counted(upload, { from: place.sent, to: end });
  const answer = await place.session.send(ctx, { method: 'PATCH', url: place.url, headers, body }, [202]);
  answer.body.resume();
  return { ...place, url: locationOf(answer), sent: sentOf(answer) ?? end };
}

async function finish(ctx: Ctx, place: Place, upload: Upload): Promise<void> {
  const { blob } = upload;
  const url = new URL(place.url);
  url.searchParams.set('digest', blob.digest);
  const left = blob.size - place.sent;
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': String(left),
    ...(place.sent === 0 || left === 0 ? {} : { 'content-range': `${place.sent}-${blob.size - 1}` }),
  };
  const body = (): Readable => counted(upload, { from: place.sent, to: blob.size });
  const request = { method: 'PUT', url, headers, ...(left === 0 ? {} : { body }) } as const;
  const answer = await place.session.send(ctx, request, [201, 204, 202]);
  answer.body.resume();
}

/**
 * How far it got, by the registry's account. Undefined where it has no such account; `0-0` is what registries say after no byte and
 * after one, and one upload more costs less than finding out.
 */
async function resumed(ctx: Ctx, place: Place): Promise<Place | undefined> {
  const answer = await place.session.send(ctx, { method: 'GET', url: place.url }, [204, 200, 202]);
  answer.body.resume();
  const sent = sentOf(answer);
  if (sent === undefined || sent <= 1) return undefined;
  return { ...place, url: answer.headers.location === undefined ? place.url : locationOf(answer), sent };
}

/** `Range: 0-1023` after 1024 bytes. */
function sentOf({ headers }: Incoming): number | undefined {
  const last = /^(?:bytes=)?0-(\d+)$/.exec(headers.range ?? '')?.[1];
  return last === undefined ? undefined : Number(last) + 1;
}

function locationOf(answer: Incoming): URL {
  const { location } = answer.headers;
  if (location === undefined || !URL.canParse(location, answer.url.href))
    throw invalidArgument(`the registry gave no address for an upload: "${location ?? ''}"`);
  return new URL(location, answer.url);
}

/** The bytes from `from` to `to`, counted as the connection takes them. */
const counted = (upload: Upload, part: { readonly from: number; readonly to: number }): Readable =>
  Readable.from(bytesOf(upload, part), { objectMode: false });

async function* bytesOf(
  { open, onBytes }: Upload,
  { from, to }: { readonly from: number; readonly to: number },
): AsyncGenerator<Uint8Array> {
  let at = from;
  for await (const chunk of open(from) as AsyncIterable<Uint8Array>) {
    const part = chunk.subarray(0, to - at);
    at += part.length;
    yield part;
    onBytes(at);
    if (at >= to) return;
  }
}
