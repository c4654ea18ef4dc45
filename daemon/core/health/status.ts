import type { Check, Health, ProbeResult } from './contract.ts';

/** Docker's maxLogEntries. */
const LOG_ENTRIES = 5;

/** How a container begins a run. Docker keeps the log of the runs before. */
export const atStart = (before: Health | undefined): Health => ({
  status: 'starting',
  failingStreak: 0,
  log: before?.log ?? [],
});

type Rules = Pick<Check, 'retries' | 'startPeriodMs'>;

/**
 * Docker's rules (moby, daemon/health.go): a success is healthy at once and ends the start period; a failure of one that was never
 * healthy does not count when its probe began in the start period; so many failures in a row are unhealthy. Pure.
 */
export function afterProbe(
  health: Health,
  { result, sinceStartMs }: { readonly result: ProbeResult; readonly sinceStartMs: number },
  { retries, startPeriodMs }: Rules,
): Health {
  const log = [...health.log, result].slice(-LOG_ENTRIES);
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  if (health.status === 'starting' && sinceStartMs < startPeriodMs) return { ...health, log };
  const failingStreak = health.failingStreak + 1;
  return { status: failingStreak >= retries ? 'unhealthy' : health.status, failingStreak, log };
}

/** From the end of one probe, or the start, to the next. */
export function intervalMs(
  health: Health,
  sinceStartMs: number,
  check: Pick<Check, 'intervalMs' | 'startPeriodMs' | 'startIntervalMs'>,
): number {
  const isStarting = health.status === 'starting' && sinceStartMs < check.startPeriodMs;
  return isStarting ? check.startIntervalMs : check.intervalMs;
}
