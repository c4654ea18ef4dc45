import { invalidArgument } from '../../common/errors.ts';
import { resolveSyscall } from '../../native/ffi/seccomp.ts';
import { AARCH64, ARM, FOREIGN, X32_ONLY, X86, X86_64 } from './syscall-numbers.ts';

/** The machines that we run on, in Node's words. */
export type Machine = 'x64' | 'arm64';

/** An architecture whose system calls a machine takes. */
export interface Architecture {
  /** What seccomp_data.arch holds (linux/audit.h). */
  readonly audit: number;
  /** Set in each of its numbers. */
  readonly bit: number;
  /** Arguments have 64 bits. */
  readonly isWide: boolean;
  /** libseccomp's name of it. */
  readonly token: number;
  /** Its system calls, in the form of syscall-numbers.ts; what comes later counts. */
  readonly tables: readonly string[];
  readonly without: readonly string[];
  /** System calls that are reached through another one, whose first argument says which. */
  readonly multiplexed: Readonly<Record<string, readonly [through: string, call: number]>>;
}

const X32_BIT = 0x4000_0000;
/** x86-64 has them and x32 does not (abi `64` in syscall_64.tbl). */
const NOT_X32 = [
  '_sysctl',
  'create_module',
  'epoll_ctl_old',
  'epoll_wait_old',
  'get_kernel_syms',
  'get_thread_area',
  'nfsservctl',
  'query_module',
  'set_thread_area',
  'uselib',
  'vserver',
];

/** linux/net.h: SYS_SOCKET and following, by number from 1 on. */
const SOCKET_CALLS =
  'socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg';
/** linux/ipc.h. */
const IPC_CALLS = {
  semop: 1,
  semget: 2,
  semctl: 3,
  semtimedop: 4,
  msgsnd: 11,
  msgrcv: 12,
  msgget: 13,
  msgctl: 14,
  shmat: 21,
  shmdt: 22,
  shmget: 23,
  shmctl: 24,
};
const X86_MULTIPLEXED = {
  ...Object.fromEntries(
    SOCKET_CALLS.split(' ').map((name, index) => [name, ['socketcall', index + 1] as const]),
  ),
  ...Object.fromEntries(Object.entries(IPC_CALLS).map(([name, call]) => [name, ['ipc', call] as const])),
};

const plain = { bit: 0, without: [], multiplexed: {} };
const HERE: Readonly<Record<Machine, Readonly<Record<string, Architecture>>>> = {
  x64: {
    SCMP_ARCH_X86_64: { ...plain, audit: 0xc000_003e, token: 0xc000_003e, isWide: true, tables: [X86_64] },
    SCMP_ARCH_X86: {
      ...plain,
      audit: 0x4000_0003,
      token: 0x4000_0003,
      isWide: false,
      tables: [X86],
      multiplexed: X86_MULTIPLEXED,
    },
    SCMP_ARCH_X32: {
      ...plain,
      audit: 0xc000_003e,
      token: 0x4000_003e,
      bit: X32_BIT,
      isWide: true,
      tables: [X86_64, X32_ONLY],
      without: NOT_X32,
    },
  },
  arm64: {
    SCMP_ARCH_AARCH64: { ...plain, audit: 0xc000_00b7, token: 0xc000_00b7, isWide: true, tables: [AARCH64] },
    SCMP_ARCH_ARM: { ...plain, audit: 0x4000_0028, token: 0x4000_0028, isWide: false, tables: [ARM] },
  },
};
const NATIVE: Readonly<Record<Machine, string>> = { x64: 'SCMP_ARCH_X86_64', arm64: 'SCMP_ARCH_AARCH64' };

/** All that a profile may name (runtime-spec config-linux.md, `architectures`). */
export const SECCOMP_ARCHITECTURES: readonly string[] = [
  'SCMP_ARCH_AARCH64',
  'SCMP_ARCH_ARM',
  'SCMP_ARCH_LOONGARCH64',
  'SCMP_ARCH_M68K',
  'SCMP_ARCH_MIPS',
  'SCMP_ARCH_MIPS64',
  'SCMP_ARCH_MIPS64N32',
  'SCMP_ARCH_MIPSEL',
  'SCMP_ARCH_MIPSEL64',
  'SCMP_ARCH_MIPSEL64N32',
  'SCMP_ARCH_PARISC',
  'SCMP_ARCH_PARISC64',
  'SCMP_ARCH_PPC',
  'SCMP_ARCH_PPC64',
  'SCMP_ARCH_PPC64LE',
  'SCMP_ARCH_RISCV64',
  'SCMP_ARCH_S390',
  'SCMP_ARCH_S390X',
  'SCMP_ARCH_SH',
  'SCMP_ARCH_SHEB',
  'SCMP_ARCH_X32',
  'SCMP_ARCH_X86',
  'SCMP_ARCH_X86_64',
];

/**
 * The architectures of a profile that a machine has, its own always among them. What is of another machine never makes a call
 * here, and is left out. Throws `invalid-argument` for a name that is none, in runc's words.
 */
export function architecturesOf(names: readonly string[], machine: Machine): Architecture[] {
  for (const name of names) {
    if (!SECCOMP_ARCHITECTURES.includes(name))
      throw invalidArgument(`string ${name} is not a valid arch for seccomp`);
  }
  const here = HERE[machine];
  const wanted = new Set([NATIVE[machine], ...names]);
  return [...wanted].flatMap((name) => (Object.hasOwn(here, name) ? [here[name] as Architecture] : []));
}

/** x86-64 lets x32 calls through its own entry: where a profile does not have them, they are refused (as libseccomp does). */
export const otherCallsOf = (architectures: readonly Architecture[]): number | undefined =>
  architectures.some(({ audit }) => audit === HERE.x64['SCMP_ARCH_X86_64']?.audit) &&
  !architectures.some(({ bit }) => bit === X32_BIT)
    ? X32_BIT
    : undefined;

/** All names of any architecture: libseccomp, which may know what is newer, need not be asked for them. */
export const knownNames = (): ReadonlySet<string> =>
  new Set([X86_64, X86, AARCH64, ARM, FOREIGN].flatMap((table) => table.split(/\s+/)));

/** Looks names up: the number on the architecture, undefined where there is none. */
export function createResolver(
  { tables, bit, token, without }: Architecture,
  known = knownNames(),
): (name: string) => number | undefined {
  const numbers = new Map(tables.flatMap(parseTable));
  for (const name of without) numbers.delete(name);
  return (name) => {
    const number = numbers.get(name);
    if (number !== undefined) return bit + number;
    return known.has(name) ? undefined : askLibrary(token, name);
  };
}

/** Where there is no libseccomp, a name that we don't know is one that nobody knows. */
function askLibrary(token: number, name: string): number | undefined {
  try {
    return resolveSyscall(token, name);
  } catch {
    return undefined;
  }
}

function parseTable(table: string): [name: string, number: number][] {
  const found: [string, number][] = [];
  let next = 0;
  for (const word of table.trim().split(/\s+/)) {
    if (/^\d/.test(word)) next = Number(word);
    else found.push([word, next++]);
  }
  return found;
}
