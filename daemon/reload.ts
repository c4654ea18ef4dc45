import { hostname } from 'node:os';
import type { Log } from '../common/log.ts';
import type { DaemonConfig } from './config.ts';
import type { Events } from './core/contract.ts';

/** What follows a reload, as far as docker reloads it: the rest is as it was at the start. */
const RELOADED = [
  'debug',
  'logLevel',
  'labels',
  'registries',
  'shutdownTimeoutS',
  'features',
  'runtimes',
  'defaultRuntime',
] as const satisfies (keyof DaemonConfig)[];

/** The configuration as it is now. */
export interface LiveConfig {
  /** Its reloaded properties change; whoever holds it sees that. */
  readonly config: DaemonConfig;
  /** Takes over what of it follows a reload. */
  take(next: DaemonConfig): void;
}

export function makeLive(start: DaemonConfig): LiveConfig {
  let now = start;
  const getters = RELOADED.map((key) => [key, { get: () => now[key], enumerable: true }] as const);
  return {
    config: Object.defineProperties({ ...start }, Object.fromEntries(getters)),
    take: (next) => (now = next),
  };
}

export interface ReloadParts {
  readonly live: LiveConfig;
  /** Reads the file anew; the flags stay. */
  readonly read: () => Promise<DaemonConfig>;
  readonly log: Log & { setLevel(level: DaemonConfig['logLevel']): void };
  readonly events: Pick<Events, 'publish'>;
  /** Actor of the event. */
  readonly id: string;
}

/** Docker's SIGHUP: reads the file anew. A file that can't be used changes nothing, and is only logged. Never throws. */
export async function reload({ live, read, log, events, id }: ReloadParts): Promise<void> {
  try {
    live.take(await read());
  } catch (error) {
    log.error('Cannot reload the configuration, it stays as it was', { error });
    return;
  }
  const { config } = live;
  log.setLevel(config.logLevel);
  log.info('The configuration is reloaded', {
    debug: config.debug,
    labels: config.labels,
    registries: config.registries,
  });
  events.publish({ type: 'daemon', action: 'reload', actorId: id, attributes: attributesOf(config) });
}

/** Docker's: a text for each option that it reloads. */
function attributesOf({
  debug,
  labels,
  registries,
  shutdownTimeoutS,
  features,
  runtimes,
  defaultRuntime,
}: DaemonConfig): Record<string, string> {
  return {
    debug: String(debug),
    features: JSON.stringify(features),
    'insecure-registries': JSON.stringify(registries.insecure),
    labels: JSON.stringify(labels),
    'live-restore': 'true',
    'max-concurrent-downloads': String(registries.maxDownloads),
    'max-concurrent-uploads': String(registries.maxUploads),
    'max-download-attempts': String(registries.attempts),
    name: hostname(),
    'registry-mirrors': JSON.stringify(registries.mirrors.map((mirror) => `${mirror}/`)),
    'default-runtime': defaultRuntime,
    runtimes: Object.entries(runtimes)
      .map(([name, { path }]) => `${name}:${path}`)
      .join(' '),
    'shutdown-timeout': String(shutdownTimeoutS),
  };
}
