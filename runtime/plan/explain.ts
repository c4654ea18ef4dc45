import { internal, type WherryError } from '../../common/errors.ts';
import { errnoName } from '../../native/ffi/syscall.ts';
import type { PlanFailure } from '../contract.ts';
import type { Plan } from './types.ts';

/** What a failed plan means to a person: `Cannot mount "proc" at "/proc": EPERM`. */
export function explainFailure(plan: Plan, failure: PlanFailure): WherryError {
  const label = plan.steps[failure.step]?.label ?? `run step ${failure.step}`;
  return internal(`Cannot ${label}: ${errnoName(failure.errno)}`);
}
