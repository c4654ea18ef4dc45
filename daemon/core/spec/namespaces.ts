import type { Linux, NamespaceType } from '../../../runtime/spec.ts';
import type { Donors } from '../containers/namespaces.ts';
import type { NamespaceModes } from '../contract.ts';

type Namespaces = Linux['namespaces'];

/** Names below /proc/<pid>/ns/ that are not the type's. */
const FILES: Partial<Record<NamespaceType, string>> = { network: 'net' };

/** The namespaces of a container: `own` without what it shares with the host, and by path what it shares with others. Pure. */
export function chooseNamespaces(own: Namespaces, modes: NamespaceModes, donors: Donors): Namespaces {
  const shared = new Set<NamespaceType>([
    ...(modes.ipc === 'host' ? (['ipc'] as const) : []),
    ...(modes.pid === 'host' ? (['pid'] as const) : []),
    ...(modes.uts === 'host' ? (['uts'] as const) : []),
    ...(modes.cgroup === 'host' ? (['cgroup'] as const) : []),
  ]);
  const joined: Partial<Record<NamespaceType, number | undefined>> = {
    ipc: donors.ipc,
    pid: donors.pid,
    network: donors.network,
  };
  return own
    .filter(({ type }) => !shared.has(type))
    .map((namespace) => {
      const pid = joined[namespace.type];
      return pid === undefined
        ? namespace
        : { ...namespace, path: `/proc/${pid}/ns/${FILES[namespace.type] ?? namespace.type}` };
    });
}
