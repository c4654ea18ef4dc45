import { makeCtx, type Ctx } from '../common/ctx.ts';
import { messageOf } from '../common/errors.ts';
import type { Log } from '../common/log.ts';
import { openDatabase, reserveLog } from '../common/sqlite.ts';
import { winstonLog } from '../common/winston-log.ts';
import { openImageStore } from '../image/store.ts';
import { createShimLauncher } from '../shim/launcher.ts';
import { createDockerApi, type DockerApi } from './api/docker/server.ts';
import { VERSION } from '../common/version.ts';
import { checkHost, formatChecks } from './check.ts';
import { makeConfig, type DaemonConfig } from './config.ts';
import { readConfigFile } from './config/file.ts';
import { helpText, parseFlags } from './config/flags.ts';
import type { Engine } from './core/contract.ts';
import { openEngine, type OpenEngine } from './core/engine.ts';
import { createEventBus, EVENT_BATCH_MS, type EventBus } from './core/events/bus.ts';
import { openNetworks } from './core/networks/networks.ts';
import { engineConfigOf } from './engine-config.ts';
import { imageEvents } from './image-events.ts';
import { lockDirectory } from './instance-lock.ts';
import { createLazyDoor } from './listen/lazy-door.ts';
import { listenOn } from './listen/listen.ts';
import { readTls } from './listen/tls.ts';
import { socketGroup } from './listen/group.ts';
import type { Metrics } from './metrics/metrics.ts';
import { serveMetrics } from './metrics/serve.ts';
import { openRegistries } from './registries.ts';
import { makeLive, reload } from './reload.ts';
import {
  askedToStop,
  databasePath,
  engineId,
  makeRoots,
  notify,
  onHangUp,
  requireHost,
  seccompProfile,
  writePidfile,
} from './serve.ts';
import { openEventStore } from './store/events.ts';
import { trimWhenIdle } from './trim.ts';

/** `wherryd`: wires the parts together and holds no logic. */
async function main(args: readonly string[]): Promise<number> {
  const { verb, configFile, values } = parseFlags(args);
  switch (verb) {
    case 'help':
      process.stdout.write(helpText());
      return 0;
    case 'version':
      process.stdout.write(`wherryd version ${VERSION}\n`);
      return 0;
    case 'check': {
      const checks = await checkHost();
      process.stdout.write(formatChecks(checks));
      return checks.some(({ state }) => state === 'missing') ? 1 : 0;
    }
    case 'validate':
      makeConfig(await readConfigFile(configFile), values);
      process.stdout.write('configuration OK\n');
      return 0;
    case 'serve':
      await serve(async () => makeConfig(await readConfigFile(configFile), values));
      return 0;
  }
}

