/*
 * The first process of a container that asks for one (`--init`): starts the container's program, hands signals on to it, reaps what is
 * orphaned, and ends as the program does. C because it runs inside the container, where there is nothing of ours but this file.
 *
 * `docker-init -- PROGRAM [ARGUMENTS...]`. It exits with the program's code, or 128 + the signal that ended it; 126 or 127 when the
 * program can't be run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT_INVOKE 126
#define NOT_FOUND 127
#define KILLED 128

/* What the kernel sends for a fault of our own must not be held back. */
static const int FAULTS[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS};

/*
 * A first process is sent only signals that it handles or blocks: all are blocked, and waited for one by one. The daemon has blocked them
 * before we began, so that none is lost. A write to the terminal from the background is neither's fault.
 */
static void block_all(sigset_t *all)
{
	sigfillset(all);
	for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++)
		sigdelset(all, FAULTS[i]);
	sigdelset(all, SIGTTIN);
	sigdelset(all, SIGTTOU);
	sigprocmask(SIG_SETMASK, all, NULL);
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
}

static int failure(const char *program)
{
	int reason = errno;

	dprintf(STDERR_FILENO, "docker-init: exec %s failed: %s\n", program, strerror(reason));
	return reason == ENOENT ? NOT_FOUND : CANNOT_INVOKE;
}

/* A process group of its own, which owns the terminal: Ctrl-C reaches the program and its children, and a shell has job control. */
static void become(char **command)
{
	sigset_t none;

	sigemptyset(&none);
	setpgid(0, 0);
	tcsetpgrp(STDIN_FILENO, getpgrp());
	signal(SIGTTIN, SIG_DFL);
	signal(SIGTTOU, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(command[0], command);
	_exit(failure(command[0]));
}

/* Reaps whatever has ended; the program's own end is ours. */
static void reap(pid_t program)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid == program)
			_exit(WIFSIGNALED(status) ? KILLED + WTERMSIG(status) : WEXITSTATUS(status));
		if (pid <= 0)
			return;
	}
}

int main(int argc, char **argv)
{
	char **command = argv + 1;
	sigset_t all;

	if (argc > 1 && strcmp(argv[1], "--") == 0)
		command++;
	if (argc == 0 || *command == NULL) {
		dprintf(STDERR_FILENO, "docker-init: there is no program to run\n");
		return NOT_FOUND;
	}
	block_all(&all);
	pid_t program = fork();

	if (program < 0)
		return failure(command[0]);
	if (program == 0)
		become(command);
	for (;;) {
		int number = sigwaitinfo(&all, NULL);

		if (number == SIGCHLD)
			reap(program);
		else if (number > 0)
			kill(program, number);
	}
}
