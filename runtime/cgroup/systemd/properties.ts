import { invalidArgument } from '../../../common/errors.ts';
import type { DeviceRule, Resources } from '../../spec.ts';
import { isTotal } from '../device-program.ts';
import { accessLetters } from '../devices.ts';
import { isUnified, type CgroupLayout } from '../layout.ts';
import { listOf } from '../live/cpu.ts';
import { memoryV2, weightOfShares } from '../v2.ts';
import { variant, type BusValue, type Variant } from './wire.ts';

/** A property of a unit with its value (org.freedesktop.systemd1(5), systemd.resource-control(5)). */
export type Property = readonly [name: string, value: Variant];

/** USEC_INFINITY, CGROUP_LIMIT_MAX: all ones. */
const INFINITY = 2n ** 64n - 1n;
const DEFAULT_PERIOD_US = 100_000;

const u64 = (name: string, value: number | bigint): Property => [
  name,
  variant('t', BigInt(value) < 0n ? INFINITY : value),
];

const unless = (value: number | undefined, make: (value: number) => Property[]): Property[] =>
  value === undefined || value === 0 ? [] : make(value);

export interface PropertyOptions {
  readonly layout: CgroupLayout;
  readonly resources: Resources;
  /** Of systemd: `252`. */
  readonly version: number;
  /** Told of what can't be said to systemd. */
  readonly warn?: ((message: string) => void) | undefined;
}

/**
 * What systemd is told of a container's limits, so that it does not undo them when it next writes a unit's files; the files
 * themselves are still written by us, which says the rest. The properties are those that runc sets.
 */
export function resourceProperties({ layout, resources, version, warn }: PropertyOptions): Property[] {
  const { memory, cpu, pids, blockIO, devices } = resources;
  const v2 = isUnified(layout);
  return [
    ...(devices === undefined ? [] : deviceProperties(devices)),
    ...(v2 ? memoryProperties(resources) : unless(memory?.limit, (limit) => [u64('MemoryLimit', limit)])),
    ...(v2
      ? weightProperties(cpu, { version, warn })
      : unless(cpu?.shares, (shares) => [u64('CPUShares', shares)])),
    ...quotaProperties(cpu?.quota ?? 0, cpu?.period ?? 0),
    ...(v2 ? [] : unless(blockIO?.weight, (weight) => [u64('BlockIOWeight', weight)])),
    ...(pids?.limit === undefined ? [] : [u64('TasksMax', pids.limit === 0 ? 1 : pids.limit)]),
    ...setProperty('AllowedCPUs', cpu?.cpus),
    ...setProperty('AllowedMemoryNodes', cpu?.mems),
    ...unifiedProperties(resources.unified ?? {}, { version, warn }),
  ];
}

const NAMES: Readonly<Record<string, string>> = {
  'memory.high': 'MemoryHigh',
  'memory.low': 'MemoryLow',
  'memory.min': 'MemoryMin',
  'memory.max': 'MemoryMax',
  'memory.swap.max': 'MemorySwapMax',
  'pids.max': 'TasksMax',
  'cpu.weight': 'CPUWeight',
  'cpuset.cpus': 'AllowedCPUs',
  'cpuset.mems': 'AllowedMemoryNodes',
};

/** One conversion of memory with swap serves both ways. */
const memoryProperties = (resources: Resources): Property[] =>
  memoryV2(resources, true).map(({ file, text }) => u64(NAMES[file] ?? file, limitOf(text)));

const limitOf = (text: string): bigint => {
  if (text === 'max') return INFINITY;
  if (!/^\d+$/.test(text)) throw invalidArgument(`unified resource value conversion error: "${text}"`);
  return BigInt(text);
};

/** From this version on, weight 0 is idle. */
const IDLE_VERSION = 252;

type Host = Pick<PropertyOptions, 'version' | 'warn'>;

