import type { Ctx } from '../../../common/ctx.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { newId } from '../../../common/ids.ts';
import { readAccountFilesOf } from '../../../runtime/rootfs-files.ts';
import { resolveUser } from '../../../runtime/user.ts';
import { checkNotPaused, runOf } from '../containers/state.ts';
import type { ExecCreateRequest } from '../contract.ts';
import type { Core } from '../core.ts';
import { parseDetachKeys } from '../detach-keys.ts';
import { announceExec, showExecs } from './announce.ts';

/** Execs.create. */
export async function createExec(core: Core, _ctx: Ctx, request: ExecCreateRequest): Promise<string> {
  const entry = core.table.find(request.container);
  const { shim } = runOf(entry);
  checkNotPaused(entry, 'exec');
  if (request.detachKeys !== undefined) parseDetachKeys(request.detachKeys);
  // Found out now, so that the client gets an error and not a stream.
  if (request.user !== '') resolveUser(request.user, await readAccountFilesOf(shim.pid));
  runOf(entry);
  const exec = core.execTable.insert({
    id: newId(),
    containerId: entry.id,
    request,
    state: { kind: 'created' },
  });
  await failpoint('exec.create.row');
  showExecs(core, entry.id);
  announceExec(core, exec, { action: 'exec_create', withCommand: true });
  return exec.id;
}
