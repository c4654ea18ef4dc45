import { Readable } from 'node:stream';
import { access, readChunks } from '../../common/patient-fs.ts';
import type { Ctx } from '../../common/ctx.ts';
import { codeOf, messageOf, notFound, WherryError } from '../../common/errors.ts';
import type { Digest } from '../digest.ts';
import type { Rebuilt, WholeBlob } from '../rebuild/contract.ts';
import type { Descriptor, Repository } from '../registry/contract.ts';
import type { StoredBlob } from '../save/stored.ts';
import type { Progress } from '../transfers.ts';
import type { CompressedLayers } from './compress.ts';
import { pathOf } from './mounts.ts';
import type { PushBlob } from './plan.ts';

/** Docker's clients draw a bar ten times a second. */
const REPORT_MS = 100;

/** One repository, and what is known of it. */
export interface Target {
  readonly repository: Repository;
  readonly compressed: CompressedLayers;
  readonly blobs: Rebuilt;
  /** For compressed layers on their way. */
  readonly directory: string;
  /** Repositories that may have a blob, by their complete names. */
  readonly candidates: (blob: Digest) => readonly string[];
  /** What the repository has, by the digest that it has in the store. */
  readonly sent: Map<Digest, Descriptor>;
}

type Say = (message: Omit<Progress, 'id'>) => void;

/** Sees to it that the repository has a blob, with the least work: it has it, it takes it from another one, it is sent it. */
export async function sendBlob(
  ctx: Ctx,
  target: Target,
  { item, say }: { readonly item: PushBlob; readonly say: Say },
): Promise<void> {
  const { digest } = item.blob;
  if (item.isForeign) {
    say({ status: 'Skipped foreign layer' });
    target.sent.set(digest, asDescriptor(item, item.blob));
    return;
  }
  if (target.sent.has(digest)) {
    say({ status: 'Layer already exists' });
    return;
  }
  const known = item.compress ? target.compressed.known(digest) : item.blob;
  if (known !== undefined && (await spare(ctx, target, { item, say, known }))) return;
  // Also a blob that was dropped is a file from here on: the registry may ask for it twice.
  await using file = await openBlob(ctx, target, digest);
  const whole = { ...item.blob, path: file.path };
  const blob = item.compress ? await target.compressed.make(ctx, whole, target.directory) : whole;
  if (blob.digest !== known?.digest && (await spare(ctx, target, { item, say, known: blob }))) return;
  const descriptor = asDescriptor(item, blob);
  await target.repository.uploadBlob(
    ctx,
    descriptor,
    (offset) => read(blob, offset),
    meter(say, blob.sizeBytes),
  );
  say({ status: 'Pushed' });
  target.sent.set(digest, descriptor);
}

/** Before the registry is asked for an upload. What it has already need not be here. */
async function openBlob(ctx: Ctx, { blobs }: Target, digest: Digest): Promise<WholeBlob> {
  try {
    if (blobs.sizeBytes(digest) === undefined) throw notFound(`No such blob: ${digest}`);
    const file = await blobs.open(ctx, digest);
    await access(file.path);
    return file;
  } catch (cause) {
    ctx.check();
    if (cause instanceof WherryError && cause.code !== 'not-found') throw cause;
    const message = `Cannot push the blob ${digest}: the registry does not have it, and it is not kept in the store`;
    throw new WherryError('unavailable', message, { cause });
  }
}

interface Known {
  readonly item: PushBlob;
  readonly say: Say;
  readonly known: Omit<StoredBlob, 'path'>;
}

/** Whether it need not be sent. */
async function spare(ctx: Ctx, target: Target, { item, say, known }: Known): Promise<boolean> {
  const descriptor = asDescriptor(item, known);
  if (await allowed(ctx, known.digest, () => target.repository.hasBlob(ctx, known.digest))) {
    say({ status: 'Layer already exists' });
    target.sent.set(item.blob.digest, descriptor);
    return true;
  }
  for (const candidate of target.candidates(item.blob.digest)) {
    const from = pathOf(candidate);
    if (!(await allowed(ctx, known.digest, () => target.repository.mountBlob(ctx, known.digest, from))))
      continue;
    say({ status: `Mounted from ${from}` });
    target.sent.set(item.blob.digest, descriptor);
    return true;
  }
  return false;
}

/**
 * What may not be asked is no reason to fail: the blob is sent then, and if that is refused too, its answer says why. One to HEAD
 * has no words.
 */
async function allowed(ctx: Ctx, digest: Digest, ask: () => Promise<boolean>): Promise<boolean> {
  try {
    return await ask();
  } catch (error) {
    ctx.check();
    if (!['not-found', 'permission-denied', 'invalid-argument'].includes(codeOf(error))) throw error;
    ctx.log.debug('A registry does not tell of a blob', { digest, error: messageOf(error) });
    return false;
  }
}

const asDescriptor = (item: PushBlob, { digest, sizeBytes }: Omit<StoredBlob, 'path'>): Descriptor => ({
  mediaType: item.mediaType,
  digest,
  size: sizeBytes,
});

const read = ({ path }: StoredBlob, start: number): Readable =>
  Readable.from(readChunks(path, start), { objectMode: false });

/** Says how much has been sent, not too often. */
function meter(say: Say, total: number): (sentBytes: number) => void {
  let saidAt = 0;
  return (current) => {
    const now = performance.now();
    if (saidAt !== 0 && now - saidAt < REPORT_MS) return;
    saidAt = now;
    say({ status: 'Pushing', progressDetail: { current, total } });
  };
}
