import type { ExecStore } from '../../store/execs.ts';
import type { ExecCreateRequest } from '../contract.ts';
import type { Core } from '../core.ts';
import { announceExec, showExecs } from '../execs/announce.ts';
import { beginExec, endExec } from '../execs/end.ts';
import { findShim } from './find-shim.ts';

/** As for a process that was killed. */
const UNSEEN_EXIT_CODE = 137;

/** Finds the execs again that ran when the last daemon ended, so that their exit codes are known. */
export async function recoverExecs(core: Core, store: ExecStore<ExecCreateRequest>): Promise<void> {
  await Promise.all(
    store.all().map(async ({ id, containerId, request }) => {
      const exec = core.execTable.adopt({ id, containerId, request, state: { kind: 'starting' } });
      const found = await findShim(core, id, {
        onDetach: (_client, reason) => {
          if (reason === 'keys') announceExec(core, exec, { action: 'exec_detach' });
        },
        onLogError: () => {},
      });
      if (found.kind === 'live') {
        beginExec(core, exec, found);
        showExecs(core, containerId);
        return;
      }
      const exit = found.kind === 'ended' ? found.ending.exit : { code: UNSEEN_EXIT_CODE, pid: 0 };
      await endExec(core, exec, { from: 'starting', exitCode: exit.code, pid: exit.pid });
    }),
  );
}
