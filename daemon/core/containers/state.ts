import { conflict } from '../../../common/errors.ts';
import type { ContainerState } from '../contract.ts';
import type { Entry, Run } from './table.ts';

/** The code of the last exit or failed start; 0 before any. */
export const exitCodeOf = (state: ContainerState): number => ('exitCode' in state ? state.exitCode : 0);

export const errorOf = (state: ContainerState): string | undefined =>
  'error' in state && state.error !== '' ? state.error : undefined;

/** Has processes, frozen or not. */
export const isUp = ({ kind }: ContainerState): boolean => kind === 'running' || kind === 'paused';

/** The run of a running container. Throws `conflict` `container <id> is not running`. */
export function runOf(entry: Entry): Run {
  if (entry.run === undefined) throw conflict(`container ${entry.id} is not running`);
  return entry.run;
}

/** Throws docker's `conflict` for a paused container, in which nothing that is started would ever run. */
export function checkNotPaused({ id, view }: Entry, verb: 'attach' | 'exec', name = id): void {
  if (view.state.kind !== 'paused') return;
  const subject = verb === 'exec' ? 'Container' : 'container';
  throw conflict(`${subject} ${name} is paused, unpause the container before ${verb}`);
}
