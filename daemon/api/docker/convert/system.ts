import { VERSION } from '../../../../common/version.ts';
import type { Engine, EngineInfo } from '../../../core/contract.ts';
import { LOG_DRIVERS } from '../../../core/log-drivers/drivers.ts';
import type { Runtimes } from '../../../core/runtimes/contract.ts';
import { API_VERSION, differs, ENGINE_VERSION, MIN_API_VERSION, type ApiVersion } from '../versions.ts';
import { limitWarnings, showLimits } from './limits.ts';
import { showRegistries, type ShownRegistries } from './registry-config.ts';
import { statusOf, type Status } from './state.ts';

const ARCH: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
/** Go's name of this machine's architecture, as images and `version` use it. */
export const GO_ARCH = ARCH[process.arch] ?? process.arch;

/** Answer of `GET /version`. */
export function showVersion(engine: Engine): object {
  const { kernelVersion } = engine.info();
  const details = {
    ApiVersion: API_VERSION,
    Arch: GO_ARCH,
    BuildTime: '',
    Experimental: 'false',
    GitCommit: '',
    GoVersion: '',
    KernelVersion: kernelVersion,
    MinAPIVersion: MIN_API_VERSION,
    Os: 'linux',
  };
  return {
    Platform: { Name: `Wherry ${VERSION}` },
    Components: [
      { Name: 'Engine', Version: ENGINE_VERSION, Details: details },
      { Name: 'wherryd', Version: VERSION, Details: { NodeVersion: process.version } },
    ],
    Version: ENGINE_VERSION,
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    GitCommit: '',
    GoVersion: '',
    Os: 'linux',
    Arch: GO_ARCH,
    KernelVersion: kernelVersion,
    BuildTime: '',
  };
}

/** What `info` tells of the daemon beyond the engine. */
export interface DoorInfo {
  readonly debug: boolean;
  readonly logDriver: string;
  readonly cdiDirectories: readonly string[];
  readonly registries: ShownRegistries;
  /** Undefined: the built-in one; `unconfined`, or a path. */
  readonly seccompProfile: string | undefined;
  readonly hosts: readonly string[];
  /** Of the hosts at TCP addresses. */
  readonly tls: { readonly verify: boolean } | undefined;
}

const SIZE_LIMITS = { project: 'project quotas', loop: 'loop files' } as const satisfies Record<
  EngineInfo['sizeLimits']['volumes'],
  string
>;

/** Answer of `GET /info`. */
export function showInfo(engine: Engine, door: DoorInfo, version: ApiVersion): object {
  const info = engine.info();
  const warnings = [...doorWarnings(door), ...limitWarnings(info)];
  return {
    ID: info.id,
    ...containerCounts(engine),
    Images: engine.images.list().length,
    Driver: 'overlay2',
    DriverStatus: [
      ['Supports d_type', 'true'],
      ['Using metacopy', 'false'],
      ['Native Overlay Diff', 'true'],
      ['userxattr', 'false'],
      ['Container Sizes', SIZE_LIMITS[info.sizeLimits.containers]],
      ['Volume Sizes', SIZE_LIMITS[info.sizeLimits.volumes]],
    ],
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'cni', 'host', 'macvlan', 'null'],
      Authorization: null,
      Log: LOG_DRIVERS,
    },
    ...showLimits(info),
    Debug: door.debug,
    NFd: info.openFiles,
    NGoroutines: info.goroutines,
    SystemTime: new Date().toISOString(),
    LoggingDriver: door.logDriver,
    CgroupDriver: 'cgroupfs',
    CgroupVersion: info.cgroupVersion,
    NEventsListener: info.eventsListeners,
    KernelVersion: info.kernelVersion,
    OperatingSystem: info.operatingSystem,
    OSVersion: info.osVersion,
    OSType: 'linux',
    Architecture: info.architecture,
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: showRegistries(door.registries, version),
    NCPU: info.cpus,
    MemTotal: info.memoryBytes,
    GenericResources: null,
    DockerRootDir: info.dataRoot,
    ...NO_PROXY,
    Name: info.name,
    Labels: info.labels,
    ExperimentalBuild: false,
    ServerVersion: ENGINE_VERSION,
    Runtimes: { runc: { path: 'wherry' }, ...showRuntimes(info.runtimes) },
    DefaultRuntime: info.defaultRuntime,
    Swarm: NO_SWARM,
    /** Containers outlive every daemon. */
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: info.initBinary,
    ContainerdCommit: commit(version),
    RuncCommit: commit(version),
    InitCommit: commit(version),
    SecurityOptions: securityOptions(info, door.seccompProfile),
    ...(differs.showsFirewall(version) ? { FirewallBackend: { Driver: 'nftables' } } : {}),
    ...(differs.showsContainerFields(version) ? { BridgeNfIptables: false, BridgeNfIp6tables: false } : {}),
    CDISpecDirs: door.cdiDirectories,
    ...(differs.showsContainerd(version) ? { Containerd: containerd(info) } : {}),
    Warnings: warnings.length === 0 ? null : warnings,
  };
}

