import { readFileSync } from 'node:fs';
import { invalidArgument, messageOf } from '../../common/errors.ts';
import type { Values } from '../../common/flags/flag.ts';
import { isDeviceName } from './device-values.ts';
import { fileError, readLabels, readVariables } from './environment.ts';
import type { CreateFlags } from './flags.ts';
import { actionLabels, readHealthcheck } from './health.ts';
import { readVolumes } from './mounts.ts';
import { pairs } from './pairs.ts';
import { readPorts } from './publish.ts';
import { readNetworks, type NetworkParts } from './networks.ts';
import { type Device, parseDevice, parseRestartBackoff, parseRestartPolicy } from './values.ts';

export interface CreateInput {
  readonly flags: Values<CreateFlags>;
  readonly changed: ReadonlySet<string>;
  readonly image: string;
  readonly command: readonly string[];
}

/** The API's body of `POST /containers/create`, as far as this client reads it back. */
export interface CreateBody {
  readonly AttachStdin: boolean;
  readonly AttachStdout: boolean;
  readonly AttachStderr: boolean;
  readonly StdinOnce: boolean;
  readonly Tty: boolean;
  readonly Image: string;
  readonly HostConfig: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/**
 * The request for a container that the flags describe, `undefined` where the daemon shall choose. Reads the files that the
 * flags name. Throws `invalid-argument` for flags that contradict each other.
 */
export function createBody(input: CreateInput): CreateBody {
  const { flags, changed } = input;
  const restart = parseRestartPolicy(flags.restart);
  if (flags.rm && !['no', ''].includes(restart.Name)) {
    throw invalidArgument('conflicting options: cannot specify both --restart and --rm');
  }
  const stdin = flags.interactive || flags.attach.includes('stdin');
  const output = (stream: string): boolean => flags.attach.length === 0 || flags.attach.includes(stream);
  const networks = readNetworks(flags);
  const ports = readPorts(flags);
  const { binds, anonymous } = readVolumes(flags.volume);
  return {
    Hostname: flags.hostname,
    Domainname: flags.domainname,
    User: flags.user,
    AttachStdin: stdin,
    AttachStdout: output('stdout'),
    AttachStderr: output('stderr'),
    Tty: flags.tty,
    OpenStdin: flags.interactive,
    StdinOnce: flags.interactive && stdin,
    Env: readVariables(flags['env-file'], flags.env),
    Cmd: input.command.length === 0 ? null : input.command,
    Image: input.image,
    ExposedPorts: ports.exposed,
    Volumes: anonymous,
    WorkingDir: flags.workdir,
    Entrypoint: flags.entrypoint === undefined ? null : [flags.entrypoint],
    Labels: {
      ...readLabels(flags['label-file'], flags.label),
      ...actionLabels(flags),
      ...ownLabels(flags),
    },
    Healthcheck: readHealthcheck(flags),
    StopSignal: flags['stop-signal'] || undefined,
    StopTimeout: changed.has('stop-timeout') ? flags['stop-timeout'] : undefined,
    NetworkingConfig: { EndpointsConfig: networks.endpoints },
    HostConfig: {
      ...hostConfig(flags, networks),
      Init: changed.has('init') ? flags.init : undefined,
      RestartPolicy: { ...restart, ...parseRestartBackoff(flags['restart-backoff']) },
      Binds: binds,
      PortBindings: ports.bindings,
      PublishAllPorts: flags['publish-all'],
    },
  };
}

/** Of what docker has no field for. */
function ownLabels(flags: Values<CreateFlags>): Record<string, string> {
  const { after, 'after-timeout': timeout, egress } = flags;
  return {
    ...(after.length === 0 ? {} : { 'wherry.after': after.join(',') }),
    ...(timeout === '' ? {} : { 'wherry.after-timeout': timeout }),
    ...(egress.length === 0 ? {} : { 'wherry.egress': egress.join(',') }),
  };
}

function hostConfig(flags: Values<CreateFlags>, networks: NetworkParts): Record<string, unknown> {
  return {
    ...hostResources(flags),
    AutoRemove: flags.rm,
    NetworkMode: networks.mode,
    Links: networks.links,
    LogConfig: { Type: flags['log-driver'], Config: pairs(flags['log-opt']) },
    ContainerIDFile: flags.cidfile || undefined,
    CapAdd: flags['cap-add'],
    CapDrop: flags['cap-drop'],
    Dns: flags.dns,
    DnsOptions: flags['dns-option'],
    DnsSearch: flags['dns-search'],
    ExtraHosts: flags['add-host'],
    GroupAdd: flags['group-add'],
    Privileged: flags.privileged,
    ReadonlyRootfs: flags['read-only'],
    ...security(flags['security-opt']),
    ShmSize: flags['shm-size'],
    Sysctls: pairs(flags.sysctl),
    Tmpfs: Object.fromEntries(flags.tmpfs.map((text) => cut(text, ':'))),
    Mounts: flags.mount.length === 0 ? undefined : flags.mount,
    VolumeDriver: flags['volume-driver'] || undefined,
    VolumesFrom: flags['volumes-from'].length === 0 ? undefined : flags['volumes-from'],
    Annotations: flags.annotation.length === 0 ? undefined : pairs(flags.annotation),
    CgroupnsMode: flags.cgroupns || undefined,
    IpcMode: flags.ipc || undefined,
    PidMode: flags.pid || undefined,
    Runtime: flags.runtime || undefined,
    UsernsMode: flags.userns || undefined,
    UTSMode: flags.uts || undefined,
  };
}

function hostResources(flags: Values<CreateFlags>): Record<string, unknown> {
  return {
    BlkioWeight: flags['blkio-weight'],
    CgroupParent: flags['cgroup-parent'] || undefined,
    CpuPeriod: flags['cpu-period'],
    CpuQuota: flags['cpu-quota'],
    CpuShares: flags['cpu-shares'],
    CpusetCpus: flags['cpuset-cpus'] || undefined,
    CpusetMems: flags['cpuset-mems'] || undefined,
    DeviceCgroupRules: flags['device-cgroup-rule'].length === 0 ? undefined : flags['device-cgroup-rule'],
    ...devices(flags),
    ...deviceLimits(flags),
    Memory: flags.memory,
    MemoryReservation: flags['memory-reservation'],
    MemorySwap: flags['memory-swap'],
    MemorySwappiness: flags['memory-swappiness'],
    NanoCpus: flags.cpus,
    OomKillDisable: flags['oom-kill-disable'] || undefined,
    OomScoreAdj: flags['oom-score-adj'],
    PidsLimit: flags['pids-limit'],
    Ulimits: flags.ulimit,
  };
}

/** A name of the Container Device Interface is asked of its driver, all in one request. */
function devices(flags: Values<CreateFlags>): Record<string, unknown> {
  const names = flags.device.filter((given) => isDeviceName(given));
  const cdi = { Driver: 'cdi', Count: 0, DeviceIDs: names, Capabilities: null, Options: null };
  const requests = [...flags.gpus, ...(names.length === 0 ? [] : [cdi])];
  return {
    Devices: flags.device.filter((given) => !isDeviceName(given)).map(readDevice),
    DeviceRequests: requests.length === 0 ? null : requests,
  };
}

function readDevice(given: string): Device {
  try {
    return parseDevice(given);
  } catch (error) {
    throw invalidArgument(messageOf(error), { cause: error });
  }
}

function deviceLimits(flags: Values<CreateFlags>): Record<string, unknown> {
  return {
    BlkioWeightDevice: flags['blkio-weight-device'],
    BlkioDeviceReadBps: flags['device-read-bps'],
    BlkioDeviceReadIOps: flags['device-read-iops'],
    BlkioDeviceWriteBps: flags['device-write-bps'],
    BlkioDeviceWriteIOps: flags['device-write-iops'],
    CpuRealtimePeriod: flags['cpu-rt-period'],
    CpuRealtimeRuntime: flags['cpu-rt-runtime'],
    KernelMemory: flags['kernel-memory'],
    Isolation: flags.isolation || undefined,
    StorageOpt: storageOptions(flags['storage-opt']),
  };
}

function storageOptions(given: readonly string[]): Record<string, string> | undefined {
  if (given.some((option) => !option.includes('='))) throw invalidArgument('invalid storage option');
  return given.length === 0 ? undefined : pairs(given);
}

/** `systempaths=unconfined` is the client's to translate, and so is the file of a seccomp profile. */
function security(options: readonly string[]): Record<string, unknown> {
  const unconfined = options.includes('systempaths=unconfined');
  const kept = options.filter((option) => option !== 'systempaths=unconfined');
  return {
    SecurityOpt: kept.map((option) => securityOption(option)),
    ...(unconfined ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
  };
}

function securityOption(option: string): string {
  const [key, value] = cut(option, option.includes('=') ? '=' : ':');
  if (value === '' && key !== 'no-new-privileges')
    throw invalidArgument(`Invalid --security-opt: ${JSON.stringify(option)}`);
  if (key !== 'seccomp' || value === 'unconfined' || value === 'builtin') return option;
  return `seccomp=${readProfile(value)}`;
}

function readProfile(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw invalidArgument(
      `opening seccomp profile (${path}) failed: ${fileError('open', path, error).message}`,
    );
  }
  try {
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    throw invalidArgument(`compacting json for seccomp profile (${path}) failed: ${messageOf(error)}`);
  }
}

function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
