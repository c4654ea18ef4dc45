import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, notFound } from '../../../common/errors.ts';
import { Undo } from '../../../common/undo.ts';
import type { PathStatus } from '../../../image/copy/contract.ts';
import type { WorkerPool } from '../../../image/workers/pool.ts';
import { announce } from '../containers/announce.ts';
import type { Core } from '../core.ts';
import { openCopyRoot, type OpenedRoot } from './root.ts';

export interface Parts {
  readonly core: Core;
  readonly workers: WorkerPool;
}

interface Asked {
  readonly reference: string;
  readonly path: string;
}

/** ContainerFiles.status. */
export async function status({ core, workers }: Parts, ctx: Ctx, asked: Asked): Promise<PathStatus> {
  const entry = core.table.find(asked.reference);
  return naming(asked, async () => {
    await using opened = await openCopyRoot(core, ctx, { entry, writable: false });
    return await workers.run(ctx, { kind: 'copy-status', root: opened.root, path: asked.path });
  });
}

/** ContainerFiles.copyOut. */
export async function copyOut(
  { core, workers }: Parts,
  ctx: Ctx,
  asked: Asked,
): Promise<{ readonly status: PathStatus; readonly archive: AsyncIterable<Uint8Array> }> {
  const entry = core.table.find(asked.reference);
  const { path } = asked;
  return naming(asked, async () => {
    await using undo = new Undo();
    const opened = await openCopyRoot(core, ctx, { entry, writable: false });
    undo.defer(() => opened[Symbol.asyncDispose]());
    const { root } = opened;
    const found = await workers.run(ctx, { kind: 'copy-status', root, path });
    const chunks = workers.read(ctx, { kind: 'copy-out', root, path });
    const first = await chunks.next();
    announce(core, entry, { action: 'archive-path' });
    undo.commit();
    // Nobody may come to read it.
    ctx.signal.addEventListener('abort', () => void opened[Symbol.asyncDispose](), { once: true });
    return { status: found, archive: rejoined(first, chunks, opened) };
  });
}

async function* rejoined(
  first: IteratorResult<Uint8Array, void>,
  rest: AsyncGenerator<Uint8Array>,
  opened: OpenedRoot,
): AsyncGenerator<Uint8Array> {
  try {
    if (first.done === true) return;
    yield first.value;
    yield* rest;
  } finally {
    await rest.return(undefined);
    await opened[Symbol.asyncDispose]();
  }
}

/** Tells what is not there in docker's words. */
export async function naming<T>({ reference, path }: Asked, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (codeOf(error) !== 'not-found') throw error;
    throw notFound(`Could not find the file ${path} in container ${reference}`, { cause: error });
  }
}
