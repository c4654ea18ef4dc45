import type { Mount } from '../../../runtime/spec.ts';

/** Where docker shows a container the first process that it asked for. */
const INSIDE = '/sbin/docker-init';

export const initArgs = (args: readonly string[]): string[] => [INSIDE, '--', ...args];

export const initMount = (source: string): Mount => ({
  destination: INSIDE,
  type: 'bind',
  source,
  options: ['bind', 'ro', 'rprivate'],
});
