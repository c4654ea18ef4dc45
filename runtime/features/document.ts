import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { CLONE_NEW } from '../plan/constants.ts';
import { MEMORY_POLICY_FLAGS, MEMORY_POLICY_MODES } from '../process/memory-policy.ts';
import { MOUNT_OPTIONS } from '../rootfs/options.ts';
import { CAPABILITIES } from '../security/capabilities.ts';
import { SECCOMP_ACTIONS, SECCOMP_FLAGS } from '../security/seccomp-actions.ts';
import { SECCOMP_OPERATORS } from '../security/seccomp-arguments.ts';
import { SECCOMP_ARCHITECTURES } from '../security/seccomp-table.ts';
import type { HookPoint } from '../spec.ts';

/** What of the document is a matter of the kernel. */
export interface KernelFacts {
  /** /proc/sys/kernel/cap_last_cap. */
  readonly lastCapability: number;
  /** `6.18.0-x`. */
  readonly release: string;
}

export const kernelFacts = (): KernelFacts => ({
  lastCapability: Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8')),
  release: release(),
});

const OLDEST_SPECIFICATION = '1.0.0';
/** What runtime/spec.ts has the fields of. */
const NEWEST_SPECIFICATION = '1.3.0';

const HOOKS: readonly HookPoint[] = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
];

/** Since Linux 5.19; the others are older than the calls that mount a container's root. */
const WAIT_KILLABLE = 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV';
const WAIT_KILLABLE_SINCE = [5, 19] as const;

const enabled = (isEnabled: boolean): { readonly enabled: boolean } => ({ enabled: isEnabled });

/**
 * The document of `features` (runtime-spec features.md, features-linux.md): what the runtime recognises, taken from the tables that
 * it works with. There is no libseccomp version, since the filters are our own, and nothing of runc's version, which we don't have.
 */
export function featuresDocument({ lastCapability, release: version }: KernelFacts): unknown {
  return {
    ociVersionMin: OLDEST_SPECIFICATION,
    ociVersionMax: NEWEST_SPECIFICATION,
    hooks: HOOKS,
    mountOptions: MOUNT_OPTIONS,
    linux: {
      namespaces: Object.keys(CLONE_NEW).toSorted(),
      capabilities: CAPABILITIES.slice(0, lastCapability + 1),
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: {
        enabled: true,
        actions: SECCOMP_ACTIONS,
        operators: SECCOMP_OPERATORS,
        archs: SECCOMP_ARCHITECTURES,
        knownFlags: SECCOMP_FLAGS,
        supportedFlags: SECCOMP_FLAGS.filter(
          (flag) => flag !== WAIT_KILLABLE || isSince(version, WAIT_KILLABLE_SINCE),
        ),
      },
      apparmor: enabled(true),
      selinux: enabled(true),
      memoryPolicy: { modes: MEMORY_POLICY_MODES, flags: MEMORY_POLICY_FLAGS },
      intelRdt: enabled(false),
      mountExtensions: { idmap: enabled(true) },
      netDevices: enabled(true),
    },
    annotations: { 'org.opencontainers.runc.checkpoint.enabled': 'false' },
    // With a dot at the end: whatever begins so (runtime/cgroup/systemd/annotations.ts).
    potentiallyUnsafeConfigAnnotations: ['org.systemd.property.'],
  };
}

function isSince(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
