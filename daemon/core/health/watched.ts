import type { Entry, Run } from '../containers/table.ts';
import type { Check } from './contract.ts';

/** One run of a container that is looked after. */
export interface Watched {
  readonly entry: Entry;
  readonly run: Run;
  readonly check: Check;
}
