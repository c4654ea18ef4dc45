import { invalidArgument } from '../../../../common/errors.ts';
import type { CreateRequest, HostOptions, HostResources } from '../../../core/contract.ts';
import { fromDocker } from '../../../core/health/docker-form.ts';
import { differs, type ApiVersion } from '../versions.ts';
import type { CreateBody } from '../wire/create.ts';
import type { HostConfig } from '../wire/host-config.ts';
import { shownHostConfig } from './shown-host-config.ts';
import { bindsOf, checkMounts, imageMountsOf, tmpfsOf, volumesOf } from './mounts.ts';
import {
  blkioDevices,
  checkForms,
  checkTmpfs,
  deviceRequests,
  isolationOf,
  rootSizeOf,
} from './host-forms.ts';
import { isRuntime, type Runtimes } from '../../../core/runtimes/contract.ts';
import { NO_SETTINGS } from '../../../core/networks/types.ts';
import { toEndpointSettings } from './endpoint-settings.ts';
import { toRestartPolicy } from './restart-policy.ts';

/** What the daemon's configuration fills in where a request says nothing. */
export interface CreateDefaults {
  readonly logDriver: string;
  readonly logOptions: Readonly<Record<string, string>>;
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly shmSizeBytes: number;
  readonly ipcMode: string;
  readonly runtimes: Runtimes;
  readonly defaultRuntime: string;
}