const securityOptions = (info: EngineInfo, seccompProfile = 'builtin'): string[] => [
  ...(info.hasAppArmor ? ['name=apparmor'] : []),
  `name=seccomp,profile=${seccompProfile}`,
  ...(info.ownCgroupNamespace ? ['name=cgroupns'] : []),
  ...(info.noNewPrivileges ? ['name=no-new-privileges'] : []),
];

/** Where its API is, and the namespace that docker's containers have there. */
const containerd = ({ execRoot }: EngineInfo): object => ({
  Address: `${execRoot}/containerd.sock`,
  Namespaces: { Containers: 'moby', Plugins: 'plugins.moby' },
});

const OPEN_DOOR = `
         Access to the remote API is equivalent to root access on the host. Refer
         to the 'Docker daemon attack surface' section in the documentation for
         more information: https://docs.docker.com/go/attack-surface/
In future versions this will be a hard failure preventing the daemon from starting! Learn more at: https://docs.docker.com/go/api-security/`;

/** Docker's words for who lets everybody in, and for a profile that is not its own. */
function doorWarnings({ hosts, tls, seccompProfile }: DoorInfo): string[] {
  const addresses = tls?.verify === true ? [] : hosts.filter((host) => host.startsWith('tcp://'));
  const [scheme, lack] =
    tls === undefined ? ['http', 'without encryption'] : ['https', 'without TLS client verification'];
  return [
    ...addresses.map(
      (host) =>
        `[DEPRECATION NOTICE]: API is accessible on ${scheme}://${host.slice('tcp://'.length)} ${lack}.${OPEN_DOOR}`,
    ),
    ...(seccompProfile === undefined ? [] : ['WARNING: daemon is not using the default seccomp profile']),
  ];
}

const showRuntimes = (runtimes: Runtimes): object =>
  Object.fromEntries(
    Object.entries(runtimes).map(([name, { path, args }]) => [
      name,
      { path, ...(args.length === 0 ? {} : { runtimeArgs: args }) },
    ]),
  );

/** What `--device` may name. */
export const showDevices = (names: readonly string[], version: ApiVersion): object =>
  names.length === 0 || !differs.showsDevices(version)
    ? {}
    : { DiscoveredDevices: names.map((ID) => ({ Source: 'cdi', ID })) };

const NO_PROXY = { HttpProxy: '', HttpsProxy: '', NoProxy: '' } as const;

function containerCounts(engine: Engine): object {
  const statuses = engine.containers.list().map(({ state }) => statusOf(state));
  const count = (wanted: Status): number => statuses.filter((status) => status === wanted).length;
  const [running, paused] = [count('running'), count('paused')];
  return {
    Containers: statuses.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: statuses.length - running - paused,
  };
}

const commit = (version: ApiVersion): object =>
  differs.showsFirewall(version) ? { ID: 'N/A' } : { ID: 'N/A', Expected: 'N/A' };

const NO_SWARM = {
  NodeID: '',
  NodeAddr: '',
  LocalNodeState: 'inactive',
  ControlAvailable: false,
  Error: '',
  RemoteManagers: null,
};
