import type { Ctx } from '../../../common/ctx.ts';
import { conflict, messageOf, codeOf, WherryError } from '../../../common/errors.ts';
import type { Entry } from '../containers/table.ts';
import type { Core } from '../core.ts';
import { findNeeded, type Needed } from './find.ts';
import { standingOf, type Standing } from './holds.ts';
import { parseTimeoutMs } from './parse.ts';

/**
 * Resolves when everything holds that the container's label asks for, at once if it has none. Takes no lock. Throws `conflict` that
 * names which dependency and why: it is not there, it failed, it did not come in time, there is a cycle.
 */
export async function awaitDependencies(core: Core, ctx: Ctx, entry: Entry): Promise<void> {
  try {
    const needed = findNeeded(core, entry);
    await awaitAll(core, ctx, { needed, timeoutMs: parseTimeoutMs(entry.view.config.labels) });
  } catch (error) {
    throw new WherryError(codeOf(error), `Cannot start container "${entry.view.name}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}

export interface Awaited {
  readonly needed: readonly Needed[];
  readonly timeoutMs: number;
}

export async function awaitAll(core: Core, ctx: Ctx, { needed, timeoutMs }: Awaited): Promise<void> {
  for (const each of needed) check(core, each);
  const open = (): boolean => needed.some((each) => check(core, each).kind === 'waits');
  if (!open()) return;
  const late = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([ctx.signal, core.restartTimers.signal, late]);
  using _waits = ctx.waitsFor(() =>
    needed
      .filter((each) => standingOf(each.entry.view, each.condition).kind === 'waits')
      .map(({ entry, condition }) => `container "${entry.view.name}", until it ${conditionVerb(condition)}`)
      .join(', and for '),
  );
  await until(core, signal, () => !open()).catch((error: unknown) => {
    if (!late.aborted) throw error;
    const missing = needed.find((each) => check(core, each).kind === 'waits');
    if (missing === undefined) return;
    throw conflict(`${describe(missing, check(core, missing))}, after ${timeoutMs / 1000}s still`);
  });
}

/** Throws for what can't hold any more. */
function check(core: Core, needed: Needed): Standing {
  if (core.table.byId(needed.entry.id) === undefined)
    throw conflict(describe(needed, { kind: 'fails', why: 'it was removed' }));
  const standing = standingOf(needed.entry.view, needed.condition);
  if (standing.kind === 'fails') throw conflict(describe(needed, standing));
  return standing;
}

function describe({ entry, condition }: Needed, standing: Standing): string {
  const why = standing.kind === 'holds' ? '' : `, and ${standing.why}`;
  return `it starts after "${entry.view.name}" ${conditionVerb(condition)}${why}`;
}

const conditionVerb = (condition: Needed['condition']): string =>
  condition === 'healthy' ? 'is healthy' : `has ${condition}`;

/** Resolves when `holds` says so, which is asked at every change of a container; rejects when the signal aborts, or it throws. */
function until(core: Core, signal: AbortSignal, holds: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      watching[Symbol.dispose]();
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    const onAbort = (): void => end(() => reject(signal.reason as Error));
    const look = (): void => {
      try {
        if (holds()) end(resolve);
      } catch (error) {
        end(() => reject(error));
      }
    };
    const watching = core.table.watch(look);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}