/** The domain's request. Throws `invalid-argument` for what docker refuses and `not-implemented` for what we don't do yet. */
export function toCreateRequest(
  body: CreateBody,
  name: string | undefined,
  client: { readonly version: ApiVersion; readonly defaults: CreateDefaults },
): CreateRequest {
  return {
    name: name?.replace(/^\//, ''),
    image: body.Image ?? '',
    entrypoint: entrypoint(body),
    cmd: toList(body.Cmd),
    env: body.Env ?? [],
    user: body.User ?? '',
    workingDir: body.WorkingDir ?? '',
    hostname: body.Hostname ?? '',
    domainname: body.Domainname ?? '',
    labels: body.Labels ?? {},
    tty: body.Tty ?? false,
    openStdin: body.OpenStdin ?? false,
    stdinOnce: body.StdinOnce ?? false,
    attachStdin: body.AttachStdin ?? false,
    attachStdout: body.AttachStdout ?? false,
    attachStderr: body.AttachStderr ?? false,
    stopSignal: body.StopSignal === '' ? undefined : body.StopSignal,
    stopTimeoutS: body.StopTimeout,
    healthcheck: healthcheck(body, client.version),
    exposedPorts: emptyValues(body.ExposedPorts),
    kept: {
      shell: body.Shell,
      onBuild: body.OnBuild,
      argsEscaped: body.ArgsEscaped ?? false,
      networkDisabled: body.NetworkDisabled ?? false,
    },
    volumes: emptyValues(body.Volumes),
    consoleSize: consoleSize(body.HostConfig?.ConsoleSize, client.version),
    networks: body.NetworkDisabled === true ? {} : networks(body),
    host: toHostOptions(body, client),
  };
}

function toHostOptions(
  body: CreateBody,
  { version, defaults }: { version: ApiVersion; defaults: CreateDefaults },
): HostOptions {
  const host = body.HostConfig ?? {};
  checkMounts(host);
  checkForms(host);
  checkTmpfs(host);
  const options = {
    // A namespace of its own in which there is nothing, is what `none` is.
    networkMode: body.NetworkDisabled === true ? 'none' : networkMode(host),
    portBindings: host.PortBindings ?? {},
    publishAllPorts: host.PublishAllPorts ?? false,
    links: host.Links ?? [],
    runtime: runtimeOf(host, defaults),
    autoRemove: differs.removesItself(version) && (host.AutoRemove ?? false),
    restartPolicy: toRestartPolicy(host.RestartPolicy, body.Labels ?? {}),
    init: host.Init ?? undefined,
    binds: bindsOf(host),
    volumes: volumesOf(host),
    imageMounts: imageMountsOf(host),
    volumesFrom: host.VolumesFrom ?? [],
    volumeDriver: host.VolumeDriver ?? '',
    tmpfs: tmpfsOf(host),
    ...privilegesOf(host),
    ...namesOf(host),
    shmSizeBytes: shmSize(host, defaults),
    sysctls: host.Sysctls ?? {},
    ulimits: ulimits(host, defaults),
    oomScoreAdj: host.OomScoreAdj ?? 0,
    ...isolationOf(host, version, defaults.ipcMode),
    deviceRequests: deviceRequests(host),
    ...logging(host, defaults),
    resources: toResources(host, version),
    rootSizeBytes: rootSizeOf(host),
  };
  return { ...options, raw: shownHostConfig(host, options, version) };
}

/** One of containerd's, by its path or as a shim, is nobody's here. */
function runtimeOf(
  { Runtime: asked = '' }: HostConfig,
  { runtimes, defaultRuntime }: CreateDefaults,
): string {
  const name = asked || defaultRuntime;
  if (!isRuntime(runtimes, name)) throw invalidArgument(`unknown or invalid runtime name: ${name}`);
  return name;
}

const privilegesOf = (host: HostConfig) => ({
  readonlyRootfs: host.ReadonlyRootfs ?? false,
  privileged: host.Privileged ?? false,
  capAdd: host.CapAdd ?? [],
  capDrop: host.CapDrop ?? [],
  groupAdd: host.GroupAdd ?? [],
  securityOpt: host.SecurityOpt ?? [],
});

const namesOf = (host: HostConfig) => ({
  extraHosts: host.ExtraHosts ?? [],
  dns: host.Dns ?? [],
  dnsSearch: host.DnsSearch ?? [],
  dnsOptions: host.DnsOptions ?? [],
});

function toResources(host: HostConfig, version: ApiVersion): HostResources {
  return {
    memoryBytes: positive(host.Memory),
    memoryReservationBytes: positive(host.MemoryReservation),
    memorySwapBytes: host.MemorySwap === 0 ? undefined : host.MemorySwap,
    memorySwappiness: host.MemorySwappiness === -1 ? undefined : host.MemorySwappiness,
    oomKillDisable: host.OomKillDisable ?? false,
    nanoCpus: positive(host.NanoCpus),
    cpuShares: positive(host.CpuShares),
    cpuPeriodUs: positive(host.CpuPeriod),
    cpuQuotaUs: host.CpuQuota === 0 ? undefined : host.CpuQuota,
    cpusetCpus: host.CpusetCpus ?? '',
    cpusetMems: host.CpusetMems ?? '',
    /** Zero, and any negative number, has always meant unlimited. */
    pidsLimit: (host.PidsLimit ?? 0) <= 0 ? undefined : host.PidsLimit,
    blkioWeight: positive(host.BlkioWeight),
    blkioDevices: blkioDevices(host),
    cpuRealtimePeriodUs: positive(host.CpuRealtimePeriod),
    cpuRealtimeRuntimeUs: positive(host.CpuRealtimeRuntime),
    kernelMemoryBytes: differs.takesKernelMemory(version) ? positive(host.KernelMemory) : undefined,
    kernelMemoryTcpBytes: differs.takesKernelMemoryTcp(version) ? positive(host.KernelMemoryTCP) : undefined,
    devices: (host.Devices ?? []).map((device) => ({
      host: device.PathOnHost ?? '',
      container: device.PathInContainer || (device.PathOnHost ?? ''),
      access: device.CgroupPermissions || 'rwm',
    })),
    deviceCgroupRules: host.DeviceCgroupRules ?? [],
    cgroupParent: host.CgroupParent ?? '',
  };
}

/** `default` is the platform's word for `bridge`. */
const networkMode = ({ NetworkMode: mode = '' }: HostConfig): string =>
  mode === '' || mode === 'default' ? 'bridge' : mode;

/** The settings of every network; the container's own MAC address, as old clients send it, is that of its mode's network. */
function networks(body: CreateBody): CreateRequest['networks'] {
  const configs = Object.entries(body.NetworkingConfig?.EndpointsConfig ?? {});
  const given = configs.map(
    ([name, config]) => [networkMode({ NetworkMode: name }), toEndpointSettings(config ?? {})] as const,
  );
  const settings = Object.fromEntries(given);
  const macAddress = body.MacAddress || undefined;
  if (macAddress === undefined) return settings;
  const mode = networkMode(body.HostConfig ?? {});
  const own = settings[mode] ?? NO_SETTINGS;
  if (own.macAddress !== undefined && own.macAddress !== macAddress) {
    throw invalidArgument(
      'the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty',
    );
  }
  return { ...settings, [mode]: { ...own, macAddress } };
}

function logging(host: HostConfig, defaults: CreateDefaults): Pick<HostOptions, 'logDriver' | 'logOptions'> {
  const driver = host.LogConfig?.Type || defaults.logDriver;
  const ofCopies = Object.entries(defaults.logOptions).filter(([name]) => name.startsWith('cache-'));
  const inherited = driver === defaults.logDriver ? defaults.logOptions : Object.fromEntries(ofCopies);
  return { logDriver: driver, logOptions: { ...inherited, ...host.LogConfig?.Config } };
}

function ulimits(host: HostConfig, defaults: CreateDefaults): HostOptions['ulimits'] {
  const own = (host.Ulimits ?? []).map(({ Name, Soft = 0, Hard = 0 }) => ({
    name: Name,
    soft: Soft,
    hard: Hard,
  }));
  const inherited = defaults.ulimits.filter(({ name }) => !own.some((limit) => limit.name === name));
  return [...own, ...inherited];
}

function shmSize(host: HostConfig, defaults: CreateDefaults): number {
  const size = host.ShmSize ?? 0;
  if (size < 0) throw invalidArgument('SHM size can not be less than 0');
  return size === 0 ? defaults.shmSizeBytes : size;
}

function consoleSize(size: readonly number[] | undefined, version: ApiVersion): CreateRequest['consoleSize'] {
  const [rows = 0, columns = 0] = size ?? [];
  if (!differs.takesConsoleSize(version) || rows === 0 || columns === 0) return undefined;
  return { rows, columns };
}

function healthcheck({ Healthcheck: given }: CreateBody, version: ApiVersion): CreateRequest['healthcheck'] {
  if (given === undefined) return undefined;
  const check = fromDocker(given);
  return differs.takesStartInterval(version) ? check : { ...check, startIntervalNs: 0 };
}

/** `--entrypoint ""` comes as a list of one empty word and clears the image's. */
function entrypoint(body: CreateBody): readonly string[] | undefined {
  const words = toList(body.Entrypoint);
  return words?.length === 1 && words[0] === '' ? [] : words;
}

const toList = (value: string | readonly string[] | undefined): readonly string[] | undefined =>
  typeof value === 'string' ? [value] : value;

const positive = (value: number | undefined): number | undefined => (value === 0 ? undefined : value);

const emptyValues = (value: Readonly<Record<string, unknown>> | undefined): Record<string, object> =>
  Object.fromEntries(Object.keys(value ?? {}).map((key) => [key, {}]));
