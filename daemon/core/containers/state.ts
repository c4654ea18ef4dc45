import { conflict } from '../../../common/errors.ts';
import type { ContainerState } from '../contract.ts';
import type { Entry, Run } from './table.ts';

/** The code of the last exit or failed start; 0 before any. */
export const exitCodeOf = (state: ContainerState): number => ('exitCode' in state ? state.exitCode : 0);

export const errorOf = (state: ContainerState): string | undefined =>
  'error' in state && state.error !== '' ? state.error : undefined;

/** Has processes, frozen or not. */
export const isUp = ({ kind }: ContainerState): boolean => kind === 'running' || kind === 'paused';

/** Ended, and started again by its policy in a moment, or right now: for docker it runs. */
export const isRestarting = (state: ContainerState): boolean =>
  state.kind === 'restarting' || (state.kind === 'starting' && state.before?.kind === 'restarting');

/** The run of a running container. Throws docker's `conflict`: `container <id> is not running`. */
export function runOf(entry: Entry): Run {
  checkNotRestarting(entry);
  if (entry.run === undefined) throw conflict(`container ${entry.id} is not running`);
  return entry.run;
}

/** Throws docker's `conflict` for a container that waits for its next start. */
export function checkNotRestarting({ id, view, run }: Entry): void {
  if (run !== undefined || !isRestarting(view.state)) return;
  throw conflict(`Container ${id} is restarting, wait until the container is running`);
}

/** Throws docker's `conflict` for a paused container, in which nothing that is started would ever run. */
export function checkNotPaused({ id, view }: Entry, verb: 'attach' | 'exec', name = id): void {
  if (view.state.kind !== 'paused') return;
  const subject = verb === 'exec' ? 'Container' : 'container';
  throw conflict(`${subject} ${name} is paused, unpause the container before ${verb}`);
}
