import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { invalidArgument, messageOf } from '../common/errors.ts';
import { parseAddressPools } from './config/address-pools.ts';
import { runtimesOf } from './config/runtimes.ts';
import { parseSize, parseUlimits, type Ulimit } from './config/parse.ts';
import type { Value } from './config/options.ts';
import { ignoredOptions, readValues, refuseUnsupported, type Values } from './config/values.ts';
import type { TlsConfig } from './listen/tls.ts';
import type { WaterMarks } from '../image/disk.ts';
import { insecureRule, origin, type HostsConfig } from '../image/registry/hosts.ts';
import { UNPACK_LIMITS, type UnpackLimits } from '../image/workers/limits.ts';
import { checkLogDriver } from './core/log-drivers/drivers.ts';
import type { Runtimes } from './core/runtimes/contract.ts';
import { CNI_DEFAULTS, type CniConfig } from '../common/cni/contract.ts';
import { NETWORK_DEFAULTS, type NetworksConfig } from './core/networks/contract.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

const IPC_MODES = ['private', 'shareable'] as const;
const CGROUPNS_MODES = ['private', 'host'] as const;

/** What the daemon is told: defaults, then the file, then flags. Frozen. */
export interface DaemonConfig {
  /** `unix:///path`, `tcp://address:port`, `fd://`; at least one. */
  readonly hosts: readonly string[];
  /** Of the hosts at TCP addresses. */
  readonly tls: TlsConfig | undefined;
  /** TCP without TLS was asked for: `--tls=false`. */
  readonly plainTcp: boolean;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidfile: string;
  /** Undefined: `wherry` if it exists, else `docker`, else root. */
  readonly group: string | undefined;
  readonly debug: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly networks: NetworksConfig;
  readonly ulimits: readonly Ulimit[];
  readonly shmSizeBytes: number;
  /** Of descriptions of devices; the last wins. */
  readonly cdiDirectories: readonly string[];
  /** Of containers that ask for none. */
  readonly ipcMode: (typeof IPC_MODES)[number];
  readonly cgroupnsMode: (typeof CGROUPNS_MODES)[number] | undefined;
  readonly logDriver: string;
  readonly logOptions: Readonly<Record<string, string>>;
  readonly labels: readonly string[];
  readonly runtimes: Runtimes;
  readonly defaultRuntime: string;
  readonly cgroupParent: string | undefined;
  readonly noNewPrivileges: boolean;
  /** At SIGTERM containers are stopped: for the end of the host. Else they go on. */
  readonly shutdownContainers: boolean;
  readonly init: boolean;
  /** Undefined: our own. */
  readonly initPath: string | undefined;
  /** Undefined: the built-in one; `unconfined`, or a path. */
  readonly seccompProfile: string | undefined;
  readonly imageMarks: WaterMarks;
  /** Undefined: docker's. */
  readonly pluginDirectories: { readonly sockets: string; readonly specs: readonly string[] } | undefined;
  readonly unpackLimits: UnpackLimits;
  /** Blobs of layers go when the unpacked layer makes them again. */
  readonly dropBlobs: boolean;
  /** How long one call to storage may take, and the launch of a process with all its mounts. */
  readonly storagePatienceMs: number;
  readonly registries: RegistriesConfig;
  /** docker's, kept and shown. */
  readonly features: Readonly<Record<string, unknown>>;
  /** docker's, kept and shown: containers outlive the daemon. */
  readonly shutdownTimeoutS: number;
  /** `address:port` of the metrics. */
  readonly metricsAddress: string | undefined;
  /** What was asked for and changes nothing. */
  readonly ignored: ReturnType<typeof ignoredOptions>;
}

export interface RegistriesConfig extends HostsConfig {
  readonly maxDownloads: number;
  readonly maxUploads: number;
  /** Of one request, and of a blob between two bytes. */
  readonly attempts: number;
}

export const DEFAULT_HOST = 'unix:///var/run/wherry.sock';

