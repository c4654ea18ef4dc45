import { mkdir } from 'node:fs/promises';
import { KeyedLocks } from '../../common/locks.ts';
import { workerPool } from '../../image/workers/pool.ts';
import { openContainerStore } from '../store/containers.ts';
import { openExecStore } from '../store/execs.ts';
import { openHealthStore } from '../store/health.ts';
import { makeContainerFiles } from './archive/files.ts';
import { createBackground } from './background.ts';
import { makeNetworkVerbs } from './connections/networks.ts';
import { ownRuntime } from '../../runtime/foreign/own.ts';
import { DOCKER_NAMESPACE } from '../../image/namespaces/docker.ts';
import type { Containerd } from './containerd/contract.ts';
import { openContainerd } from './containerd/open.ts';
import { makeContainers } from './containers/containers.ts';
import { STATS_INTERVAL_MS } from './containers/stats.ts';
import { createContainerTable, type Fixed } from './containers/table.ts';
import type { ContainerState, Engine, ExecCreateRequest } from './contract.ts';
import type { Core } from './core.ts';
import { stopAll } from './dependencies/stop-all.ts';
import { makeResolvers } from './dns/make.ts';
import { reclaimRegularly } from './disk/reclaim-timer.ts';
import { makeStorage } from './disk/storage.ts';
import { makeExecs } from './execs/execs.ts';
import { createExecTable } from './execs/table.ts';
import { makeHealth } from './health/make-keeper.ts';
import { createHealthTable } from './health/table.ts';
import { readHost } from './host.ts';
import { notedImages } from './images/noted.ts';
import { createOperations } from './operations/operations.ts';
import { openInfo } from './info.ts';
import type { EngineOptions } from './options.ts';
import { makeLogParts } from './log-drivers/forwarders.ts';
import { makePaths } from './paths.ts';
import { openPorts, readEphemeralRange } from './ports/ports.ts';
import { explainPorts } from './reach/explain.ts';
import { collect } from './recover/collect.ts';
import { findContainers, settleContainer } from './recover/containers.ts';
import { recoverExecs } from './recover/execs.ts';
import type { RestartRecord } from './restarts/contract.ts';
import { readBoot } from './restarts/boot.ts';
import { recoverTasks } from './recover/tasks.ts';
import { createTaskTable } from './tasks/table.ts';
import type { StoredProcess } from './tasks/process.ts';
import { openRows } from '../../image/namespaces/rows.ts';
import { resume } from './restarts/resume.ts';
import { restartNow } from './restarts/restart-now.ts';
import { createRestartTimers } from './restarts/timers.ts';
import { findInit } from './spec/init.ts';
import { createAccounts } from './spec/accounts.ts';
import { createSampler } from './stats/sampler.ts';
import { createSeccomp, PLAIN_CHOICE } from './spec/seccomp.ts';
import { makeVolumeRoot, openVolumeParts } from './volumes/open.ts';
import { settleVolumes } from './volumes/settle.ts';
import { makeVolumes } from './volumes/volumes.ts';

/** Of `docker cp` at once: a client that reads slowly holds one. */
const COPIERS = 16;

export interface OpenEngine extends Engine {
  readonly containerd: Containerd;
  /** Stops every container in the reverse order of their dependencies; the next daemon starts them by their policies. */
  stopAll(): Promise<void>;
  /** Lets go of every shim and waits for background work; containers go on. No request may come any more. */
  close(): Promise<void>;
}

/**
 * Opens the engine: reads its tables, finds every shim again, reconciles the networks with who lives, records the exits that
 * happened meanwhile, finishes what was interrupted and collects what nobody owns. Resolves when requests may come.
 */
export async function openEngine(options: EngineOptions): Promise<OpenEngine> {
  const { dirs } = options;
  const stores = openStores(options.db);
  const core = await makeCore(options, stores);
  await bringBack(core, stores, dirs.dataRoot);
  warmUp(core);
  const storage = makeStorage(core);
  const copiers = workerPool(COPIERS);
  const reclaiming = reclaimRegularly(core, storage);
  return {
    ...notedImages(core),
    storage,
    operations: core.operations,
    containers: makeContainers(core),
    files: makeContainerFiles(core, copiers),
    execs: makeExecs(core),
    networks: makeNetworkVerbs(core),
    explainPorts: (reference) => explainPorts(core, reference),
    volumes: makeVolumes(core.volumeParts, core.operations),
    events: core.events,
    containerd: openContainerd(core),
    info: await openInfo(core, dirs),
    stopAll: () => stopAll(core),
    close: async () => {
      reclaiming[Symbol.dispose]();
      await copiers.close();
      core.ports.close();
      core.dns.close();
      await close(core);
      await core.networks.close();
    },
  };
}

