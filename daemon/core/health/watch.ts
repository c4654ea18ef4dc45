import { messageOf } from '../../../common/errors.ts';
import { announce } from '../containers/announce.ts';
import type { Entry } from '../containers/table.ts';
import type { Core } from '../core.ts';
import { formatTime, parseTime, realTimeNs } from '../time.ts';
import { actOnUnhealthy } from './act.ts';
import { checkOf } from './check.ts';
import type { Check, ProbeResult } from './contract.ts';
import { commandProbe } from './probe-command.ts';
import { netProbe, type Probe } from './probe-net.ts';
import { afterProbe, atStart, intervalMs } from './status.ts';
import type { Monitor } from './table.ts';
import type { Watched } from './watched.ts';

const NS_PER_MS = 1_000_000n;
/** setTimeout's longest. */
const LONGEST_MS = 0x7fff_ffff;
/** After a restart of the daemon what is overdue is spread over this long. */
const SPREAD_MS = 1_000;

/** Begins to look after the health of a container that runs, or goes on where the last daemon was. Nothing without a check. */
export function beginHealth(core: Core, entry: Entry): void {
  const { state } = entry.view;
  if (entry.run === undefined || (state.kind !== 'running' && state.kind !== 'paused')) return;
  if (checkFor(entry) === undefined) return;
  const { startedAt } = state;
  const kept = core.health.kept.get(entry.id);
  if (kept?.startedAt !== startedAt) {
    const health = atStart(kept?.health);
    core.health.kept.put(entry.id, { health, startedAt, actedAtMs: kept?.actedAtMs ?? [] }, { atOnce: true });
    core.table.publish(entry, { health });
  }
  if (state.kind === 'running') watchHealth(core, entry);
}

/** Looks until `restHealth`: the container was started, or goes on after a pause. */
export function watchHealth(core: Core, entry: Entry): void {
  const { run } = entry;
  const check = checkFor(entry);
  if (run === undefined || check === undefined) return;
  void restHealth(core, entry);
  core.health.kept.monitors.set(entry.id, startMonitor(core, { entry, run, check }));
}

/** Ends what looks after it: it ended, is to be paused, or is removed. */
export async function restHealth(core: Core, { id }: Entry): Promise<void> {
  const monitor = core.health.kept.monitors.get(id);
  core.health.kept.monitors.delete(id);
  await monitor?.stop();
}

/** The view of what the last daemon knew. */
export function recoverHealth(core: Core): void {
  for (const id of core.health.kept.ids()) {
    const entry = core.table.byId(id);
    const kept = core.health.kept.get(id);
    if (entry === undefined) core.health.kept.remove(id);
    else if (kept !== undefined) core.table.publish(entry, { health: kept.health });
  }
}

function checkFor({ view: { config } }: Entry): Check | undefined {
  try {
    return checkOf(config.healthcheck, config.imageConfig);
  } catch {
    // An image's that can't be made: `create` has warned.
    return undefined;
  }
}

function startMonitor(core: Core, watched: Watched): Monitor {
  const { entry } = watched;
  const probe = probeOf(core, watched);
  const ending = new AbortController();
  const { signal } = ending;
  let timer: NodeJS.Timeout | undefined;
  let working = Promise.resolve();
  const schedule = (ms: number): void => {
    timer = setTimeout(
      () => {
        working = round();
      },
      Math.min(Math.max(ms, 0), LONGEST_MS),
    );
  };
  const round = (): Promise<void> =>
    core.background.run('Cannot look after the health of a container', { container: entry.id }, async () => {
      const result = await resultOf(probe, signal);
      if (signal.aborted) return;
      if (result !== undefined) settle(core, watched, { result, signal });
      // What was done about it may have ended this.
      if (!signal.aborted) schedule(delayOf(core, watched));
    });
  schedule(firstDelay(core, watched));
  if (entry.view.health?.status === 'unhealthy') actOnUnhealthy(core, watched, signal);
  return {
    stop: () => {
      clearTimeout(timer);
      ending.abort();
      return working;
    },
  };
}

function probeOf(core: Core, { entry, run, check }: Watched): Probe {
  const { target } = check;
  return target.kind === 'command'
    ? commandProbe(core, { entry, run }, check)
    : netProbe(run.shim.pid, target, check);
}

async function resultOf(probe: Probe, signal: AbortSignal): Promise<ProbeResult | undefined> {
  const start = formatTime(realTimeNs());
  const outcome = await probe(signal).catch((error: unknown) => ({ exitCode: -1, output: messageOf(error) }));
  return outcome === undefined ? undefined : { start, end: formatTime(realTimeNs()), ...outcome };
}

/** Publishes what a probe found. */
function settle(
  core: Core,
  watched: Watched,
  { result, signal }: { readonly result: ProbeResult; readonly signal: AbortSignal },
): void {
  const { entry, check } = watched;
  const kept = core.health.kept.get(entry.id);
  if (kept === undefined) return;
  const sinceStartMs = millisecondsBetween(kept.startedAt, result.start);
  const health = afterProbe(kept.health, { result, sinceStartMs }, check);
  const isNews = health.status !== kept.health.status;
  core.health.kept.put(entry.id, { ...kept, health }, { atOnce: isNews });
  core.table.publish(entry, { health });
  if (!isNews) return;
  announce(core, entry, { action: `health_status: ${health.status}` });
  if (health.status === 'healthy') entry.waiters.healthy();
  if (health.status === 'unhealthy') actOnUnhealthy(core, watched, signal);
}

function delayOf(core: Core, { entry, check }: Watched): number {
  const kept = core.health.kept.get(entry.id);
  if (kept === undefined) return check.intervalMs;
  return intervalMs(kept.health, millisecondsBetween(kept.startedAt, formatTime(realTimeNs())), check);
}

/** One interval after the start or the last probe; at once, more or less, if the daemon was away for longer. */
function firstDelay(core: Core, watched: Watched): number {
  const delay = delayOf(core, watched);
  const kept = core.health.kept.get(watched.entry.id);
  const last = kept?.health.log.at(-1)?.end ?? '';
  const from = kept === undefined || last < kept.startedAt ? (kept?.startedAt ?? '') : last;
  const passed = millisecondsBetween(from, formatTime(realTimeNs()));
  if (passed < SPREAD_MS) return delay;
  return passed < delay ? delay - passed : Math.random() * Math.min(delay, SPREAD_MS);
}

const millisecondsBetween = (from: string, to: string): number =>
  Number(((parseTime(to) ?? 0n) - (parseTime(from) ?? 0n)) / NS_PER_MS);
