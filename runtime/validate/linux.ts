import { MEMORY_POLICY_FLAGS, MEMORY_POLICY_MODES } from '../process/memory-policy.ts';
import type { Linux } from '../spec.ts';
import {
  absolutePath,
  also,
  flag,
  int64,
  knownProblem,
  list,
  object,
  oneOf,
  problem,
  record,
  shown,
  text,
  texts,
  between,
  type Check,
} from './check.ts';
import { mappings } from './common.ts';
import { device, resources } from './resources.ts';
import { propagationOf } from '../rootfs/options.ts';
import { seccomp } from './seccomp.ts';

type Namespace = Linux['namespaces'][number];
type IntelRdt = NonNullable<Linux['intelRdt']>;
type Personality = NonNullable<Linux['personality']>;
type TimeOffset = NonNullable<Linux['timeOffsets']>[string];

const namespacePath: Check<string> = (value, at, to) =>
  value === '' ? undefined : absolutePath(value, at, to);

const namespaces: Check<Namespace[]> = also(
  list(
    object<Namespace>(
      {
        type: oneOf('pid', 'network', 'mount', 'ipc', 'uts', 'user', 'cgroup', 'time'),
        path: namespacePath,
      },
      { required: ['type'] },
    ),
  ),
  (all, at, to) => {
    const types = all.map(({ type }) => type);
    for (const type of new Set(types.filter((each, index) => types.indexOf(each) < index)))
      knownProblem(to, at, `malformed spec file: duplicated ns "${type}"`);
  },
);

const CLOCKS: ReadonlySet<string> = new Set(['boottime', 'monotonic']);
const MAX_NANOSECONDS = 999_999_999;

const timeOffsets: Check<Record<string, TimeOffset>> = also(
  record(object<TimeOffset>({ secs: int64, nanosecs: between(0, MAX_NANOSECONDS) })),
  (offsets, at, to) => {
    for (const clock of Object.keys(offsets))
      if (!CLOCKS.has(clock)) problem(to, at, `${shown(clock)} is not one of ${[...CLOCKS].join(', ')}`);
  },
);

/** man 7 netdevice: what a device may be called (net/core/dev.c, dev_valid_name). */
const isDeviceName = (name: string): boolean => /^[^/:\s]{1,15}$/.test(name) && name !== '.' && name !== '..';

const netDevices: Check<NonNullable<Linux['netDevices']>> = also(
  record(object<NonNullable<Linux['netDevices']>[string]>({ name: text })),
  (devices, at, to) => {
    for (const [host, { name = '' }] of Object.entries(devices))
      for (const each of name === '' ? [host] : [host, name])
        if (!isDeviceName(each)) knownProblem(to, at, `invalid network device name ${shown(each)}`);
  },
);

const intelRdt: Check<IntelRdt> = also(
  object<IntelRdt>({
    closID: text,
    l3CacheSchema: text,
    memBwSchema: text,
    schemata: texts,
    enableMonitoring: flag,
  }),
  ({ closID = '' }, at, to) => {
    if (closID === '.' || closID === '..' || (closID.length > 1 && closID.includes('/')))
      knownProblem(to, at, `invalid intelRdt.ClosID ${shown(closID)}`);
  },
);

const personality: Check<Personality> = also(
  object<Personality>(
    {
      domain: (value, at, to) =>
        (['LINUX', 'LINUX32'] as const).find((domain) => domain === value) ??
        knownProblem(to, at, `invalid personality domain ${shown(value)}`),
      flags: texts,
    },
    { required: ['domain'] },
  ),
  ({ flags = [] }, _at, to) => {
    if (flags.length > 0) to.warnings.push(`ignoring unsupported personality flags: ${flags.join(', ')}`);
  },
);

const memoryPolicyWord =
  (kind: 'mode' | 'flag', words: readonly string[]): Check<string> =>
  (value, at, to) => {
    const word = text(value, at, to);
    if (word === undefined || words.includes(word)) return word;
    return knownProblem(to, at, `invalid memory policy ${kind}: ${shown(word)}`);
  };

const memoryPolicy = also(
  object<NonNullable<Linux['memoryPolicy']>>({
    mode: memoryPolicyWord('mode', MEMORY_POLICY_MODES),
    nodes: text,
    flags: list(memoryPolicyWord('flag', MEMORY_POLICY_FLAGS)),
  }),
  (policy, at, to) => {
    if (!Object.hasOwn(policy, 'mode'))
      knownProblem(to, `${at}.mode`, 'invalid memory policy mode: it is required');
  },
);

const propagation: Check<string> = (value, at, to) => {
  const word = text(value, at, to);
  if (word === undefined || word === '') return undefined;
  return propagationOf(word) === undefined
    ? knownProblem(to, at, `rootfsPropagation=${word} is not supported`)
    : word;
};

/** runtime-spec config-linux.md, field by field; what the fields are together is a matter of `rules.ts`. */
export const linux: Check<Linux> = object<Linux>(
  {
    namespaces,
    uidMappings: mappings,
    gidMappings: mappings,
    timeOffsets,
    devices: list(device),
    netDevices,
    cgroupsPath: text,
    resources,
    intelRdt,
    rootfsPropagation: propagation,
    seccomp,
    sysctl: record(text),
    maskedPaths: texts,
    readonlyPaths: texts,
    mountLabel: text,
    memoryPolicy,
    personality,
  },
  { zero: { namespaces: [] } },
);
