import { posix } from 'node:path';
import { invalidArgument } from '../../../../common/errors.ts';
import { parseBytes } from '../../../../common/sizes.ts';
import type { BlkioDevices, DeviceRate, HostOptions } from '../../../core/contract.ts';
import { differs, type ApiVersion } from '../versions.ts';
import type { HostConfig } from '../wire/host-config.ts';

/** Throws for fields that mean something on Windows alone, and for forms that no host takes; docker's words where it has some. */
export function checkForms(host: HostConfig): void {
  const { Isolation: isolation = '', UsernsMode: userns = '', Cgroup: cgroup = '' } = host;
  if (!['', 'default'].includes(isolation.toLowerCase()))
    throw invalidArgument(`invalid isolation (${isolation}): linux only supports 'default'`);
  if ((host.IOMaximumBandwidth ?? 0) !== 0)
    throw invalidArgument('invalid option: QoS maximum bandwidth configuration is not supported on linux');
  if ((host.IOMaximumIOps ?? 0) !== 0)
    throw invalidArgument('invalid option: QoS maximum IOPs configuration is not supported on linux');
  if (userns !== '' && userns !== 'host') throw invalidArgument(`invalid USER mode: ${userns}`);
  if (cgroup !== '') {
    throw invalidArgument(`invalid HostConfig.Cgroup "${cgroup}": a container has a cgroup of its own`);
  }
  if (Object.hasOwn(host.Annotations ?? {}, ''))
    throw invalidArgument('invalid Annotations: the empty string is not permitted as an annotation key');
}

/** Throws with docker's text. */
export function checkTmpfs({ Tmpfs: tmpfs = {} }: HostConfig): void {
  for (const path of Object.keys(tmpfs)) {
    if (posix.normalize(path) === '/')
      throw invalidArgument("invalid specification: destination can't be '/'");
    if (!path.startsWith('/'))
      throw invalidArgument(`invalid mount path: '${path}' mount path must be absolute`);
  }
}

export const deviceRequests = ({
  DeviceRequests: requests = [],
}: HostConfig): HostOptions['deviceRequests'] =>
  requests.map(({ Driver, Count, DeviceIDs, Capabilities, Options }) => ({
    driver: Driver ?? '',
    count: Count ?? 0,
    deviceIds: DeviceIDs ?? [],
    capabilities: Capabilities ?? [],
    options: Options ?? {},
  }));

/** What docker warns of and drops; what it drops without a word, and we don't. */
export function warningsOf(host: HostConfig): string[] {
  const labels = (host.SecurityOpt ?? []).filter((option) => /^label[=:](?!disable$)/.test(option));
  return [
    ...((host.CpuPercent ?? 0) > 0 ? ['linux does not support CPU percent. Percent discarded.'] : []),
    ...((host.CpuCount ?? 0) > 0 ? ['linux does not support CPU count. Count discarded.'] : []),
    ...(host.NetworkMode === 'host' && Object.keys(host.PortBindings ?? {}).length > 0
      ? ['Published ports are discarded when using host network mode']
      : []),
    ...labels.map((option) => `SELinux is not enabled. Security option "${option}" discarded.`),
  ];
}

/** How much the container may write to its root: `--storage-opt size=`. Throws `invalid-argument`. */
export function rootSizeOf({ StorageOpt: options = {} }: HostConfig): number | undefined {
  let sizeBytes: number | undefined;
  for (const [key, value] of Object.entries(options)) {
    if (key.toLowerCase() !== 'size') throw invalidArgument(`Unknown option ${key}`);
    sizeBytes = parseBytes(value);
  }
  return sizeBytes === 0 ? undefined : sizeBytes;
}

/** What the container shares, and what of the host is hidden from it. */
export const isolationOf = (
  host: HostConfig,
  version: ApiVersion,
  defaultIpcMode: string,
): Pick<HostOptions, 'namespaces' | 'maskedPaths' | 'readonlyPaths' | 'annotations'> => ({
  namespaces: {
    ipc: host.IpcMode || (differs.sharesIpc(version) ? 'shareable' : defaultIpcMode),
    pid: host.PidMode ?? '',
    uts: host.UTSMode ?? '',
    cgroup: host.CgroupnsMode ?? '',
  },
  ...(host.Privileged === true
    ? { maskedPaths: undefined, readonlyPaths: undefined }
    : { maskedPaths: host.MaskedPaths, readonlyPaths: host.ReadonlyPaths }),
  annotations: differs.takesAnnotations(version) ? (host.Annotations ?? {}) : {},
});

export function blkioDevices(host: HostConfig): BlkioDevices {
  return {
    weight: (host.BlkioWeightDevice ?? []).map(({ Path: path = '', Weight: weight = 0 }) => ({
      path,
      weight,
    })),
    readBps: rates(host.BlkioDeviceReadBps),
    writeBps: rates(host.BlkioDeviceWriteBps),
    readIops: rates(host.BlkioDeviceReadIOps),
    writeIops: rates(host.BlkioDeviceWriteIOps),
  };
}

const rates = (list: HostConfig['BlkioDeviceReadBps'] = []): DeviceRate[] =>
  list.map(({ Path: path = '', Rate: rate = 0 }) => ({ path, rate }));
