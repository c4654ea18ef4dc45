import type { Container } from '../../../core/contract.ts';
import { actionOf } from '../../../core/health/action.ts';
import type { HealthStatus } from '../../../core/health/contract.ts';

/** What `health=` filters by. */
export const HEALTHS = ['none', 'starting', 'healthy', 'unhealthy'] as const;

const NS_PER_MS = 1e6;

/** Docker: one that does not run, or is paused, answers nobody, and is unhealthy. `none` without a check, and before its first start. */
export function healthOf({ health, state }: Pick<Container, 'health' | 'state'>): HealthStatus | 'none' {
  if (health === undefined) return 'none';
  return state.kind === 'running' ? health.status : 'unhealthy';
}

/** Inspect's State.Health, and what is done about it, which docker has not; nothing without a check. */
export function showHealth({ health, state, config }: Container): object {
  if (health === undefined) return {};
  const action = actionOf(config.labels);
  return {
    Health: {
      Status: healthOf({ health, state }),
      FailingStreak: health.failingStreak,
      Log: health.log.map(({ start, end, exitCode, output }) => ({
        Start: start,
        End: end,
        ExitCode: exitCode,
        Output: output,
      })),
      ...(action === undefined
        ? {}
        : {
            OnUnhealthy: {
              Action: action.kind,
              Max: action.max,
              Window: action.windowMs * NS_PER_MS,
              Cooldown: action.cooldownMs * NS_PER_MS,
            },
          }),
    },
  };
}

/** What `ps` adds to `Up 5 minutes`. */
export function describeHealth(container: Pick<Container, 'health' | 'state'>): string {
  const health = healthOf(container);
  if (health === 'none' || container.state.kind !== 'running') return '';
  return health === 'starting' ? ' (health: starting)' : ` (${health})`;
}
