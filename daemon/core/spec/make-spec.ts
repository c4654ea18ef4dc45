import { defaultSpec, DEFAULT_PATH } from '../../../runtime/default-spec.ts';
import { chooseCapabilities } from '../../../runtime/security/capabilities.ts';
import type { Device, Mount, Process, Spec } from '../../../runtime/spec.ts';
import type { ResolvedUser } from '../../../runtime/user.ts';
import { overrideEnv } from '../containers/merge.ts';
import type { Donors } from '../containers/namespaces.ts';
import type { Container, HostOptions } from '../contract.ts';
import type { DeviceEdits } from '../cdi/contract.ts';
import { editSpec } from './edit-spec.ts';
import type { BlkioNumbers } from './blkio.ts';
import type { GrantedDevices } from './devices.ts';
import { initArgs } from './init-form.ts';
import { makeMounts, pointMount, rootPropagation } from './mounts.ts';
import { chooseNamespaces } from './namespaces.ts';
import { makeResources } from './resources.ts';
import { parseSecurityOptions } from './security.ts';

/** What had to be looked up for a specification. */
export interface SpecFacts {
  readonly user: ResolvedUser;
  readonly granted: GrantedDevices;
  /** Every device of the host, for a privileged container. */
  readonly hostDevices: readonly Device[];
  readonly cgroupsPath: string;
  /** False for the host's network. */
  readonly ownNetwork: boolean;
  readonly cpus: number;
  /** What the daemon may do itself. */
  readonly capabilities: readonly string[];
  /** On the host; undefined: the container's program is its first process. */
  readonly initFile: string | undefined;
  /** The daemon's default. */
  readonly noNewPrivileges: boolean;
  /** Whose namespaces it joins. */
  readonly donors: Donors;
  readonly blkioDevices: BlkioNumbers;
  readonly hasAppArmor: boolean;
  /** Of devices that are asked for by name. */
  readonly edits: DeviceEdits;
}

/** Docker lets everybody ping and bind low ports in a network namespace of its own. */
const NETWORK_SYSCTLS = {
  'net.ipv4.ping_group_range': '0 2147483647',
  'net.ipv4.ip_unprivileged_port_start': '0',
};

/** The OCI configuration of a container. Pure. Throws `invalid-argument` for options that can't be honoured. */
export const makeSpec = (container: Container, facts: SpecFacts): Spec =>
  editSpec(plainSpec(container, facts), facts.edits);

function plainSpec(container: Container, facts: SpecFacts): Spec {
  const { config } = container;
  const { host } = config;
  const security = parseSecurityOptions(host.securityOpt, facts.noNewPrivileges);
  const base = defaultSpec({
    capabilities: capabilitiesFor(host, facts.capabilities),
    privileged: host.privileged,
    shmSizeBytes: host.shmSizeBytes,
    ownNetwork: facts.ownNetwork,
    cpus: facts.cpus,
  });
  const propagation = rootPropagation(container.mounts);
  return {
    ...base,
    process: {
      ...base.process,
      ...processOf(container, facts),
      noNewPrivileges: security.noNewPrivileges,
      ...(facts.hasAppArmor && security.appArmor !== undefined ? { apparmorProfile: security.appArmor } : {}),
    },
    root: { ...base.root, readonly: host.readonlyRootfs },
    ...(host.namespaces.uts === 'host' ? {} : { hostname: config.hostname, domainname: config.domainname }),
    ...(isEmpty(host.annotations) ? {} : { annotations: { ...host.annotations } }),
    mounts: makeMounts(withCgroups(base.mounts, security.writableCgroups), host, {
      points: container.mounts.map((point) => pointMount(point, facts.user)),
      files: {
        hosts: container.hostsPath,
        hostname: container.hostnamePath,
        resolvConf: container.resolvConfPath,
        init: facts.initFile,
      },
    }),
    linux: {
      ...base.linux,
      ...(host.maskedPaths === undefined ? {} : { maskedPaths: [...host.maskedPaths] }),
      ...(host.readonlyPaths === undefined ? {} : { readonlyPaths: [...host.readonlyPaths] }),
      namespaces: chooseNamespaces(base.linux.namespaces, host.namespaces, facts.donors),
      ...(propagation === undefined ? {} : { rootfsPropagation: propagation }),
      devices: [...(base.linux.devices ?? []), ...facts.hostDevices, ...facts.granted.devices],
      cgroupsPath: facts.cgroupsPath,
      resources: makeResources(
        host.resources,
        [...(base.linux.resources?.devices ?? []), ...(host.privileged ? [] : facts.granted.rules)],
        facts.blkioDevices,
      ),
      sysctl: { ...(facts.ownNetwork ? NETWORK_SYSCTLS : {}), ...host.sysctls },
    },
  };
}

/** Given, the option wins over what a privileged container has. */
function withCgroups(mounts: readonly Mount[], writable: boolean | undefined): readonly Mount[] {
  if (writable === undefined) return mounts;
  return mounts.map((mount) => {
    if (mount.type !== 'cgroup') return mount;
    const others = (mount.options ?? []).filter((option) => option !== 'ro');
    return { ...mount, options: writable ? others : ['ro', ...others] };
  });
}

const isEmpty = (map: object): boolean => Object.keys(map).length === 0;

/** All means all that there are for us, as docker has it; what is asked for by name is not left out silently. */
function capabilitiesFor(
  { capAdd, capDrop, privileged }: HostOptions,
  available: readonly string[],
): readonly string[] {
  const chosen = chooseCapabilities({ add: capAdd, drop: capDrop, privileged });
  const all = privileged || capAdd.some((name) => /^(?:cap_)?all$/i.test(name));
  return all ? chosen.filter((name) => available.includes(name)) : chosen;
}

function processOf(
  { config, path, args }: Container,
  { user, initFile }: SpecFacts,
): Partial<Process> & Pick<Process, 'args'> {
  const { host, consoleSize, tty } = config;
  return {
    ...(tty ? { terminal: true } : {}),
    ...(tty && consoleSize !== undefined
      ? { consoleSize: { height: consoleSize.rows, width: consoleSize.columns } }
      : {}),
    user: processUser(user),
    args: initFile === undefined ? [path, ...args] : initArgs([path, ...args]),
    env: processEnv({ hostname: config.hostname, tty, own: config.env, home: user.home }),
    cwd: config.workingDir === '' ? '/' : config.workingDir,
    rlimits: host.ulimits.map(({ name, soft, hard }) => ({
      type: `RLIMIT_${name.toUpperCase()}`,
      soft,
      hard,
    })),
    oomScoreAdj: host.oomScoreAdj,
  };
}

export const processUser = ({ uid, gid, additionalGids }: ResolvedUser): Process['user'] => ({
  uid,
  gid,
  additionalGids: [...additionalGids],
});

/** Docker's variables, then the container's own in their place, then HOME as the runtime sets it. */
export function processEnv(from: {
  readonly hostname: string;
  readonly tty: boolean;
  readonly own: readonly string[];
  readonly home: string;
}): string[] {
  const base = [`PATH=${DEFAULT_PATH}`, `HOSTNAME=${from.hostname}`, ...(from.tty ? ['TERM=xterm'] : [])];
  const env = overrideEnv(base, from.own);
  return env.some((variable) => variable.startsWith('HOME=')) ? env : [...env, `HOME=${from.home}`];
}
