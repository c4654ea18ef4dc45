/*
 * Passes this process's signals on to one other process. C, because a handler in JavaScript runs only when the event loop turns,
 * and a command that waits for its container has no loop to turn; making one listener a signal also costs it 3 ms.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

static volatile sig_atomic_t target;
static volatile uint64_t pending; /* bit n - 1: signal n came before there was a target */

static void on_signal(int number)
{
	int error = errno;

	if (target > 0)
		kill(target, number);
	else
		__atomic_or_fetch(&pending, 1ull << (number - 1), __ATOMIC_RELAXED);
	errno = error;
}

/* Not a container's: faults of our own, what only we can have met, and what can't be caught. */
static int is_own(int number)
{
	switch (number) {
	case SIGKILL: case SIGSTOP: case SIGCHLD: case SIGWINCH: case SIGURG: case SIGPIPE:
	case SIGSEGV: case SIGBUS: case SIGFPE: case SIGILL: case SIGTRAP: case SIGSYS:
		return 1;
	default:
		return number > SIGSYS && number < SIGRTMIN;
	}
}

/* With pid 0 signals are kept until a later call names the target. 0 or a negative errno. */
int wherry_forward_signals(int pid);

int wherry_forward_signals(int pid)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK };
	uint64_t held;

	target = pid;
	if (pid > 0) {
		held = __atomic_exchange_n(&pending, 0, __ATOMIC_RELAXED);
		for (int number = 1; number <= 64; number++)
			if (held >> (number - 1) & 1)
				kill(pid, number);
		return 0;
	}
	sigfillset(&action.sa_mask);
	for (int number = 1; number <= SIGRTMAX; number++)
		if (!is_own(number) && sigaction(number, &action, NULL) < 0)
			return -errno;
	return 0;
}
