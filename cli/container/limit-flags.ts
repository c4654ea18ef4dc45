import { bool, int, list, text, value } from '../../common/flags/flag.ts';
import { parseBytes } from '../../common/sizes.ts';
import * as devices from './device-values.ts';

const many = <T>(type: string, help: string, parse: (given: string) => T) =>
  value<readonly T[]>({
    type,
    help,
    initial: [],
    ...(type === 'gpu-request' ? {} : { shown: '[]' }),
    read: (given, before) => [...before, parse(given)],
  });
const bytes = (help: string, looks: { hidden?: boolean } = {}) =>
  value<number | undefined>({ ...looks, type: 'bytes', help, initial: undefined, read: parseBytes });

/** Docker's client refuses them, too, when its daemon runs on Linux. */
const windows = (type: string, help: string) =>
  value<undefined>({
    type,
    help,
    initial: undefined,
    read: () => {
      throw new Error(
        'it is only supported on a daemon running on windows, but the daemon is running on linux',
      );
    },
  });

/** Flags of `run` and `create` for limits of single devices, devices by name, and what docker has for Windows or from old days. */
export const limitFlags = {
  'blkio-weight-device': many('list', 'Block IO weight of a device (/dev/x:100)', devices.parseDeviceWeight),
  'cpu-rt-period': int('Length of a real-time CPU period in microseconds'),
  'cpu-rt-runtime': int('Real-time CPU time in each period in microseconds'),
  'device-read-bps': many('list', 'Limit the bytes a second read from a device', devices.parseDeviceBytes),
  'device-read-iops': many('list', 'Limit the reads a second from a device', devices.parseDeviceOperations),
  'device-write-bps': many('list', 'Limit the bytes a second written to a device', devices.parseDeviceBytes),
  'device-write-iops': many('list', 'Limit the writes a second to a device', devices.parseDeviceOperations),
  gpus: many('gpu-request', "GPU devices to add to the container ('all' passes all GPUs)", devices.parseGpus),
  'kernel-memory': bytes('Kernel memory limit', { hidden: true }),
  'storage-opt': list('Options of the storage driver for the container'),
  isolation: text('Isolation technology of the container'),
  'cpu-count': windows('int', 'Number of CPUs (Windows only)'),
  'cpu-percent': windows('int', 'Percentage of the CPUs (Windows only)'),
  'io-maxbandwidth': windows('bytes', 'Limit of IO bandwidth of the system drive (Windows only)'),
  'io-maxiops': windows('uint', 'Limit of IO operations of the system drive (Windows only)'),
  'disable-content-trust': value<boolean>({
    ...bool('Skip verification of the image', { initial: true, shown: 'true' }),
    read: (given, before) => {
      if (!bool('').read(given, before)) throw new Error('wherry does not verify signatures of images');
      return true;
    },
  }),
  'use-api-socket': bool("Mount the daemon's socket, and give what is kept for registries"),
};
