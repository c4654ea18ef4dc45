import type { ContainerState } from '../../../core/contract.ts';
import { humanDuration } from './duration.ts';

export const ZERO_TIME = '0001-01-01T00:00:00Z';
export const STATUSES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'] as const;
export type Status = (typeof STATUSES)[number];

/** Docker has no state between created and running. */
export function statusOf(state: ContainerState): Status {
  return state.kind === 'starting' ? (state.before?.kind ?? 'created') : state.kind;
}

/** What docker lists as running: it has processes, frozen or not, or gets some again. */
export const isUp = (state: ContainerState): boolean =>
  ['running', 'paused', 'restarting'].includes(statusOf(state));

/** The exit code that inspect, `ps` and the filter `exited` show; 0 before any exit. */
export function exitCodeOf(state: ContainerState): number {
  return 'exitCode' in state ? state.exitCode : 0;
}

/** Inspect's State. */
export function showState(given: ContainerState): object {
  // Docker has nothing between one run and the next.
  const state = given.kind === 'starting' ? (given.before ?? given) : given;
  const status = statusOf(state);
  return {
    Status: status,
    Running: isUp(state),
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: 'oomKilled' in state && state.oomKilled,
    Dead: status === 'dead',
    Pid: 'pid' in state ? state.pid : 0,
    ExitCode: exitCodeOf(state),
    Error: 'error' in state ? state.error : '',
    StartedAt: 'startedAt' in state ? state.startedAt : ZERO_TIME,
    FinishedAt: finishOf(state),
  };
}

function finishOf(state: ContainerState): string {
  if ('finishedAt' in state) return state.finishedAt;
  return 'lastFinishedAt' in state ? (state.lastFinishedAt ?? ZERO_TIME) : ZERO_TIME;
}

/** The column STATUS of `ps`: `Up 5 minutes`, `Exited (0) 2 days ago`. */
export function describeState(state: ContainerState, nowMs: number): string {
  switch (state.kind) {
    case 'starting':
      return state.before === undefined ? 'Created' : describeState(state.before, nowMs);
    case 'created':
      return 'Created';
    case 'restarting':
      return `Restarting (${state.exitCode}) ${humanDuration(nowMs - Date.parse(state.finishedAt))} ago`;
    case 'running':
      return `Up ${humanDuration(nowMs - Date.parse(state.startedAt))}`;
    case 'paused':
      return `Up ${humanDuration(nowMs - Date.parse(state.startedAt))} (Paused)`;
    case 'exited':
      return `Exited (${state.exitCode}) ${humanDuration(nowMs - Date.parse(state.finishedAt))} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
  }
}
