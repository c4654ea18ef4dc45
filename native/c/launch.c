/*
 * The launcher: runs one plan for the OCI runtime's command line, with the stdio it was given, and ends; the container's first
 * process is then the caller's (its subreaper's) child. C for the same reason as the interpreter.
 *
 * `wherry-init N`: descriptors 3 to 2 + N are passed on to the container; then come the report socket and the plan.
 */
#define _GNU_SOURCE
#include "plan.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fcntl.h>

static void end(int number)
{
	_exit(128 + number);
}

/*
 * Node ignores SIGPIPE and blocks everything while it starts us; a container inherits neither. What asks a process to end is handled,
 * until it executes its program: the first one of a pid namespace would not get a signal that it does not handle.
 */
static void reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number <= SIGSYS; number++)
		signal(number, number == SIGHUP || number == SIGINT || number == SIGTERM ? end : SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int main(int argc, char **argv)
{
	int first = 3 + (argc > 1 ? atoi(argv[1]) : 0), error;
	struct plan plan;

	reset_signals();
	/* Before anything of a container can see us: nobody in there may ptrace us or read our descriptors (CVE-2016-9962). */
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NAME, "wherry-init");
	fcntl(first, F_SETFD, FD_CLOEXEC);
	error = plan_load(&plan, first + 1);
	close(first + 1);
	plan.report_fd = first;
	plan.report.kind = REPORT_FAILED;
	if (error < 0) {
		plan.report.step = ~0u;
		plan.report.error = -error;
	} else {
		error = plan_run(&plan);
	}
	if (error < 0)
		(void)!write(first, &plan.report, sizeof(plan.report));
	return error < 0;
}
