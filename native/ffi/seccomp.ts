import { internal } from '../../common/errors.ts';
import { loadLibrary } from './library.ts';

/** The only use of libseccomp: system calls that our own tables do not know (man 3 seccomp_syscall_resolve_name_arch). */
type Resolve = (architecture: number, name: string) => number;

let resolve: Resolve | undefined;

/** A name that no architecture has. */
const NR_SCMP_ERROR = -1;

/**
 * The number of a system call in an AUDIT_ARCH_* token; undefined when the library does not know the name, or that architecture
 * lacks it (the library's pseudo numbers are negative).
 */
export function resolveSyscall(architecture: number, name: string): number | undefined {
  resolve ??= bindResolve();
  const number = resolve(architecture, name);
  return number <= NR_SCMP_ERROR ? undefined : number;
}

function bindResolve(): Resolve {
  try {
    const prototype = 'int seccomp_syscall_resolve_name_arch(uint32_t arch_token, const char *name)';
    return loadLibrary('libseccomp.so.2').func(prototype);
  } catch (error) {
    throw internal('Cannot load libseccomp.so.2: install libseccomp2', { cause: error });
  }
}
