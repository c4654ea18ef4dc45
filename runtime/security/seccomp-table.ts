import { invalidArgument } from '../../common/errors.ts';
import { resolveSyscall } from '../../native/ffi/seccomp.ts';

/** The architectures of a filter: what seccomp_data.arch holds (linux/audit.h), libseccomp's token, the bit in every number. */
export interface Architecture {
  readonly audit: number;
  readonly token: number;
  readonly bit: number;
  /** Names that only this one has and libseccomp does not know. */
  readonly extra: Readonly<Record<string, number>>;
}

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  SCMP_ARCH_X86_64: { audit: 0xc000_003e, token: 0xc000_003e, bit: 0, extra: { uretprobe: 335 } },
  SCMP_ARCH_X32: { audit: 0xc000_003e, token: 0x4000_003e, bit: 0x4000_0000, extra: {} },
  SCMP_ARCH_X86: { audit: 0x4000_0003, token: 0x4000_0003, bit: 0, extra: {} },
  SCMP_ARCH_AARCH64: { audit: 0xc000_00b7, token: 0xc000_00b7, bit: 0, extra: {} },
  SCMP_ARCH_ARM: { audit: 0x4000_0028, token: 0x4000_0028, bit: 0, extra: {} },
};

export function architecture(name: string): Architecture {
  const found = Object.hasOwn(ARCHITECTURES, name) ? ARCHITECTURES[name] : undefined;
  if (found === undefined) throw invalidArgument(`seccomp architecture ${name} is not supported`);
  return found;
}

/** Newer than Debian 12's libseccomp 2.5.4. Since Linux 5.1 a new system call has one number everywhere. */
const SINCE_6_5 = [
  'cachestat',
  'fchmodat2',
  'map_shadow_stack',
  'futex_wake',
  'futex_wait',
  'futex_requeue',
  'statmount',
  'listmount',
  'lsm_get_self_attr',
  'lsm_set_self_attr',
  'lsm_list_modules',
  'mseal',
  'setxattrat',
  'getxattrat',
  'listxattrat',
  'removexattrat',
];
const FIRST_SINCE_6_5 = 451;

/** The number of a system call on an architecture; undefined when it has none. */
export function numberOn({ token, bit, extra }: Architecture, name: string): number | undefined {
  const own = Object.hasOwn(extra, name) ? extra[name] : undefined;
  if (own !== undefined) return own;
  const index = SINCE_6_5.indexOf(name);
  if (index >= 0) return bit + FIRST_SINCE_6_5 + index;
  return resolveSyscall(token, name);
}
