import { notImplemented } from '../../../../common/errors.ts';
import type { CreateBody } from '../wire/create.ts';

/**
 * What docker's create takes and we don't do yet. Clients send most fields with their zero value, so each is refused by name
 * only when it asks for something.
 */
type Harmless = (value: unknown) => boolean;

const zero: Harmless = (value) =>
  value === '' ||
  value === 0 ||
  value === false ||
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

const HOST_CONFIG: Readonly<Record<string, Harmless>> = {};

/** Throws `not-implemented` that names the first field which asks for what we don't do. */
export function refuseNotYet(body: CreateBody): void {
  refuse(body.HostConfig ?? {});
}

function refuse(fields: object): void {
  for (const [name, value] of Object.entries(fields)) {
    const harmless = HOST_CONFIG[name];
    if (harmless === undefined || harmless(value)) continue;
    const shown = typeof value === 'string' ? ` "${value}"` : '';
    throw notImplemented(`HostConfig.${name}${shown} is not supported yet`);
  }
}
