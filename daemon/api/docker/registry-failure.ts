import { codeOf, messageOf, WherryError } from '../../../common/errors.ts';

/** Docker's status for a registry that can't be reached, or fails itself: 500, as for whatever else goes wrong behind the daemon. */
export function registryFailure(error: unknown): unknown {
  const code = codeOf(error);
  if (code !== 'unavailable' && code !== 'deadline-exceeded') return error;
  return new WherryError('internal', messageOf(error), { cause: error });
}

/** Of a pull: an image that nobody may see is not found, and every other refusal is a failure. */
export function pullFailure(error: unknown): unknown {
  if (codeOf(error) !== 'permission-denied') return registryFailure(error);
  const message = messageOf(error);
  const code = message.startsWith('pull access denied') ? 'not-found' : 'internal';
  return new WherryError(code, message, { cause: error });
}

/** Of a login: docker answers 401 for whatever a registry does not let in. */
export function loginFailure(error: unknown): unknown {
  if (codeOf(error) !== 'permission-denied' || /unauthorized/i.test(messageOf(error))) {
    return registryFailure(error);
  }
  return new WherryError('permission-denied', `unauthorized: ${messageOf(error)}`, { cause: error });
}

/** Throws what `failure` makes of a rejection. */
export const failingAs = <T>(failure: (error: unknown) => unknown, work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    throw failure(error);
  });
