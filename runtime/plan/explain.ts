import { getSystemErrorMessage } from 'node:util';
import { internal, invalidArgument, type WherryError } from '../../common/errors.ts';
import { errnoName } from '../../native/ffi/syscall.ts';
import type { PlanFailure } from '../contract.ts';
import type { Plan } from './types.ts';

/** Labels in the words of Go or runc, on which docker's clients match; the errno's words are added. */
const IN_THEIR_WORDS =
  /^(?:exec:? |fork\/exec |chdir to cwd |error while creating mount source path |error while mounting volume |cannot access path )/;

/**
 * What a failed plan means to a person: `Cannot mount "proc" at "/proc": EPERM`. About the program and its directory in docker's
 * words: `exec: "foo": executable file not found in $PATH`, as `invalid-argument`; all else is `internal`.
 */
export function explainFailure(plan: Plan, failure: PlanFailure): WherryError {
  const step = plan.steps[failure.step];
  const label = step?.label ?? `run step ${failure.step}`;
  // A step that fails by design says all of it.
  if (step?.op === 'fail' && typeof step.errno === 'string') return invalidArgument(label);
  if (IN_THEIR_WORDS.test(label)) return invalidArgument(`${label}: ${wordsOf(failure.errno)}`);
  return internal(`Cannot ${label}: ${errnoName(failure.errno)}`);
}

const wordsOf = (errno: number): string => getSystemErrorMessage(-errno) ?? errnoName(errno);
