import { announce } from '../containers/announce.ts';
import { killRun } from '../containers/kill.ts';
import { restart } from '../containers/restart.ts';
import type { Core } from '../core.ts';
import { actionOf, decide, recent } from './action.ts';
import type { UnhealthyAction } from './contract.ts';
import type { Watched } from './watched.ts';

/**
 * Does what the container's label asks for, if its budget allows it; `signal` ends the wait for a cool-down. A budget that is used up
 * is said once, by the event `health_action: exhausted`; the container stays as it is.
 */
export function actOnUnhealthy(core: Core, watched: Watched, signal: AbortSignal): void {
  const { entry } = watched;
  const action = actionOf(entry.view.config.labels);
  const kept = core.health.kept.get(entry.id);
  if (action === undefined || kept === undefined || kept.health.status !== 'unhealthy') return;
  const now = Date.now();
  const decision = decide(action, kept.actedAtMs, now);
  switch (decision.kind) {
    case 'wait': {
      const timer = setTimeout(() => {
        if (!signal.aborted) actOnUnhealthy(core, watched, signal);
      }, decision.ms);
      signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
      return;
    }
    case 'exhausted':
      core.ctx.log.warn('An unhealthy container stays so: what may be done about it was done', {
        container: entry.id,
        action: action.kind,
        max: action.max,
      });
      announce(core, entry, { action: 'health_action: exhausted' });
      return;
    case 'act': {
      // Written first: a daemon that dies over it does not begin to count anew.
      const actedAtMs = [...recent(action, kept.actedAtMs, now), now];
      core.health.kept.put(entry.id, { ...kept, actedAtMs }, { atOnce: true });
      announce(core, entry, { action: `health_action: ${action.kind}` });
      void core.background.run(`Cannot ${action.kind} an unhealthy container`, { container: entry.id }, () =>
        perform(core, watched, action.kind),
      );
    }
  }
}

async function perform(core: Core, { entry, run }: Watched, kind: UnhealthyAction['kind']): Promise<void> {
  // Somebody else is ending it.
  if (entry.run !== run || run.stopped) return;
  if (kind === 'kill') await killRun(core, core.ctx, { entry, run });
  else {
    await restart(core, core.ctx, {
      reference: entry.id,
      options: { signal: undefined, timeoutS: undefined },
    });
  }
}
