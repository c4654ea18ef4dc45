import { conflict, invalidArgument, notFound, notImplemented, WherryError } from '../../common/errors.ts';

/** Errors in containerd's words, which end with what kind they are of: its clients read that. */
export const absent = (what: string): WherryError => notFound(`${what}: not found`);
export const taken = (what: string): WherryError =>
  new WherryError('already-exists', `${what}: already exists`);
export const malformed = (what: string): WherryError => invalidArgument(`${what}: invalid argument`);
export const outOfRange = (what: string): WherryError => new WherryError('out-of-range', what);
export const precluded = (what: string): WherryError => conflict(`${what}: failed precondition`);
export const lacking = (what: string): WherryError => notImplemented(`${what}: not implemented`);