async function serve(read: () => Promise<DaemonConfig>): Promise<void> {
  const live = makeLive(await read());
  const { config } = live;
  // From here on it ends no daemon that is not ready yet.
  const hangUp = onHangUp();
  const log = winstonLog({ level: config.logLevel, format: config.logFormat, stream: process.stderr });
  for (const fields of config.ignored) log.warn('An option changes nothing here', fields);
  const ctx = makeCtx(log);
  const stop = askedToStop(ctx);
  await requireHost();
  const gid = await socketGroup(config.group);
  const profile = await seccompProfile(config.seccompProfile);
  await makeRoots(config);
  const { dataRoot, execRoot } = config;
  await using _data = await lockDirectory(dataRoot, 'data root');
  await using _exec = await lockDirectory(execRoot, 'exec root');
  await using _pidfile = await writePidfile(config.pidfile);
  await using parts = new AsyncDisposableStack();

  const db = parts.adopt(openDatabase(await databasePath(dataRoot)), (database) => database.close());
  await reserveLog(db);
  const events = parts.adopt(await openEvents(parts, { dataRoot, log }), (bus) => bus.close());
  const transfers = openRegistries(() => config.registries);
  parts.defer(() => transfers.registry.close());
  const store = await openImageStore({
    ...{ dataRoot, db, log, transfers },
    onEvent: imageEvents(events),
    storagePatienceMs: config.storagePatienceMs,
    ...{ unpackLimits: config.unpackLimits, dropBlobs: config.dropBlobs },
  });
  parts.defer(() => store.close());
  const id = await engineId(dataRoot);
  const engine = await openEngine({
    ...{ ctx, db, events },
    dirs: { dataRoot, execRoot },
    config: engineConfigOf(config, { id, profile }),
    launcher: createShimLauncher(),
    ...{ images: store.images, transfers: store.transfers, archives: store.archives },
    disk: store.disk,
    snapshots: store.snapshots,
    loops: store.loops,
    namespaced: store.namespaced,
    networks: openNetworks({ db, config: config.networks, dirs: { execRoot } }),
  });
  parts.defer(() => engine.close());
  const metrics = config.metricsAddress === undefined ? undefined : await measured(ctx, engine);
  const door = metrics?.engine ?? engine;
  const api = await createDockerApi({ engine: door, ctx, defaults: config, info: config });
  parts.defer(() => api.close());
  parts.use(await listenContainerd(engine, { execRoot, log }));
  await listen(api, config, { gid, log });
  if (config.metricsAddress !== undefined && metrics !== undefined)
    parts.use(await serveMetrics(config.metricsAddress, metrics));

  log.info('Listening', { hosts: config.hosts, dataRoot, pid: process.pid });
  process.stdout.write(`wherryd ${VERSION} is listening on ${config.hosts.join(', ')}\n`);
  using _trim = trimWhenIdle();
  notify(log, 'READY=1');
  hangUp.serve(async () => {
    notify(log, 'RELOADING=1');
    await reload({ live, read, log, events, id });
    notify(log, 'READY=1');
  });
  await stop;
  notify(log, 'STOPPING=1');
  if (config.shutdownContainers) await engine.stopAll();
}

/** The journal is a database of its own: what it writes waits for nobody. */
async function openEvents(
  parts: AsyncDisposableStack,
  { dataRoot, log }: { readonly dataRoot: string; readonly log: Log },
): Promise<EventBus> {
  const journal = parts.adopt(openDatabase(await databasePath(dataRoot, 'events.db')), (database) =>
    database.close(),
  );
  return createEventBus({ store: openEventStore(journal), log, batchMs: EVENT_BATCH_MS });
}

async function listen(
  api: DockerApi,
  { hosts, tls: configured, plainTcp }: DaemonConfig,
  { gid, log }: { readonly gid: number; readonly log: Log },
): Promise<void> {
  const tls = configured === undefined ? undefined : await readTls(configured);
  for (const host of hosts) {
    const isTcp = host.startsWith('tcp:');
    await listenOn(() => api.createServer(isTcp ? tls : undefined), host, { gid, plainTcp });
    if (isTcp && tls === undefined)
      log.warn('Whoever reaches this address is root on this machine', { host });
  }
}

/** Most daemons never meet a client of containerd's API: it is loaded for the first. */
async function listenContainerd(
  engine: OpenEngine,
  { execRoot, log }: { readonly execRoot: string; readonly log: Log },
): Promise<Disposable> {
  const door = createLazyDoor(log, async () => {
    const { createContainerdApi } = await import('./api/containerd/server.ts');
    return createContainerdApi({ engine, log, containerd: engine.containerd });
  });
  await listenOn(() => door.server, `unix://${execRoot}/containerd.sock`, {
    gid: undefined,
    plainTcp: false,
  });
  return door;
}

/** Loaded by those who want it only. */
async function measured(ctx: Ctx, engine: Engine): Promise<Metrics> {
  const { makeMetrics } = await import('./metrics/metrics.ts');
  return makeMetrics(ctx, engine);
}

let code = 1;
try {
  code = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`wherryd: ${messageOf(error)}\n`);
}
// The spawner's threads and streams to clients would keep a finished daemon alive.
process.exit(code);
