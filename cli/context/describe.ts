import { type Context, readContext } from './store.ts';
import { DEFAULT_CONTEXT } from '../connection/docker-directory.ts';

export const DEFAULT_DESCRIPTION = 'Current DOCKER_HOST based configuration';

/** The context of flags and environment, as if it were kept like the others. */
export const defaultContext = (host: string): Context => ({
  Name: DEFAULT_CONTEXT,
  Metadata: {},
  Endpoints: { docker: { Host: host, SkipTLSVerify: false } },
});

/** Any context by name. Throws `not-found`. */
export const findContext = (name: string, defaultHost: string): Context =>
  name === DEFAULT_CONTEXT ? defaultContext(defaultHost) : readContext(name);

export function descriptionOf({ Name, Metadata }: Context): string {
  if (Name === DEFAULT_CONTEXT) return DEFAULT_DESCRIPTION;
  const description = Metadata['Description'];
  return typeof description === 'string' ? description : '';
}
