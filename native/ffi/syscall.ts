import { constants } from 'node:os';
import { WherryError } from '../../common/errors.ts';
import { inCall } from './beat.ts';
import { bind } from './library.ts';

/**
 * Binds one shape of `wherry_syscall`: `parameters` are C parameter declarations after the number,
 * e.g. `int64_t dirfd, const char *path, void *how, int64_t size`. A Buffer passes as `void *` and is written in place.
 * The result is that of the system call, -errno on failure. Integers are int64 so that -1 is sign-extended.
 */
export function syscallShape<A extends unknown[]>(
  parameters: string,
): (number: number, ...args: A) => number {
  return bind<(number: number, ...args: A) => number>(
    `int64_t wherry_syscall(int64_t number${parameters === '' ? '' : `, ${parameters}`})`,
  );
}

/** Second names of EAGAIN and EOPNOTSUPP. */
const ALIASES = ['EWOULDBLOCK', 'ENOTSUP'];
const errnoNames = new Map(
  Object.entries(constants.errno).flatMap(([name, value]) => (ALIASES.includes(name) ? [] : [[value, name]])),
);

/** `EPERM` for 1; `errno 123` when libuv has no name for it. */
export const errnoName = (errno: number): string => errnoNames.get(errno) ?? `errno ${errno}`;

/** A failed system call: `Cannot mkdirat "/a/b": EEXIST`. */
export class SyscallError extends WherryError {
  readonly call: string;
  readonly errno: number;
  /** `EEXIST`. */
  readonly errnoName: string;

  constructor(call: string, errno: number, subject?: string) {
    const name = errnoName(errno);
    const code = name === 'ENOENT' ? 'not-found' : name === 'EEXIST' ? 'already-exists' : 'internal';
    super(code, `Cannot ${call}${subject === undefined ? '' : ` "${subject}"`}: ${name}`);
    this.call = call;
    this.errno = errno;
    this.errnoName = name;
  }
}

/** Runs `attempt` until it is not interrupted; throws SyscallError on failure. `subject` is the path or value it acts on. */
export function checked(call: string, subject: string | undefined, attempt: () => number): number {
  for (;;) {
    const result = inCall(attempt);
    if (result >= 0) return result;
    if (result !== -constants.errno.EINTR) throw new SyscallError(call, -result, subject);
  }
}
