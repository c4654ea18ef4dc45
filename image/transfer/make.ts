import { notImplemented } from '../../common/errors.ts';
import type { StoreParts } from '../parts.ts';
import type { Transfers } from '../transfers.ts';

export function makeTransfers(_parts: StoreParts): Transfers {
  const missing = (): never => {
    throw notImplemented('Registries are not supported yet');
  };
  return { pull: missing, push: missing, inspect: missing, login: missing, search: missing };
}
