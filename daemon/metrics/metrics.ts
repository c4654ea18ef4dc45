import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { VERSION } from '../../common/version.ts';
import type { Ctx } from '../../common/ctx.ts';
import type { Container, Containers, Engine, Events } from '../core/contract.ts';

/** docker's buckets of an action's seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface Metrics {
  /** An engine that counts what is asked of it. */
  readonly engine: Engine;
  /** In prometheus' text format. */
  text(): Promise<string>;
  readonly contentType: string;
}

/**
 * The daemon's metrics under docker's names (`engine_daemon_...`, moby's daemon/metrics.go) and our own (`wherry_...`), besides those
 * of the process. `ctx` is of the daemon's life.
 */
export function makeMetrics(ctx: Ctx, engine: Engine): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  describeHost(registry, engine);
  describeContainers(registry, engine);
  countEvents(registry, engine, ctx);
  return {
    engine: { ...engine, containers: timed(registry, engine.containers) },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function describeHost(registry: Registry, engine: Engine): void {
  const { architecture, kernelVersion, operatingSystem, cpus, memoryBytes, id } = engine.info();
  const labels = {
    architecture,
    commit: '',
    daemon_id: id,
    graphdriver: 'overlay2',
    kernel: kernelVersion,
    os: operatingSystem,
    os_type: 'linux',
    version: VERSION,
  };
  gauge(registry, 'engine_daemon_engine_info', {
    help: 'The version of the engine, and what it runs on',
    labelNames: Object.keys(labels),
  }).set(labels, 1);
  gauge(registry, 'engine_daemon_engine_cpus_cpus', { help: 'Processors of the host' }).set(cpus);
  gauge(registry, 'engine_daemon_engine_memory_bytes', { help: 'Memory of the host' }).set(memoryBytes);
}

function describeContainers(registry: Registry, engine: Engine): void {
  gauge(registry, 'engine_daemon_container_states_containers', {
    help: 'Containers in each state',
    labelNames: ['state'],
    collect() {
      const counts = { running: 0, paused: 0, stopped: 0 };
      for (const container of engine.containers.list()) counts[stateOf(container)] += 1;
      for (const [state, count] of Object.entries(counts)) this.set({ state }, count);
    },
  });
  gauge(registry, 'wherry_images', {
    help: 'Images in the store',
    collect() {
      this.set(engine.images.list().length);
    },
  });
  gauge(registry, 'wherry_background_jobs', {
    help: 'Work that nobody waits for',
    collect() {
      this.set(engine.info().goroutines);
    },
  });
}

const stateOf = ({ state }: Container): 'running' | 'paused' | 'stopped' =>
  state.kind === 'running' || state.kind === 'paused' ? state.kind : 'stopped';

function countEvents(registry: Registry, engine: Engine, ctx: Ctx): void {
  const total = new Counter({
    name: 'engine_daemon_events_total',
    help: 'Events that were published',
    registers: [registry],
  });
  gauge(registry, 'engine_daemon_events_subscribers_total', {
    help: 'Who listens to events',
    collect() {
      // Without ourselves.
      this.set(Math.max(0, engine.info().eventsListeners - 1));
    },
  });
  void count(ctx, engine.events, () => total.inc()).catch((error: unknown) =>
    ctx.log.debug('The events are not counted any more', { error }),
  );
}

async function count(ctx: Ctx, events: Events, each: () => void): Promise<void> {
  const ahead = { sinceNs: undefined, untilNs: undefined };
  for await (const _event of events.subscribe(ctx, ahead)) each();
}

/** Docker's names of what is timed. */
const ACTIONS = {
  create: 'create',
  start: 'start',
  remove: 'delete',
  commit: 'commit',
  changes: 'changes',
} as const satisfies Partial<Record<keyof Containers, string>>;

function timed(registry: Registry, containers: Containers): Containers {
  const seconds = new Histogram({
    name: 'engine_daemon_container_actions_seconds',
    help: 'How long an action on a container takes',
    labelNames: ['action'],
    buckets: BUCKETS,
    registers: [registry],
  });
  const verbs = Object.entries(ACTIONS).map(([verb, action]) => {
    seconds.zero({ action });
    const run = containers[verb as keyof typeof ACTIONS] as (...args: unknown[]) => Promise<unknown>;
    const measured = async (...args: unknown[]): Promise<unknown> => {
      const done = seconds.startTimer({ action });
      const result = await run(...args);
      // Docker's timers don't count what fails either.
      done();
      return result;
    };
    return [verb, measured] as const;
  });
  return { ...containers, ...Object.fromEntries(verbs) };
}

type GaugeOptions = { help: string; labelNames?: string[]; collect?: (this: Gauge) => void };

const gauge = (registry: Registry, name: string, options: GaugeOptions): Gauge =>
  new Gauge({ name, registers: [registry], ...options });
