/*
 * Runs one plan from a file, without monitoring, and prints what failed: for tests and for a person at the lowest layer.
 * C for the same reason as the interpreter. `plan-run FILE` exits with the first child's code, or 125 if the plan failed.
 */
#define _GNU_SOURCE
#include "plan.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int print_failure(const struct plan_report *report)
{
	fprintf(stderr, "step %u errno %d ignored %llx\n", report->step, report->error, (unsigned long long)report->ignored);
	return 125;
}

int main(int argc, char **argv)
{
	struct plan_report report;
	struct plan plan;
	int sockets[2], status = 0, error;
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return fprintf(stderr, "usage: plan-run FILE\n"), 125;
	error = plan_load(&plan, fd);
	if (error < 0)
		return fprintf(stderr, "load: errno %d\n", -error), 125;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return fprintf(stderr, "socketpair failed\n"), 125;
	plan.report_fd = sockets[1];
	if (plan_run(&plan) < 0)
		return print_failure(&plan.report);
	close(sockets[1]);
	while (recv(sockets[0], &report, sizeof(report), 0) == (ssize_t)sizeof(report))
		if (report.kind == REPORT_FAILED)
			return print_failure(&report);
	while (wait(&status) > 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
