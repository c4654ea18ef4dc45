import { mkdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { codeOf, internal } from '../../../common/errors.ts';
import { newId } from '../../../common/ids.ts';
import type { MonitorConfig } from '../../../runtime/contract.ts';
import type { ForeignContainer } from '../../../runtime/foreign/contract.ts';
import { buildForeignVerb } from '../../../runtime/foreign/verb.ts';
import type { Core } from '../core.ts';
import { watchProcess } from '../process-watch.ts';
import { removeDirectory } from '../remove-directory.ts';
import { within } from '../within.ts';
import { errorIn } from './failure.ts';

/** A runtime that does not end by then is killed. */
const TIMEOUT_MS = 30_000;

/**
 * Has a runtime do one thing with a container, and waits. Throws `internal` with what the runtime said. The process has a shim
 * without a row: one that a daemon left behind is ended by the next.
 */
export async function runVerb(
  core: Core,
  container: ForeignContainer,
  { verb, timeoutMs = TIMEOUT_MS }: { readonly verb: readonly string[]; readonly timeoutMs?: number },
): Promise<void> {
  const id = newId();
  const directory = core.paths.shim(id);
  const ctx = core.ctx.detached(timeoutMs);
  const { hooks, ended } = watchProcess({ onDetach: () => {}, onLogError: () => {} });
  await mkdir(directory, { mode: 0o700 });
  try {
    const plan = buildForeignVerb(container, monitorOf(id, directory), verb);
    const shim = await core.launcher.launch(ctx, { id, directory, plan, attach: [], hooks });
    if (!(await within(timeoutMs, ended))) {
      await shim.signal(core.ctx.detached(), constants.signals.SIGKILL).catch((error: unknown) => {
        if (codeOf(error) !== 'not-found') throw error;
      });
      throw internal(`It did not end within ${timeoutMs} ms`);
    }
    const ending = await ended;
    if (ending.kind === 'lost') throw internal('Its shim is gone');
    const { code } = ending.exit;
    if (code !== 0) throw internal(await errorIn(directory, `It ended with code ${code}`));
  } finally {
    await removeDirectory(directory);
  }
}

const monitorOf = (id: string, directory: string): MonitorConfig => ({
  ...{ id, directory, tty: false, consoleSize: undefined, stdin: 'none', log: undefined },
  ...{ drainMs: 0, oomFile: undefined },
});
