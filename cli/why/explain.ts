import { ago, humanDuration } from '../format/units.ts';
import { explainExit, lastRun, nameOf } from './exit-code.ts';
import type { Facts, Happening, OperationInfo } from './facts.ts';

/** Of probes and of events: the newest. */
const SHOWN_PROBES = 3;
const SHOWN_EVENTS = 10;
/** Times of what never happened. */
const NEVER = '0001-01-01';

/** Why a container is in its state, in lines for people: a heading, then what there is to say of each side. */
export function explain(facts: Facts): string {
  const { container, journal } = facts;
  const parts: readonly (readonly [string, string | readonly string[] | undefined])[] = [
    ['Exit code', hasEnded(facts) ? explainExit(facts) : undefined],
    ['Error', container.State.Error || undefined],
    ['Stopped by', stoppedBy(facts)],
    ['In progress', inProgress(facts)],
    ['Restart', explainRestart(facts)],
    ['Health', explainHealth(facts)],
    ['Journal', journal.slice(-SHOWN_EVENTS).map((event) => showEvent(event))],
  ];
  const lines = parts.flatMap(([label, value]) => {
    const texts = value === undefined ? [] : [value].flat();
    return texts.map((text, index) => `  ${(index === 0 ? `${label}:` : '').padEnd(13)}${text}`);
  });
  return [heading(facts), ...lines, ''].join('\n');
}

function heading({ container, nowMs }: Facts): string {
  const { Status, StartedAt, FinishedAt } = container.State;
  const since =
    Status === 'running' || Status === 'paused'
      ? StartedAt
      : Status === 'created'
        ? container.Created
        : FinishedAt;
  const when = since.startsWith(NEVER) ? '' : `, ${ago(Date.parse(since) / 1000, nowMs)}`;
  const verbs: Readonly<Record<string, string>> = { running: 'started', exited: 'ended', created: 'made' };
  const verb =
    verbs[Status] === undefined || when === '' ? '' : ` (${verbs[Status]}${when.replace(',', '')})`;
  return `${container.Name.slice(1)} is ${Status}${verb}`;
}

const hasEnded = ({ container }: Facts): boolean =>
  !container.State.FinishedAt.startsWith(NEVER) || container.State.Error !== '';

/** Whoever asked for the end, as far as the journal knows. */
function stoppedBy({ container, journal }: Facts): string | undefined {
  if (container.State.Status !== 'exited' && container.State.Status !== 'restarting') return undefined;
  const run = lastRun(journal);
  const kills = run.filter(({ action }) => action === 'kill');
  const signals = kills.map(({ attributes }) => nameOf(Number(attributes['signal'])) ?? attributes['signal']);
  if (run.some(({ action }) => action.startsWith('health_status: unhealthy')) && kills.length > 0)
    return `its healthcheck failed, and ${signals.join(', then ')} followed`;
  if (kills.length > 0) {
    const verb = run.some(({ action }) => action === 'stop') ? 'stop' : 'kill';
    return `a client's ${verb}: ${signals.join(', then ')}`;
  }
  if (container.State.OOMKilled) return 'the kernel';
  return run.some(({ action }) => action === 'die') ? 'nobody: it ended by itself' : undefined;
}

function inProgress(facts: Facts): string | readonly string[] | undefined {
  const { Operation, QueuedOperations = [] } = facts.container;
  if (Operation === undefined) return lately(facts);
  return [Operation, ...QueuedOperations].map((each) => showOperation(each, facts.nowMs));
}

function showOperation({ Name, Since, WaitsFor }: OperationInfo, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(Since)) / 1000));
  return `${Name}, for ${seconds} s${WaitsFor === '' ? '' : `; it waits for ${WaitsFor}`}`;
}

/** Where no operation says more. */
function lately({ inner, journal, nowMs }: Facts): string | undefined {
  if (inner.Kind === 'starting') return 'a start';
  if (inner.Kind === 'removing') return 'its removal';
  if (inner.Kind !== 'running' && inner.Kind !== 'paused') return undefined;
  const kill = lastRun(journal).findLast(({ action }) => action === 'kill');
  if (kill === undefined) return undefined;
  const signal = nameOf(Number(kill.attributes['signal'])) ?? 'a signal';
  const seconds = Math.round((nowMs - kill.atMs) / 1000);
  return `${signal} was sent ${seconds} s ago, and it still runs (a stop waits, or its program ignores it)`;
}

function explainRestart({ container, inner, nowMs }: Facts): string {
  const { RestartPolicy, AutoRemove } = container.HostConfig;
  const { Name, MaximumRetryCount: most } = RestartPolicy;
  if (Name === '' || Name === 'no')
    return AutoRemove ? 'never: it is removed when it ends' : 'never (policy no)';
  const limit = most > 0 ? ` at most ${most} times` : '';
  const count = `policy ${Name}${limit}, restarted ${container.RestartCount} times so far`;
  if (inner.RestartAt !== '') {
    const seconds = Math.max(0, Math.round((Date.parse(inner.RestartAt) - nowMs) / 1000));
    return `${count}; next attempt in ${humanDuration(seconds).toLowerCase()}`;
  }
  if (container.State.Status !== 'exited') return count;
  return `${count}; ${whyNotAgain(container.State.ExitCode, RestartPolicy, container.RestartCount)}`;
}

function whyNotAgain(
  code: number,
  { Name, MaximumRetryCount: most }: Facts['container']['HostConfig']['RestartPolicy'],
  count: number,
): string {
  if (Name === 'on-failure' && code === 0) return 'not again: it was successful';
  if (Name === 'on-failure' && most > 0 && count >= most) return 'not again: it has had all its attempts';
  return 'not again: a client stopped it';
}

function explainHealth({ container }: Facts): readonly string[] | undefined {
  const { Health } = container.State;
  if (Health === undefined || Health.Status === 'none') return undefined;
  const streak = Health.FailingStreak > 0 ? `, ${Health.FailingStreak} failures in a row` : '';
  const probes = (Health.Log ?? []).slice(-SHOWN_PROBES).map(({ Start, ExitCode, Output }) => {
    const output = Output.trim().split('\n').at(-1) ?? '';
    return `${Start.slice(0, 19)} probe ended with ${ExitCode}${output === '' ? '' : `: ${output}`}`;
  });
  return [`${Health.Status}${streak}`, ...probes];
}

/** Attributes that say something; labels, image and name are the same in all. */
function showEvent({ action, atMs, attributes }: Happening): string {
  const told = ['exitCode', 'signal', 'execDuration']
    .filter((name) => attributes[name] !== undefined)
    .map((name) => `${name}=${attributes[name]}`);
  return [new Date(atMs).toISOString(), action, ...told].join(' ');
}
