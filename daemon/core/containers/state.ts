import { conflict } from '../../../common/errors.ts';
import type { ContainerState } from '../contract.ts';
import type { Entry, Run } from './table.ts';

/** The code of the last exit or failed start; 0 before any. */
export const exitCodeOf = (state: ContainerState): number => ('exitCode' in state ? state.exitCode : 0);

export const errorOf = (state: ContainerState): string | undefined =>
  'error' in state && state.error !== '' ? state.error : undefined;

/** The run of a running container. Throws `conflict` `container <id> is not running`. */
export function runOf(entry: Entry): Run {
  if (entry.run === undefined) throw conflict(`container ${entry.id} is not running`);
  return entry.run;
}
