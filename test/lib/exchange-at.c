/*
 * Exchanges two names just before one certain system call of a program, so that a race is won at a place of one's choice and not by
 * luck: `exchange-at CALL ONE OTHER PROGRAM [ARGUMENT...]`. Calls that take paths or list directories are counted, the program's and
 * those of all whom it starts, until a root is pivoted. A program that does many things in turn arms it anew for each, by a renameat2
 * that the kernel never sees (exchange-at.ts); from then on, calls of other threads of its process do not count.
 * C because the one who answers for the kernel (man 2 seccomp_unotify) must make no such call itself.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARMS 0x4558
#define EXCHANGE 2
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const int watched[] = {
	SYS_openat2,	SYS_openat,    SYS_open_tree,  SYS_move_mount, SYS_mkdirat,   SYS_mknodat,   SYS_readlinkat,
	SYS_symlinkat,	SYS_linkat,    SYS_unlinkat,   SYS_renameat2,  SYS_newfstatat, SYS_statx,    SYS_fchownat,
	SYS_fchmodat,	SYS_utimensat, SYS_mount,      SYS_getdents64, SYS_faccessat, SYS_lsetxattr, SYS_pivot_root,
};

static const char *one, *other;
static long left, armer, group;

static int listen_to_self(void)
{
	struct sock_filter code[2 * LENGTH(watched) + 2];
	struct sock_fprog program = { .filter = code };
	unsigned short at = 0;

	code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < LENGTH(watched); i++) {
		code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)watched[i], 0, 1);
		code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = at;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* Who arms it is told how many calls were left until then. */
static long arm(const struct seccomp_notif *call)
{
	long before = left;

	armer = call->pid;
	group = (long)call->data.args[0];
	left = (long)(call->data.args[4] & 0xffff);
	return before;
}

static void look_at(const struct seccomp_notif *call)
{
	if (armer != 0 && call->pid != armer && syscall(SYS_tgkill, group, call->pid, 0) == 0)
		return;
	if (call->data.nr == SYS_pivot_root)
		left = 0;
	else if (left > 0 && --left == 0)
		(void)syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, EXCHANGE);
}

/* Until nobody is left who could be waiting for an answer. */
static void serve(int listener)
{
	/* The kernel's structures may be longer than ours. */
	static union {
		struct seccomp_notif call;
		char bytes[1024];
	} asked;
	static union {
		struct seccomp_notif_resp answer;
		char bytes[1024];
	} told;
	struct pollfd ready = { .fd = listener, .events = POLLIN };

	while (poll(&ready, 1, -1) >= 0 && ready.revents & POLLIN) {
		memset(&asked, 0, sizeof(asked));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
			continue;
		memset(&told, 0, sizeof(told));
		told.answer.id = asked.call.id;
		if (asked.call.data.nr == SYS_renameat2 && asked.call.data.args[4] >> 16 == ARMS) {
			told.answer.val = arm(&asked.call);
		} else {
			look_at(&asked.call);
			told.answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		}
		(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &told);
	}
}

int main(int argc, char **argv)
{
	int *listener = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	pid_t child;

	if (argc < 5 || listener == MAP_FAILED)
		return 125;
	left = atol(argv[1]);
	one = argv[2];
	other = argv[3];
	/* Descriptors are shared until it executes the program: the listener is ours, too. It is not before then that we go on. */
	child = (pid_t)syscall(SYS_clone, CLONE_FILES | CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, 0);
	if (child == 0) {
		*listener = listen_to_self();
		execv(argv[4], argv + 4);
		_exit(125);
	}
	if (child < 0 || *listener < 0)
		return fprintf(stderr, "exchange-at: no listener\n"), 125;
	serve(*listener);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