function weightProperties(cpu: Resources['cpu'], { version, warn }: Host): Property[] {
  if (cpu?.idle === 1 && version >= IDLE_VERSION) {
    if ((cpu.shares ?? 0) !== 0)
      warn?.('unable to apply both CPUWeight and CpuIdle to systemd, ignoring CPUWeight');
    return [u64('CPUWeight', 0)];
  }
  return unless(cpu?.shares, (shares) => [u64('CPUWeight', weightOfShares(shares))]);
}

/** systemd keeps whole percents of a cpu: what is more is rounded up, never down. */
function quotaProperties(quota: number, period: number): Property[] {
  if (quota === 0 && period === 0) return [];
  const of = period === 0 ? DEFAULT_PERIOD_US : period;
  const perSecond = quota > 0 ? Math.ceil(Math.floor((quota * 1e6) / of) / 1e4) * 1e4 : -1;
  return [...(period === 0 ? [] : [u64('CPUQuotaPeriodUSec', period)]), u64('CPUQuotaPerSecUSec', perSecond)];
}

/** A set of cpus or of nodes as bits, the lowest first. */
function setProperty(name: string, list: string | undefined): Property[] {
  const numbers = listOf(list);
  if (numbers.length === 0) return [];
  const bytes = Array.from({ length: (Math.max(...numbers) >> 3) + 1 }, () => 0);
  for (const number of numbers) bytes[number >> 3] = (bytes[number >> 3] ?? 0) | (1 << (number & 7));
  return [[name, variant('ay', bytes)]];
}

/** Files that systemd knows nothing of are left to us. */
function unifiedProperties(unified: Readonly<Record<string, string>>, { version, warn }: Host): Property[] {
  const isIdle = unified['cpu.idle']?.trim() === '1' && version >= IDLE_VERSION;
  if (isIdle && 'cpu.weight' in unified)
    warn?.('unable to apply both cpu.weight and cpu.idle to systemd, ignoring cpu.weight');
  return Object.entries(unified).flatMap(([file, text]): Property[] => {
    const value = text.trim();
    if (file === 'cpu.idle') return isIdle ? [u64('CPUWeight', 0)] : [];
    if (file === 'cpu.max') {
      const [quota = 'max', period = DEFAULT_PERIOD_US] = value.split(/\s+/);
      return quotaProperties(quota === 'max' ? -1 : Number(quota), Number(period));
    }
    const name = NAMES[file];
    if (name === undefined || (file === 'cpu.weight' && isIdle)) return [];
    if (file.startsWith('cpuset.')) return setProperty(name, value);
    return [u64(name, limitOf(value))];
  });
}

/**
 * systemd can allow what is not allowed else, no more: lists that are not just that (a refusal after a permission) are left to
 * our own program or list, and it is told to allow all.
 */
function deviceProperties(rules: readonly DeviceRule[]): Property[] {
  const total = rules.findLastIndex(isTotal);
  const rest = rules.slice(total + 1);
  const isList =
    rules[total]?.allow !== true &&
    rest.every(({ allow, type }) => allow && type !== undefined && type !== 'a');
  const entries = isList ? rest.flatMap(deviceEntry) : [];
  return [
    // An empty list clears what an earlier one said.
    ['DeviceAllow', variant('a(ss)', [])],
    ['DevicePolicy', variant('s', isList ? 'strict' : 'auto')],
    ...(entries.length === 0 ? [] : [['DeviceAllow', variant('a(ss)', entries)] as const]),
  ];
}

function deviceEntry(rule: DeviceRule): BusValue[] {
  const { type, major = -1, minor = -1 } = rule;
  const access = accessLetters(rule);
  const kind = type === 'b' ? 'block' : 'char';
  if (major >= 0 && minor >= 0) return [[`/dev/${kind}/${major}:${minor}`, access]];
  if (major >= 0) return [[`${kind}-${major}`, access]];
  // `*:n` can't be said.
  return minor >= 0 ? [] : [[`${kind}-*`, access]];
}
