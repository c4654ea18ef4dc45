import type { Ctx } from '../../../common/ctx.ts';
import { conflict, notImplemented } from '../../../common/errors.ts';
import type { Container, LogChunk, LogsRequest } from '../contract.ts';
import type { Core } from '../core.ts';
import { isReadable } from '../log-drivers/drivers.ts';
import { readLogs } from '../logs/read.ts';

/** Containers.logs. Refuses at the first `next`. */
export async function* logs(
  core: Core,
  ctx: Ctx,
  { reference, request }: { readonly reference: string; readonly request: LogsRequest },
): AsyncGenerator<LogChunk, void> {
  const { view, run } = core.table.find(reference);
  checkLog(view);
  using _reading = core.logReaders.begin(view.id);
  yield* readLogs(ctx, { path: core.paths.log(view.id), ended: run?.ended, uses: core.logUses }, request);
}

/** Throws in docker's words when there is no log to read. */
export function checkLog(view: Container): void {
  if (view.state.kind === 'removing' || view.state.kind === 'dead') {
    throw conflict('can not get logs from container which is dead or marked for removal');
  }
  if (!isReadable(view.config.host)) {
    throw notImplemented('configured logging driver does not support reading');
  }
}