/** Merges file and flags over the defaults. Throws `invalid-argument`, and `not-implemented` for what we don't do yet. */
export function makeConfig(
  file: ReadonlyMap<string, Value>,
  flags: ReadonlyMap<string, Value>,
): DaemonConfig {
  const merged = new Map([...file, ...flags]);
  refuseUnsupported(merged);
  const values = readValues(merged);
  const execRoot = values.absolutePath('exec-root') ?? '/run/wherry';
  const debug = values.flag('debug') ?? false;
  const profile = values.text('seccomp-profile');
  return Object.freeze({
    hosts: hostsOf(values),
    tls: tlsOf(values),
    plainTcp: values.flag('tls') === false || values.flag('tlsverify') === false,
    dataRoot: values.absolutePath('data-root') ?? '/var/lib/wherry',
    execRoot,
    pidfile: values.absolutePath('pidfile') ?? join(execRoot, 'wherryd.pid'),
    group: values.text('group'),
    debug,
    logLevel: debug ? 'debug' : (values.oneOf('log-level', LOG_LEVELS) ?? 'info'),
    logFormat: values.oneOf('log-format', LOG_FORMATS) ?? 'text',
    networks: Object.freeze(networksOf(values)),
    ulimits: Object.freeze(parseUlimits(values.map('default-ulimits') ?? {})),
    shmSizeBytes: parseSize('default-shm-size', values.text('default-shm-size') ?? '64m'),
    cdiDirectories: Object.freeze(values.list('cdi-spec-dirs') ?? ['/etc/cdi', '/var/run/cdi']),
    ipcMode: values.oneOf('default-ipc-mode', IPC_MODES) ?? 'private',
    cgroupnsMode: values.oneOf('default-cgroupns-mode', CGROUPNS_MODES),
    ...loggingOf(values),
    labels: Object.freeze(values.list('labels') ?? []),
    ...runtimesOf(values),
    cgroupParent: values.absolutePath('cgroup-parent'),
    ...lifeOf(values),
    noNewPrivileges: values.flag('no-new-privileges') ?? false,
    seccompProfile: profile === 'builtin' ? undefined : profile,
    ...imagesOf(values),
    storagePatienceMs: (values.integer('storage-timeout', { min: 1, max: 86_400 }) ?? 120) * 1000,
    pluginDirectories: pluginDirectoriesOf(values),
    registries: Object.freeze(registriesOf(values)),
    features: Object.freeze(values.map('features') ?? {}),
    shutdownTimeoutS: values.integer('shutdown-timeout', { min: -1, max: 2 ** 31 }) ?? 15,
    metricsAddress: metricsAddress(values),
    ignored: ignoredOptions(merged),
  });
}

const lifeOf = (values: Values): Pick<DaemonConfig, 'shutdownContainers' | 'init' | 'initPath'> => ({
  shutdownContainers: values.flag('shutdown-containers') ?? false,
  init: values.flag('init') ?? false,
  initPath: values.absolutePath('init-path'),
});

function hostsOf(values: Values): readonly string[] {
  const hosts = values.list('hosts') ?? [];
  const given = (hosts.length === 0 ? [DEFAULT_HOST] : hosts).map((host) =>
    host.startsWith('/') ? `unix://${host}` : host,
  );
  const port = tlsOf(values) === undefined ? PLAIN_PORT : TLS_PORT;
  const normal = given.map((host) => withPort(host, port));
  const wrong = normal.find((host) => !/^(unix:\/\/\/.|tcp:\/\/.+:\d+$|fd:\/\/)/.test(host));
  if (wrong !== undefined) {
    throw invalidArgument(`Invalid host "${wrong}": it must be unix:///path, tcp://address:port or fd://`);
  }
  return Object.freeze([...new Set(normal)]);
}

function metricsAddress(values: Values): string | undefined {
  const address = values.text('metrics-addr');
  if (address !== undefined && !/^(\[[0-9a-f:]+\]|[^:[\]]*):\d+$/i.test(address))
    throw invalidArgument(`The option "metrics-addr" is "${address}", it must be address:port`);
  return address;
}

/** docker's ports, where a host at a TCP address names none. */
const PLAIN_PORT = 2375;
const TLS_PORT = 2376;

const withPort = (host: string, port: number): string =>
  /^tcp:\/\/(\[[^\]]+\]|[^:[\]/]+)$/.test(host) ? `${host}:${port}` : host;

/** With `tlsverify` there is no saying `tls: false`. */
function tlsOf(values: Values): TlsConfig | undefined {
  const verify = values.flag('tlsverify') ?? false;
  if (!verify && values.flag('tls') !== true) return undefined;
  const at = (option: string, name: string): string =>
    values.absolutePath(option) ?? join(process.env['DOCKER_CERT_PATH'] ?? join(homedir(), '.docker'), name);
  return {
    verify,
    ca: at('tlscacert', 'ca.pem'),
    cert: at('tlscert', 'cert.pem'),
    key: at('tlskey', 'key.pem'),
  };
}

function addressOf(key: string, values: Values): string | undefined {
  const address = values.text(key);
  if (address === undefined || address === '' || isIP(address) !== 0) return address || undefined;
  throw invalidArgument(`The option "${key}" is "${address}": it has to be an IP address`);
}

