/*
 * Starts shims without forking Node: vfork-like clone on a thread of its own, since the caller is held until the child
 * executes (up to 100 ms on a busy machine) and since fork would copy V8's page tables. The child shares our memory and makes
 * raw calls only, on a stack of its own, with every signal blocked.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK_BYTES 65536
#define FDS 2 /* become descriptors `first` and `first` + 1 */

struct request {
	uint64_t sequence;
	int exe_fd, fds[FDS], first;
	int inherits; /* descriptors 0 to first - 1 stay open: libuv has made all that Node was given close-on-exec */
	char *argv[3];
	char text[];
};

struct result {
	uint64_t sequence;
	int64_t pid; /* or a negative errno */
};

struct child {
	const struct request *request;
	int error;
};

static int requests[2] = { -1, -1 }, results[2] = { -1, -1 };

static int in_child(void *argument)
{
	struct child *child = argument;
	const struct request *request = child->request;
	char *const environment[] = { NULL };
	int moved[FDS];

	for (int i = 0; i < FDS; i++) {
		moved[i] = fcntl(request->fds[i], F_DUPFD, request->first + 61);
		if (moved[i] >= 0)
			continue;
		if (errno == EINVAL) /* the limit is lower than the number asked for */
			errno = EMFILE;
		goto failed;
	}
	for (int i = 0; i < FDS; i++)
		if (dup2(moved[i], request->first + i) < 0)
			goto failed;
	for (int fd = 0; request->inherits && fd < request->first; fd++)
		fcntl(fd, F_SETFD, 0);
	syscall(SYS_close_range, (unsigned)request->first + FDS, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
	syscall(SYS_execveat, request->exe_fd, "", request->argv, environment, AT_EMPTY_PATH);
failed:
	child->error = errno;
	_exit(127);
}

/* The pid or a negative errno. Every signal is blocked. */
static int64_t start(const struct request *request, char *stack)
{
	struct child child = { .request = request };
	pid_t pid = clone(in_child, stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, &child);

	return pid < 0 ? -errno : child.error != 0 ? -child.error : pid;
}

static void *spawner(void *stack)
{
	struct request *request;

	while (read(requests[0], &request, sizeof(request)) == (ssize_t)sizeof(request)) {
		struct result result = { .sequence = request->sequence, .pid = start(request, stack) };

		free(request);
		(void)!write(results[1], &result, sizeof(result));
	}
	return NULL;
}

/* Starts `threads` spawner threads; the descriptor on which struct result arrive, or a negative errno. Once. */
int wherry_spawner_start(int threads);

int wherry_spawner_start(int threads)
{
	sigset_t all, before;
	int error = 0;

	if (results[0] >= 0)
		return -EALREADY;
	if (pipe2(requests, O_CLOEXEC) < 0 || pipe2(results, O_CLOEXEC) < 0)
		return -errno;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	for (int i = 0; i < threads && error == 0; i++) {
		char *stack = malloc(STACK_BYTES);
		pthread_t thread;

		error = stack == NULL ? ENOMEM : pthread_create(&thread, NULL, spawner, stack);
		if (error == 0)
			pthread_detach(thread);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error != 0 ? -error : results[0];
}

/*
 * Asks for `exe_fd` to be run with control_fd as 3 and plan_fd as 4, arguments name and tag, and an empty environment. The
 * descriptors must stay open until the result for `sequence` has come. 0 or a negative errno.
 */
int wherry_spawn(uint64_t sequence, int exe_fd, int control_fd, int plan_fd, const char *name, const char *tag);

int wherry_spawn(uint64_t sequence, int exe_fd, int control_fd, int plan_fd, const char *name, const char *tag)
{
	size_t name_bytes = strlen(name) + 1, tag_bytes = strlen(tag) + 1;
	struct request *request = malloc(sizeof(*request) + name_bytes + tag_bytes);

	if (request == NULL)
		return -ENOMEM;
	*request = (struct request){ .sequence = sequence, .exe_fd = exe_fd, .fds = { control_fd, plan_fd }, .first = 3 };
	memcpy(request->text, name, name_bytes);
	memcpy(request->text + name_bytes, tag, tag_bytes);
	request->argv[0] = request->text;
	request->argv[1] = request->text + name_bytes;
	if (write(requests[1], &request, sizeof(request)) != (ssize_t)sizeof(request)) {
		free(request);
		return -errno;
	}
	return 0;
}

/*
 * The same for a command that lives shorter than a thread is worth: on the caller's thread, which waits until the program runs.
 * Descriptors 0 to first - 1 are passed on as they are, report_fd and plan_fd follow; `argument` is the program's. The pid or a
 * negative errno.
 */
int64_t wherry_launch(int exe_fd, int report_fd, int plan_fd, int first, const char *name, const char *argument);

int64_t wherry_launch(int exe_fd, int report_fd, int plan_fd, int first, const char *name, const char *argument)
{
	struct request request = { .exe_fd = exe_fd, .fds = { report_fd, plan_fd }, .first = first, .inherits = 1,
				   .argv = { (char *)(uintptr_t)name, (char *)(uintptr_t)argument, NULL } };
	char *stack = malloc(STACK_BYTES);
	sigset_t all, before;
	int64_t pid;

	if (stack == NULL)
		return -ENOMEM;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	pid = start(&request, stack);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	free(stack);
	return pid;
}
