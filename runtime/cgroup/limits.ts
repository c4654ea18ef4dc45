import { invalidArgument } from '../../common/errors.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import { AT_FDCWD, O_CLOEXEC, O_WRONLY } from '../plan/constants.ts';
import { writeFile } from '../plan/paths.ts';
import type { DeviceRule, Resources, ThrottleDevice } from '../spec.ts';
import { hierarchyOf, type CgroupLayout } from './layout.ts';

/**
 * A container's limits as files of version 1 controllers, in the order in which a fresh cgroup takes them. Source:
 * Documentation/admin-guide/cgroup-v1. Unset means untouched; -1 is the kernel's "unlimited".
 */
interface Setting {
  readonly controller: string;
  readonly file: string;
  readonly text: string;
  /** The file exists on some kernels only, and the limit is advisory. */
  readonly optional?: boolean;
}

type Value = number | string | undefined;

/** Writes the limits into the container's directories. Throws `invalid-argument` for a limit whose controller is missing. */
export function limitCgroups(
  plan: PlanBuilder,
  {
    layout,
    path,
    resources,
  }: { readonly layout: CgroupLayout; readonly path: string; readonly resources: Resources },
): void {
  for (const setting of settingsOf(resources)) {
    const hierarchy = hierarchyOf(layout, setting.controller);
    if (hierarchy === undefined) {
      if (setting.optional === true) continue;
      throw invalidArgument(
        `Cannot set ${setting.file}: the cgroup controller "${setting.controller}" is not mounted`,
      );
    }
    writeFile(plan, `${hierarchy.mountPoint}${path}/${setting.file}`, {
      text: setting.text,
      label: `write "${setting.text}" to ${setting.file}`,
      ignoreOpen: setting.optional === true ? ['ENOENT'] : [],
    });
  }
  const rules = resources.devices ?? [];
  const devices = hierarchyOf(layout, 'devices');
  if (rules.length === 0) return;
  if (devices === undefined)
    throw invalidArgument('Cannot limit devices: the cgroup controller "devices" is not mounted');
  limitDevices(plan, `${devices.mountPoint}${path}`, rules);
}

/** Files and texts, in order. */
export function settingsOf(resources: Resources): Setting[] {
  return [...memory(resources), ...cpu(resources), ...pids(resources), ...blockIo(resources)];
}

function setting(controller: string, file: string, value: Value): Setting[] {
  return value === undefined || value === '' ? [] : [{ controller, file, text: String(value) }];
}

const optional = (settings: readonly Setting[]): Setting[] =>
  settings.map((each) => ({ ...each, optional: true }));

/** memory+swap may not be below memory: it comes after it. Without swap accounting there is no such file. */
function memory({ memory: limits }: Resources): Setting[] {
  if (limits === undefined) return [];
  return [
    ...setting('memory', 'memory.limit_in_bytes', limits.limit),
    ...optional(setting('memory', 'memory.memsw.limit_in_bytes', limits.swap)),
    ...setting('memory', 'memory.soft_limit_in_bytes', limits.reservation),
    ...setting('memory', 'memory.swappiness', limits.swappiness),
    ...setting('memory', 'memory.oom_control', limits.disableOOMKiller === true ? 1 : undefined),
  ];
}

/** The period comes before the quota: together they must not pass the parent's share at any time. */
function cpu({ cpu: limits }: Resources): Setting[] {
  if (limits === undefined) return [];
  return [
    ...setting('cpu', 'cpu.shares', limits.shares === 0 ? undefined : limits.shares),
    ...setting('cpu', 'cpu.cfs_period_us', limits.period === 0 ? undefined : limits.period),
    ...setting('cpu', 'cpu.cfs_quota_us', limits.quota === 0 ? undefined : limits.quota),
    ...setting('cpu', 'cpu.rt_period_us', limits.realtimePeriod),
    ...setting('cpu', 'cpu.rt_runtime_us', limits.realtimeRuntime),
    ...setting('cpuset', 'cpuset.cpus', limits.cpus),
    ...setting('cpuset', 'cpuset.mems', limits.mems),
  ];
}

/** 0 and less are docker's "unlimited", which the kernel calls max. */
const pids = ({ pids: limits }: Resources): Setting[] =>
  limits?.limit === undefined ? [] : setting('pids', 'pids.max', limits.limit > 0 ? limits.limit : 'max');

function blockIo({ blockIO: limits }: Resources): Setting[] {
  if (limits === undefined) return [];
  const throttle = (file: string, devices: readonly ThrottleDevice[] | undefined): Setting[] =>
    (devices ?? []).flatMap(({ major, minor, rate }) =>
      setting('blkio', `blkio.throttle.${file}`, `${major}:${minor} ${rate}`),
    );
  const weight = limits.weight === 0 ? undefined : limits.weight;
  return [
    // Which of the two is there depends on the scheduler: CFQ is gone since 5.0, BFQ may not be built.
    ...optional(setting('blkio', 'blkio.weight', weight)),
    ...optional(setting('blkio', 'blkio.bfq.weight', weight)),
    ...(limits.weightDevice ?? []).flatMap((device) =>
      optional(
        setting('blkio', 'blkio.bfq.weight_device', `${device.major}:${device.minor} ${device.weight}`),
      ),
    ),
    ...throttle('read_bps_device', limits.throttleReadBpsDevice),
    ...throttle('write_bps_device', limits.throttleWriteBpsDevice),
    ...throttle('read_iops_device', limits.throttleReadIOPSDevice),
    ...throttle('write_iops_device', limits.throttleWriteIOPSDevice),
  ];
}

/** Rules in the order of the specification: each is one write to devices.allow or devices.deny, held open for all. */
function limitDevices(plan: PlanBuilder, directory: string, rules: readonly DeviceRule[]): void {
  const open = (file: string): ReturnType<PlanBuilder['call']> =>
    plan.call(`open ${file}`, 'openat', [AT_FDCWD, `${directory}/${file}`, O_WRONLY | O_CLOEXEC, 0], {
      save: true,
    });
  const files = { allow: open('devices.allow'), deny: open('devices.deny') };
  for (const rule of rules) {
    const text = deviceRule(rule);
    const verb = rule.allow ? 'allow' : 'deny';
    plan.call(`${verb} device ${text}`, 'write', [files[verb], text, text.length]);
  }
  plan.close(files.allow);
  plan.close(files.deny);
}

/** `c 1:3 rwm`, in the kernel's words; a missing number is any. */
export function deviceRule(rule: DeviceRule): string {
  const number = (value: number | undefined): string =>
    value === undefined || value < 0 ? '*' : String(value);
  return `${rule.type ?? 'a'} ${number(rule.major)}:${number(rule.minor)} ${rule.access ?? 'rwm'}`;
}