function networksOf(values: Values): NetworksConfig {
  const own = NETWORK_DEFAULTS;
  const bridge = values.text('bridge');
  if (bridge === 'none')
    throw invalidArgument('The option "bridge" is "none": a daemon without its bridge is not supported yet');
  return {
    bridgeName: bridge ?? own.bridgeName,
    bip: values.text('bip'),
    mtu: values.integer('mtu', { min: 68, max: 65_535 }) ?? own.mtu,
    icc: values.flag('icc') ?? own.icc,
    firewall: values.flag('iptables') ?? own.firewall,
    respectHost: values.oneOf('firewall', ['docker', 'respect-host']) === 'respect-host',
    publishIp: addressOf('ip', values),
    ipForward: values.flag('ip-forward') ?? own.ipForward,
    ipMasq: values.flag('ip-masq') ?? own.ipMasq,
    dns: values.addresses('dns') ?? own.dns,
    dnsSearch: values.list('dns-search') ?? own.dnsSearch,
    dnsOptions: values.list('dns-opts') ?? own.dnsOptions,
    hostGatewayIp: values.addresses('host-gateway-ips')?.[0],
    addressPools: parseAddressPools(values.items('default-address-pools') ?? []),
    cni: cniOf(values),
  };
}

function cniOf(values: Values): CniConfig {
  const directories = (key: string): readonly string[] | undefined => {
    const list = values.list(key);
    const wrong = list?.find((each) => !each.startsWith('/') || each.includes(':'));
    if (wrong !== undefined)
      throw invalidArgument(`The option "${key}" has "${wrong}": it must be absolute paths`);
    return list;
  };
  const timeoutS = values.integer('cni-timeout', { min: 1, max: 3600 });
  return {
    pluginDirectories: directories('cni-plugin-dirs') ?? CNI_DEFAULTS.pluginDirectories,
    confDirectories: directories('cni-conf-dirs') ?? CNI_DEFAULTS.confDirectories,
    timeoutMs: timeoutS === undefined ? CNI_DEFAULTS.timeoutMs : timeoutS * 1000,
  };
}

function pluginDirectoriesOf(values: Values): DaemonConfig['pluginDirectories'] {
  const directory = values.absolutePath('plugin-dir');
  return directory === undefined ? undefined : { sockets: directory, specs: [directory] };
}

function registriesOf(values: Values): RegistriesConfig {
  const some = { min: 1, max: 100 };
  const mirrors = (values.list('registry-mirrors') ?? []).map((url) => origin(url, 'registry-mirrors'));
  const insecure = values.list('insecure-registries') ?? [];
  insecureRule(insecure);
  return {
    mirrors,
    insecure,
    maxDownloads: values.integer('max-concurrent-downloads', some) ?? 3,
    maxUploads: values.integer('max-concurrent-uploads', some) ?? 5,
    attempts: values.integer('max-download-attempts', some) ?? 5,
  };
}

const imagesOf = (values: Values): Pick<DaemonConfig, 'imageMarks' | 'unpackLimits' | 'dropBlobs'> => ({
  imageMarks: Object.freeze(imageMarksOf(values)),
  unpackLimits: Object.freeze(unpackLimitsOf(values)),
  dropBlobs: values.flag('image-drop-blobs') ?? false,
});

function unpackLimitsOf(values: Values): UnpackLimits {
  const reserve = values.text('image-reserve');
  return {
    ...UNPACK_LIMITS,
    ratio: values.integer('image-max-ratio', { min: 0, max: 1_000_000 }) ?? UNPACK_LIMITS.ratio,
    reserveBytes: reserve === undefined ? UNPACK_LIMITS.reserveBytes : parseSize('image-reserve', reserve),
  };
}

/** Without a low mark: a tenth of the disk below the high one. */
function imageMarksOf(values: Values): WaterMarks {
  const percent = { min: 0, max: 100 };
  const highPercent = values.integer('image-gc-high', percent) ?? 0;
  const lowPercent = values.integer('image-gc-low', percent) ?? Math.max(0, highPercent - 10);
  if (lowPercent <= highPercent) return { highPercent, lowPercent };
  throw invalidArgument(
    `The option "image-gc-low" is ${lowPercent}, it must not be above "image-gc-high", which is ${highPercent}`,
  );
}

function stringMap(key: string, values: Values): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values.map(key) ?? {}).map(([name, value]) => {
      if (typeof value !== 'string')
        throw invalidArgument(`The option "${key}": the value of "${name}" must be a string`);
      return [name, value];
    }),
  );
}

function loggingOf(values: Values): Pick<DaemonConfig, 'logDriver' | 'logOptions'> {
  const logDriver = values.text('log-driver') ?? 'json-file';
  const logOptions = Object.freeze(stringMap('log-opts', values));
  try {
    checkLogDriver({ logDriver, logOptions });
  } catch (error) {
    throw invalidArgument(`failed to set log opts: ${messageOf(error)}`, { cause: error });
  }
  return { logDriver, logOptions };
}
