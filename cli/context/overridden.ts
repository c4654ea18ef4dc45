import { env } from 'node:process';

/** The environment variable that keeps the context in use from being used; undefined without one. */
export const hostVariable = (): string | undefined =>
  ['WHERRY_HOST', 'DOCKER_HOST'].find((name) => (env[name] ?? '') !== '');
