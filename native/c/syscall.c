/*
 * The one door of the FFI: a raw system call that returns -errno. C, because JavaScript has no syscall instruction, and
 * because errno must be read on the same thread before V8 does anything else there.
 */
#include <errno.h>
#include <unistd.h>

long wherry_syscall(long number, long a, long b, long c, long d, long e, long f);

long wherry_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	long result = syscall(number, a, b, c, d, e, f);

	return result == -1 ? -errno : result;
}
