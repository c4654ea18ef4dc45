import { conflict, internal, type WherryError } from '../../../common/errors.ts';
import type { Resources } from '../../spec.ts';
import type { SystemdUnit } from '../contract.ts';
import { isUnified, type CgroupLayout } from '../layout.ts';
import { annotatedProperties } from './annotations.ts';
import { BUS, BusError, connectBus, systemdSocket, type BusConnection } from './connection.ts';
import { resourceProperties, type Property } from './properties.ts';
import { textOf, variant, type BusValue, type Message, type Variant } from './wire.ts';

const MANAGER = {
  destination: 'org.freedesktop.systemd1',
  path: '/org/freedesktop/systemd1',
  interface: 'org.freedesktop.systemd1.Manager',
} as const;
const JOB_TIMEOUT_MS = 30_000;

/** A container for whom systemd keeps a unit. */
export interface UnitRequest {
  readonly unit: SystemdUnit;
  /** The container's name in the unit's description. */
  readonly id: string;
  /** Moved into the unit's cgroup. */
  readonly pid: number;
  readonly layout: CgroupLayout;
  readonly resources: Resources;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  /** Told of limits that can't be said to systemd. */
  readonly warn?: (message: string) => void;
}

/** systemd, as far as containers need it. A connection; close it. */
export interface Systemd {
  /** Makes the unit, a scope or a slice, and resolves when the process is in it. A failed unit of that name is cleared first. */
  start(request: UnitRequest): Promise<void>;
  /** Tells of changed limits. */
  update(request: Pick<UnitRequest, 'unit' | 'layout' | 'resources' | 'warn'>): Promise<void>;
  /** Stops the unit and resolves when it is gone; one that is not there is no error. */
  stop(unit: SystemdUnit): Promise<void>;
  close(): void;
}

/** Whether systemd runs this host (man 3 sd_booted) is for the caller to find out. `at` is for tests. */
export async function connectSystemd(options: {
  readonly isRootless: boolean;
  readonly at?: ReturnType<typeof systemdSocket>;
}): Promise<Systemd> {
  const at = options.at ?? systemdSocket(options.isRootless);
  const bus = await connectBus(at);
  if (at.isBus) {
    const match = `type='signal',interface='${MANAGER.interface}',member='JobRemoved'`;
    await bus.call({ ...BUS, member: 'AddMatch', signature: 's', body: [match] });
    await bus.call({ ...MANAGER, member: 'Subscribe' });
  }
  const version = await versionOf(bus);
  return {
    start: async (request) => startUnit(bus, request.unit, unitProperties(request, version)),
    update: async ({ unit, ...limits }) => {
      const properties = resourceProperties({ ...limits, version });
      const body = [unit.name, true, shown(properties)];
      await bus.call({ ...MANAGER, member: 'SetUnitProperties', signature: 'sba(sv)', body });
    },
    stop: async (unit) => stopUnit(bus, unit),
    close: () => bus.close(),
  };
}

async function versionOf(bus: BusConnection): Promise<number> {
  const [value] = await bus.call({
    ...MANAGER,
    interface: 'org.freedesktop.DBus.Properties',
    member: 'Get',
    signature: 'ss',
    body: [MANAGER.interface, 'Version'],
  });
  return Number(/\d+/.exec(textOf((value as Variant).value))?.[0] ?? 0);
}

const shown = (properties: readonly Property[]): BusValue[] =>
  properties.map(([name, value]) => [name, value]);

/** OOMPolicy can be said from this version on, and only when the unit is made. */
const OOM_POLICY_VERSION = 253;

function unitProperties(request: UnitRequest, version: number): Property[] {
  const { unit, id, pid, layout, resources, annotations, warn } = request;
  const isSlice = unit.name.endsWith('.slice');
  const group = resources.unified?.['memory.oom.group']?.trim();
  const policy = group === '1' ? 'kill' : 'continue';
  const yes = variant('b', true);
  return [
    ['Description', variant('s', `libcontainer container ${id}`)],
    ...(isSlice
      ? [['Wants', variant('as', [unit.slice])] as const]
      : [
          ['Slice', variant('s', unit.slice)] as const,
          ['Delegate', yes] as const,
          ['PIDs', variant('au', [pid])] as const,
        ]),
    ['MemoryAccounting', yes],
    ['CPUAccounting', yes],
    [isUnified(layout) ? 'IOAccounting' : 'BlockIOAccounting', yes],
    ['TasksAccounting', yes],
    ['DefaultDependencies', variant('b', false)],
    ...annotatedProperties(annotations),
    ...(group === undefined || version < OOM_POLICY_VERSION
      ? []
      : [['OOMPolicy', variant('s', policy)] as const]),
    ...resourceProperties({ layout, resources, version, warn }),
  ];
}

async function startUnit(
  bus: BusConnection,
  unit: SystemdUnit,
  properties: readonly Property[],
): Promise<void> {
  const body = [unit.name, 'replace', shown(properties), []];
  const start = async (): Promise<string> =>
    job(bus, { member: 'StartTransientUnit', signature: 'ssa(sv)a(sa(sv))', body });
  let result: string;
  try {
    result = await start();
  } catch (error) {
    if (!isBusError(error, 'UnitExists')) throw explained(unit, error);
    // What is left of one that failed.
    await reset(bus, unit);
    try {
      result = await start();
    } catch (again) {
      throw explained(unit, again);
    }
  }
  if (result === 'done') return;
  await reset(bus, unit);
  throw internal(`error creating systemd unit \`${unit.name}\`: got \`${result}\``);
}

const isBusError = (error: unknown, name: string): boolean =>
  error instanceof BusError && error.busName.endsWith(`.${name}`);

const explained = (unit: SystemdUnit, error: unknown): WherryError => {
  const message = `unable to start unit "${unit.name}": ${error instanceof Error ? error.message : String(error)}`;
  return isBusError(error, 'UnitExists')
    ? conflict(message, { cause: error })
    : internal(message, { cause: error });
};

async function stopUnit(bus: BusConnection, unit: SystemdUnit): Promise<void> {
  try {
    await job(bus, { member: 'StopUnit', signature: 'ss', body: [unit.name, 'replace'] });
  } catch (error) {
    if (!isBusError(error, 'NoSuchUnit')) throw error;
  }
  await reset(bus, unit);
}

/** Lets systemd forget a failed unit. One that did not fail is not there any more, which is as well. */
async function reset(bus: BusConnection, unit: SystemdUnit): Promise<void> {
  await bus
    .call({ ...MANAGER, member: 'ResetFailedUnit', signature: 's', body: [unit.name] })
    .catch(() => undefined);
}

/** Starts a job and waits for its end: `done`, `failed`, `timeout`, ... It may end before its name is known. */
async function job(
  bus: BusConnection,
  call: { readonly member: string; readonly signature: string; readonly body: readonly BusValue[] },
): Promise<string> {
  const results = new Map<string, string>();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let wanted: string | undefined;
  const off = bus.onSignal((signal: Message) => {
    if (signal.member !== 'JobRemoved' || signal.interface !== MANAGER.interface) return;
    const [, path, , result] = signal.body;
    results.set(textOf(path), textOf(result));
    if (path === wanted) resolve(textOf(result));
  });
  const timer = setTimeout(
    () => reject(internal(`Timeout waiting for systemd: ${call.member} ${textOf(call.body[0])}`)),
    JOB_TIMEOUT_MS,
  );
  try {
    const [path] = await bus.call({ ...MANAGER, ...call });
    wanted = textOf(path);
    const result = results.get(wanted);
    return result ?? (await promise);
  } finally {
    off();
    clearTimeout(timer);
  }
}
