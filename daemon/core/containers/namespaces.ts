import { conflict, invalidArgument, messageOf, WherryError } from '../../../common/errors.ts';
import type { Container, NamespaceModes } from '../contract.ts';
import type { Core } from '../core.ts';

/** Processes in whose namespaces a container is started. */
export interface Donors {
  readonly ipc: number | undefined;
  readonly pid: number | undefined;
  readonly network?: number | undefined;
}

const CONTAINER = 'container:';

/** The container that a mode names; undefined for a mode of another kind. */
const namedBy = (mode: string): string | undefined =>
  mode.startsWith(CONTAINER) ? mode.slice(CONTAINER.length) : undefined;

/** Throws `invalid-argument` in docker's words. */
export function checkModes({ ipc, pid, uts, cgroup }: NamespaceModes): void {
  if (!['', 'none', 'private', 'host', 'shareable'].includes(ipc) && namedBy(ipc) === undefined)
    throw invalidArgument(`invalid IPC mode: ${ipc}`);
  if (pid !== '' && pid !== 'host' && (namedBy(pid) ?? '') === '')
    throw invalidArgument(`invalid PID mode: ${pid}`);
  if (uts !== '' && uts !== 'host') throw invalidArgument(`invalid UTS mode: ${uts}`);
  if (!['', 'private', 'host'].includes(cgroup))
    throw invalidArgument(`invalid cgroup namespace mode: ${cgroup}`);
}

/**
 * The modes as the container keeps them: others are named by their ids, so that a new name changes nothing. One that is not there is
 * found out at the start.
 */
export function settleModes(core: Core, modes: NamespaceModes, privileged: boolean): NamespaceModes {
  const byId = (mode: string): string => {
    const name = namedBy(mode);
    if (name === undefined) return mode;
    try {
      return `${CONTAINER}${core.table.find(name).id}`;
    } catch {
      return mode;
    }
  };
  return {
    ...modes,
    ipc: byId(modes.ipc),
    pid: byId(modes.pid),
    cgroup: modes.cgroup === '' ? defaultCgroupMode(core, privileged) : modes.cgroup,
  };
}

export function defaultCgroupMode({ host, config }: Core, privileged: boolean): string {
  const isVersion1 = host.cgroups.hierarchies.length > 0;
  if (privileged && isVersion1) return 'host';
  return config.cgroupnsMode ?? (isVersion1 ? 'host' : 'private');
}

/** Whether processes of the container outlive its first one: it has no pid namespace that would die with it. */
export const sharesPids = ({ config }: Pick<Container, 'config'>): boolean =>
  config.host.namespaces.pid !== '';

/** Throws with docker's codes and texts when a container that is to be joined can't be. */
export function findDonors(core: Core, { config }: Container): Donors {
  const { ipc, pid } = config.host.namespaces;
  return {
    ipc: wrapped('IPC', undefined, () => donorOf(core, namedBy(ipc), true)),
    // Docker joins it when it makes the specification, and every failure of that is an internal one.
    pid: wrapped('PID', 'internal', () => donorOf(core, namedBy(pid), false)),
  };
}

function donorOf(core: Core, name: string | undefined, isIpc: boolean): number | undefined {
  if (name === undefined) return undefined;
  let donor;
  try {
    donor = core.table.find(name);
  } catch (error) {
    throw invalidArgument(messageOf(error), { cause: error });
  }
  const { state, config } = donor.view;
  if (state.kind !== 'running' && state.kind !== 'paused') throw conflict(`container ${name} is not running`);
  const mode = config.host.namespaces.ipc;
  if (isIpc && (mode === 'private' || mode === 'none')) {
    throw invalidArgument(
      `container ${name}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
    );
  }
  return state.pid;
}

function wrapped<T>(what: string, code: 'internal' | undefined, find: () => T): T {
  try {
    return find();
  } catch (error) {
    if (!(error instanceof WherryError)) throw error;
    throw new WherryError(code ?? error.code, `failed to join ${what} namespace: ${error.message}`, {
      cause: error,
    });
  }
}
