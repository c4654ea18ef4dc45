import { LIMITS, type LimitCase } from './limit-fields.ts';

/** A field of an update of a running container, and what holds at once, and after its next start. */
export interface UpdateCase extends LimitCase {
  /** The host has only one of it: it holds before, too. */
  readonly holds?: true;
  /** After a failure of its process, inspect's JSON has it; with `stays` a second later, too. */
  readonly failed?: RegExp;
  readonly stays?: true;
}

/** What docker takes and drops, since nobody can change it on a container that is there: we say so. */
const DROPPED: Readonly<Record<string, unknown>> = {
  CgroupParent: '/other',
  BlkioWeightDevice: [{ Path: '/dev/loop0', Weight: 100 }],
  BlkioDeviceReadBps: [{ Path: '/dev/loop0', Rate: 7777 }],
  BlkioDeviceWriteBps: [{ Path: '/dev/loop0', Rate: 7777 }],
  BlkioDeviceReadIOps: [{ Path: '/dev/loop0', Rate: 7777 }],
  BlkioDeviceWriteIOps: [{ Path: '/dev/loop0', Rate: 7777 }],
  Devices: [{ PathOnHost: '/dev/zero', PathInContainer: '/dev/mine', CgroupPermissions: 'r' }],
  DeviceCgroupRules: ['c 10:250 r'],
  DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }],
  KernelMemoryTCP: 64 << 20,
  MemorySwappiness: 7,
  OomKillDisable: true,
  Ulimits: [{ Name: 'nofile', Soft: 55, Hard: 66 }],
  CpuCount: 1,
  CpuPercent: 5,
  IOMaximumIOps: 1,
  IOMaximumBandwidth: 1,
};

const policy = (RestartPolicy: object): object => ({ RestartPolicy });
const HOUR_NS = 3_600e9;
/** After its first failure, and with the pauses of docker not for so long. */
const WAITS = { failed: /"Restarting":true.*"RestartCount":1,/, stays: true } as const;

/** Docker's, and our back-off; what is not told by a single failure has its effect tested where back-offs are. */
const RESTART_POLICY: Readonly<Record<string, UpdateCase>> = {
  Name: { ask: policy({ Name: 'always' }), failed: /"RestartCount":2,/ },
  MaximumRetryCount: {
    ask: policy({ Name: 'on-failure', MaximumRetryCount: 2 }),
    failed: /"Status":"exited".*"RestartCount":2,/,
  },
  MinDelay: { ask: policy({ Name: 'always', MinDelay: HOUR_NS, MaxDelay: HOUR_NS }), ...WAITS },
  MaxDelay: {
    ask: policy({ Name: 'always', MinDelay: 1e6, MaxDelay: 2e6, Multiplier: 1e6 }),
    // From the second on it would be a minute.
    failed: /"RestartCount":([4-9]|\d\d+),/,
  },
  Multiplier: {
    ask: policy({ Name: 'always', MinDelay: 1e6, MaxDelay: HOUR_NS, Multiplier: 1e6 }),
    failed: /"Restarting":true.*"RestartCount":2,/,
    stays: true,
  },
  ResetAfter: { ask: policy({ Name: 'always', ResetAfter: HOUR_NS }) },
  Jitter: { ask: policy({ Name: 'always', Jitter: 0.5 }) },
};

export const UPDATE_FIELDS: Readonly<Record<string, UpdateCase>> = {
  ...LIMITS,
  CpusetMems: { ask: {}, ...LIMITS['CpusetMems'], holds: true },
  ...Object.fromEntries(
    Object.entries(DROPPED).map(([field, value]) => {
      const warned = new RegExp(`^${field} cannot be updated. ${field} discarded.$`);
      return [field, { ask: { [field]: value }, warned }];
    }),
  ),
  ...Object.fromEntries(
    Object.entries(RESTART_POLICY).map(([field, asked]) => [`RestartPolicy.${field}`, asked]),
  ),
};
