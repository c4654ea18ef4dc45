import { invalidArgument } from '../../common/errors.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import {
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
} from '../plan/constants.ts';
import type { Capabilities } from '../spec.ts';

/** Names by number, include/uapi/linux/capability.h of Linux 5.9 and later. */
export const CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
];

/** What docker gives a container that asks for nothing. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

const ALL = 'ALL';

/**
 * Docker's --cap-add, --cap-drop and --privileged: names in any case, with or without `CAP_`, and `ALL`. Throws
 * `invalid-argument` for an unknown name, in docker's words.
 */
export function chooseCapabilities(choice: {
  readonly add: readonly string[];
  readonly drop: readonly string[];
  readonly privileged: boolean;
}): string[] {
  const add = choice.add.map(normalize);
  const drop = choice.drop.map(normalize);
  if (choice.privileged) return [...CAPABILITIES];
  const kept = add.includes(ALL) ? CAPABILITIES : drop.includes(ALL) ? [] : DEFAULT_CAPABILITIES;
  const wanted = kept.filter((name) => !drop.includes(name));
  // What is added by name stays, also when it is dropped by name.
  return [...wanted, ...add.filter((name) => name !== ALL && !kept.includes(name))];
}

function normalize(name: string): string {
  const upper = name.trim().toUpperCase();
  if (upper === ALL || upper === 'CAP_ALL') return ALL;
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (!CAPABILITIES.includes(full)) throw invalidArgument(`invalid capability: "${name}"`);
  return full;
}

/** The sets of a process that has these; docker's containers inherit none, whoever runs in them. */
export const capabilitiesOf = (
  names: readonly string[],
): Required<Omit<Capabilities, 'inheritable' | 'ambient'>> => ({
  bounding: [...names],
  effective: [...names],
  permitted: [...names],
});

/** Bits of the names; unknown ones have none. */
export function capabilityMask(names: readonly string[]): bigint {
  return names.reduce((mask, name) => {
    const number = CAPABILITIES.indexOf(name);
    return number < 0 ? mask : mask | (1n << BigInt(number));
  }, 0n);
}

/** Names that no kernel we know has. As in runc they are worth a warning, and are left out. */
export function unknownCapabilities(capabilities: Capabilities): string[] {
  const names = Object.values(capabilities).flatMap((set: readonly string[] = []) => set);
  return [...new Set(names.filter((name) => !CAPABILITIES.includes(name)))].sort();
}

/**
 * The bounding set is cut while CAP_SETPCAP is there. The kernel's newer ones, whose names we don't know, go as well, and those
 * that an older kernel does not know are not there.
 */
export function dropBounding(plan: PlanBuilder, capabilities: Capabilities): void {
  const keep = capabilityMask(capabilities.bounding ?? []);
  for (let number = 0; number < 64; number += 1) {
    if ((keep >> BigInt(number)) & 1n) continue;
    const name = CAPABILITIES[number] ?? `capability ${number}`;
    plan.call(`drop ${name}`, 'prctl', [PR_CAPBSET_DROP, number, 0, 0, 0], {
      ignore: ['EINVAL'],
    });
  }
}

/** Those that the kernel will not raise in the ambient set: it takes only what is permitted and inheritable. */
export const unraisable = ({ ambient = [], inheritable = [], permitted = [] }: Capabilities): string[] =>
  ambient.filter((name) => !inheritable.includes(name) || !permitted.includes(name));

const LINUX_CAPABILITY_VERSION_3 = 0x20080522;

/** Sets the process's own sets (man 2 capset); inheritable ones only if asked for: docker's are none (CVE-2022-24769). */
export function setCapabilities(plan: PlanBuilder, capabilities: Capabilities): void {
  const header = new Uint8Array(new Uint32Array([LINUX_CAPABILITY_VERSION_3, 0]).buffer);
  const sets = [capabilities.effective, capabilities.permitted, capabilities.inheritable].map((names) =>
    capabilityMask(names ?? []),
  );
  const low = sets.map((mask) => Number(mask & 0xffff_ffffn));
  const high = sets.map((mask) => Number(mask >> 32n));
  plan.call('set capabilities', 'capset', [
    header,
    new Uint8Array(new Uint32Array([...low, ...high]).buffer),
  ]);
  plan.call('clear ambient capabilities', 'prctl', [PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0], {
    ignore: ['EINVAL'],
  });
  for (const name of capabilities.ambient ?? []) {
    const number = CAPABILITIES.indexOf(name);
    if (number < 0) continue;
    // One that is not inheritable and permitted can't be raised; runc only warns of it.
    plan.call(`raise ${name}`, 'prctl', [PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0], {
      ignore: ['EPERM', 'EINVAL'],
    });
  }
}