type Stores = ReturnType<typeof openStores>;

const openStores = (db: EngineOptions['db']) => ({
  containers: openContainerStore<Fixed, ContainerState, RestartRecord>(db),
  execs: openExecStore<ExecCreateRequest>(db),
});

async function makeCore(options: EngineOptions, stores: Stores): Promise<Core> {
  const { db, dirs, ...parts } = options;
  const kept = createHealthTable(openHealthStore(db), options.ctx.log);
  const ephemeral = await readEphemeralRange();
  const core: Core = {
    ...parts,
    table: createContainerTable(stores.containers),
    execTable: createExecTable(stores.execs),
    tasks: createTaskTable(openRows<StoredProcess>(db, 'task')),
    locks: new KeyedLocks(),
    removals: new Set(),
    background: createBackground(options.ctx),
    operations: createOperations(),
    volumeParts: openVolumeParts(db, {
      root: makePaths(dirs).volumes,
      plugins: options.config.pluginDirectories,
      core: () => core,
    }),
    ports: openPorts({ db, networks: options.networks, ephemeral, ...options.config.publishing }),
    dns: makeResolvers(() => core),
    health: makeHealth(kept, () => core),
    restartTimers: createRestartTimers((id) => restartNow(core, id)),
    ...makeLogParts(() => core),
    stats: createSampler(STATS_INTERVAL_MS),
    paths: makePaths(dirs),
    initProgram: findInit(options.config),
    ownRuntime: ownRuntime(),
    host: await readHost(),
    accounts: createAccounts(),
    seccompFor: createSeccomp(options.config.seccompProfile),
  };
  await makeDirectories(core);
  return core;
}

/** Makes what the tables say true again, and what the last daemon left undone done. */
async function bringBack(core: Core, stores: Stores, dataRoot: string): Promise<void> {
  const boot = await readBoot(dataRoot);
  const found = await findContainers(core, stores.containers);
  await settleVolumes(core.volumeParts, core.paths.volumes);
  core.health.recover();
  const pids = new Map(
    found.flatMap(({ entry, shim }) => (shim.kind === 'live' ? [[entry.id, shim.shim.pid] as const] : [])),
  );
  const live = [...pids.keys()];
  await core.networks.reconcile(core.ctx, new Set(live), (id) => pids.get(id));
  await core.ports.reconcile(
    core.ctx,
    live.flatMap((id) => core.networks.sandboxOf(id) ?? []),
  );
  await Promise.all(found.map((each) => settleContainer(core, each, boot.restarted)));
  await recoverExecs(core, stores.execs);
  await recoverTasks(core, boot.restarted);
  await collect(core);
  for (const entry of core.table.all()) core.forwarders.begin(entry);
  resume(core, boot);
}

async function makeDirectories({ paths }: Core): Promise<void> {
  await makeVolumeRoot(paths.volumes);
  await mkdir(paths.containers, { recursive: true, mode: 0o710 });
  await mkdir(paths.shims, { recursive: true, mode: 0o700 });
  await mkdir(paths.checkpoints, { recursive: true, mode: 0o700 });
  await mkdir(paths.staging, { recursive: true, mode: 0o700 });
  await mkdir(paths.runtime(DOCKER_NAMESPACE), { recursive: true, mode: 0o711 });
}

/** The first compilation loads libseccomp, 30 ms that the first container need not wait for. */
function warmUp({ seccompFor, ctx }: Core): void {
  setTimeout(() => {
    try {
      seccompFor(PLAIN_CHOICE);
    } catch (error) {
      ctx.log.error("Cannot compile the daemon's seccomp profile", { error });
    }
  }, 0).unref();
}

async function close(core: Core): Promise<void> {
  core.health.close();
  core.restartTimers.close();
  await core.background.settled();
  await core.forwarders.close();
  await core.volumeParts.workers.close();
  for (const { run, pending } of core.table.all()) {
    run?.shim.close();
    for (const { socket } of pending) socket.destroy();
  }
  for (const { shim } of core.execTable.all()) shim?.close();
  for (const { shim } of core.tasks.all()) shim?.close();
}
