import type { Ctx } from '../../../common/ctx.ts';
import { conflict, notImplemented } from '../../../common/errors.ts';
import type { LogChunk, LogsRequest } from '../contract.ts';
import type { Core } from '../core.ts';
import { readLogs } from '../logs/read.ts';

/** Containers.logs. Refuses at the first `next`. */
export async function* logs(
  core: Core,
  ctx: Ctx,
  { reference, request }: { readonly reference: string; readonly request: LogsRequest },
): AsyncGenerator<LogChunk, void> {
  const { view, run } = core.table.find(reference);
  if (view.state.kind === 'removing' || view.state.kind === 'dead') {
    throw conflict('can not get logs from container which is dead or marked for removal');
  }
  if (view.config.host.logDriver === 'none') {
    throw notImplemented('configured logging driver does not support reading');
  }
  yield* readLogs(ctx, { path: view.logPath, ended: run?.ended }, request);
}
