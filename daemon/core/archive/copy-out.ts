import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, notFound } from '../../../common/errors.ts';
import type { PathStatus } from '../../../image/copy/contract.ts';
import type { WorkerPool } from '../../../image/workers/pool.ts';
import { announce } from '../containers/announce.ts';
import type { Core } from '../core.ts';
import { copyRoot } from './root.ts';

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
  const root = copyRoot(core, core.table.find(asked.reference), { writable: false });
  return naming(asked, () => workers.run(ctx, { kind: 'copy-status', root, path: asked.path }));
}

/** ContainerFiles.copyOut. */
export async function copyOut(
  { core, workers }: Parts,
  ctx: Ctx,
  asked: Asked,
): Promise<{ readonly status: PathStatus; readonly archive: AsyncIterable<Uint8Array> }> {
  const entry = core.table.find(asked.reference);
  const root = copyRoot(core, entry, { writable: false });
  const { path } = asked;
  return naming(asked, async () => {
    const found = await workers.run(ctx, { kind: 'copy-status', root, path });
    const chunks = workers.read(ctx, { kind: 'copy-out', root, path });
    const first = await chunks.next();
    announce(core, entry, { action: 'archive-path' });
    return { status: found, archive: rejoined(first, chunks) };
  });
}

async function* rejoined(
  first: IteratorResult<Uint8Array, void>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    if (first.done === true) return;
    yield first.value;
    yield* rest;
  } finally {
    await rest.return(undefined);
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
