import { isDeepStrictEqual } from 'node:util';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import { logConfigOf } from '../spec/log-config.ts';

type Config = Container['config'];

/** What is compared, in the words that a client is told. */
const LIVE: Readonly<Record<string, (config: Config) => unknown>> = {
  labels: ({ labels }) => labels,
  'published ports': ({ host, exposedPorts }) => [host.portBindings, host.publishAllPorts, exposedPorts],
  limits: ({ host }) => host.resources,
  'restart policy': ({ host }) => host.restartPolicy,
  healthcheck: ({ healthcheck }) => healthcheck,
};
const ANEW: Readonly<Record<string, (config: Config) => unknown>> = {
  environment: ({ env }) => env,
  mounts: ({ volumes, host }) => [host.binds, host.volumes, host.imageMounts, host.tmpfs, volumes],
};

/** What is not set is missing in a row that was read again. */
const isSame = (a: unknown, b: unknown): boolean => isDeepStrictEqual(plain(a), plain(b));
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify([value]));

/** What an edit changes: while it runs, and what only a new start can. */
export function whatChanges(
  core: Core,
  before: Container,
  after: Container,
): { readonly live: readonly string[]; readonly anew: readonly string[] } {
  const differing = (table: typeof LIVE): string[] =>
    Object.keys(table).filter((name) => !isSame(table[name]?.(before.config), table[name]?.(after.config)));
  const attributes = (view: Container): unknown => logConfigOf({ ...view, logFile: core.paths.log(view.id) });
  const ofLog = isSame(attributes(before), attributes(after)) ? [] : ['attributes of log lines'];
  return { live: differing(LIVE), anew: [...differing(ANEW), ...ofLog] };
}
