/*
 * The shim: one process per container or exec. It runs the launch plan, then stays: holds stdio or the pty, writes the log,
 * serves attached clients, reaps, and records the exit. It needs nothing of the daemon that started it.
 *
 * C because a resident Node costs 13 MB a process where this costs a few pages. Policy is in the plan and in the daemon.
 */
#define _GNU_SOURCE
#include "clients.h"
#include "control.h"
#include "log.h"
#include "monitor.h"
#include "plan.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 1000 /* after the end, for clients that are slow to leave */
#define LOG_CALM_NS 1000000000ull /* without a failure, before the log counts as written again */
#define TEXT_BYTES 4096
#define OOM_TEXT_BYTES 1024

enum phase { LAUNCHING, RUNNING, DRAINING, ENDED };

static struct {
	struct monitor_config config;
	enum phase phase;
	pid_t pid;
	int status;
	uint64_t started_ns, finished_ns, drain_until_ns, tick_ns;
	int directory_fd, report_fd, signal_fd, oom_fd;
	int output[2]; /* stdout (or the pty master) and stderr; -1: at its end */
	int pty;
	int log_error;
	uint64_t log_failed_ns;
	int log_told; /* what is known of the log's losses was heard by somebody */
} shim = { .directory_fd = -1, .report_fd = -1, .signal_fd = -1, .oom_fd = -1, .output = { -1, -1 }, .pty = -1 };

static char texts[TEXT_BYTES]; /* the configuration's strings, kept when the plan is unmapped */
static size_t texts_bytes;
static char chunk[STREAM_CHUNK_BYTES];

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

_Noreturn static void quit(int code)
{
	if (shim.directory_fd >= 0)
		unlinkat(shim.directory_fd, "sock", 0);
	_exit(code);
}

_Noreturn static void fail(const struct plan_report *report)
{
	control_send(-1, FRAME_FAILED, report, sizeof(*report));
	quit(1);
}

/* A failure of the shim's own preparations: step ~0. */
static int must(int result)
{
	struct plan_report report = { .kind = REPORT_FAILED, .step = ~0u, .error = errno };

	if (result < 0)
		fail(&report);
	return result;
}

/* ---- what the daemon asks for */

static int on_attach(const struct attach_request *request, const char *rest, size_t bytes, int fd)
{
	/* Out of the way of the fixed numbers: a client from before the start may have come under one that a pty leaves free. */
	int kept = fcntl(fd, F_DUPFD_CLOEXEC, 16), error = errno;

	close(fd);
	return kept < 0 ? -error : clients_add(request, rest, rest + request->keys_bytes, bytes - request->keys_bytes, kept);
}

static int on_signal(int number)
{
	if (shim.phase != RUNNING)
		return -ESRCH;
	/* It leads a process group of its own, whose number is not another's before it is reaped. */
	return kill(number < 0 ? -shim.pid : shim.pid, number < 0 ? -number : number) < 0 ? -errno : 0;
}

static int on_resize(uint16_t rows, uint16_t columns)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };

	if (!(shim.config.flags & MONITOR_TTY) || shim.pty < 0)
		return 0;
	return ioctl(shim.pty, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

/* Output that is read from here on is the client's: the log as it stands, and what is not in it yet, come before. */
static void on_hold(uint64_t client, int fd)
{
	static char payload[sizeof(struct held_event) + 2 * LOG_LINE_BYTES];
	struct held_event event = { .client = client };
	size_t bytes = sizeof(event);

	clients_hold(client, fd);
	if (shim.config.flags & MONITOR_LOG) {
		log_place(&event.log_inode, &event.log_bytes);
		for (int stream = 1; stream <= 2; stream++) {
			const char *text;
			size_t held = log_unfinished(stream, &text);

			memcpy(payload + bytes, text, held);
			event.unfinished_bytes[stream - 1] = (uint32_t)held;
			bytes += held;
		}
	}
	memcpy(payload, &event, sizeof(event));
	control_send(fd, FRAME_HELD, payload, bytes);
}

static void on_detached(uint64_t client, uint32_t reason)
{
	struct detached_event event = { .client = client, .reason = reason };

	control_send(-1, FRAME_DETACHED, &event, sizeof(event));
}

static void send_started(int fd)
{
	struct started_event event = { .pid = (uint32_t)shim.pid, .time_ns = shim.started_ns };

	control_send(fd, FRAME_STARTED, &event, sizeof(event));
}

/* The event and, behind it, what the kernel said of out-of-memory kills. */
static size_t exited_event(char *payload)
{
	struct exited_event event = { .pid = (uint32_t)shim.pid, .started_ns = shim.started_ns, .time_ns = shim.finished_ns };
	ssize_t got = shim.oom_fd >= 0 ? pread(shim.oom_fd, payload + sizeof(event), OOM_TEXT_BYTES - 1, 0) : 0;

	event.signal = WIFSIGNALED(shim.status) ? WTERMSIG(shim.status) : 0;
	event.code = WIFSIGNALED(shim.status) ? 128 + event.signal : WEXITSTATUS(shim.status);
	memcpy(payload, &event, sizeof(event));
	payload[sizeof(event) + (got > 0 ? (size_t)got : 0)] = 0;
	return sizeof(event) + (got > 0 ? (size_t)got : 0);
}

static void send_exited(int fd)
{
	char payload[sizeof(struct exited_event) + OOM_TEXT_BYTES];

	control_send(fd, FRAME_EXITED, payload, exited_event(payload));
}

static void send_log(int fd)
{
	struct log_event event = { .error = -shim.log_error, .told = (uint32_t)shim.log_told, .lost_bytes = log_lost_bytes() };

	if (control_send(fd, FRAME_LOG, &event, sizeof(event)) > 0)
		shim.log_told = 1;
}

static void on_greet(int fd)
{
	if (log_lost_bytes() > 0)
		send_log(fd);
	if (shim.phase == RUNNING || shim.phase == DRAINING)
		send_started(fd);
	else if (shim.phase == ENDED)
		send_exited(fd);
}

/* ---- before the launch */

static const char *keep_text(const struct plan *plan, uint32_t offset)
{
	const char *kept = texts + texts_bytes;
	size_t bytes;

	if (offset == 0)
		return NULL;
	if (offset >= plan->header->blob_bytes)
		must((errno = EBADMSG, -1));
	bytes = strlen(plan->blob + offset) + 1;
	if (bytes > TEXT_BYTES - texts_bytes)
		must((errno = E2BIG, -1));
	memcpy(texts + texts_bytes, plan->blob + offset, bytes);
	texts_bytes += bytes;
	return kept;
}

static void place(int fd, int target)
{
	if (fd == target)
		return;
	must(dup3(fd, target, O_CLOEXEC));
	close(fd);
}

/* A descriptor of ours, out of the way of the fixed numbers. */
static int keep(int fd)
{
	int kept = must(fcntl(fd, F_DUPFD_CLOEXEC, 16));

	close(fd);
	return kept;
}

static void no_wait(int fd)
{
	must(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
}

static int listen_in(const char *directory)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int fd;

	/* Relative, because a socket's path may have 107 bytes only. */
	must(chdir(directory));
	shim.directory_fd = keep(must(open(".", O_DIRECTORY | O_PATH | O_CLOEXEC)));
	fd = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	unlink("sock");
	must(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	must(listen(fd, 64));
	must(chdir("/"));
	return keep(fd);
}

static void make_pipe(int child_fd, int child_end, int *ours)
{
	int ends[2];

	must(pipe2(ends, O_CLOEXEC));
	*ours = keep(ends[1 - child_end]);
	no_wait(*ours);
	place(keep(ends[child_end]), child_fd);
}

static void make_stdio(void)
{
	int input = -1;

	/* With a pty these numbers are only kept from others: what stands on them is closed with the plan. */
	if (shim.config.flags & MONITOR_TTY) {
		for (int fd = STDIN_FD; fd <= STDERR_FD; fd++)
			place(keep(must(open("/dev/null", O_RDWR | O_CLOEXEC))), fd);
		return;
	}
	if (shim.config.flags & MONITOR_STDIN)
		make_pipe(STDIN_FD, 0, &input);
	else
		place(keep(must(open("/dev/null", O_RDONLY | O_CLOEXEC))), STDIN_FD);
	make_pipe(STDOUT_FD, 1, &shim.output[0]);
	make_pipe(STDERR_FD, 1, &shim.output[1]);
	clients_set_stdin(input, 0);
}

static void open_log(const char *path, const char *attrs)
{
	int error;

	if (!(shim.config.flags & MONITOR_LOG) || path == NULL)
		return;
	error = log_open(path, attrs, shim.config.log_max_bytes, shim.config.log_max_files);
	if (error < 0)
		must((errno = -error, -1));
}

/* The spool lies beside the log, on a real disk. */
static const char *spool_directory(const char *log_path)
{
	static char directory[TEXT_BYTES];
	const char *slash = log_path == NULL ? NULL : strrchr(log_path, '/');

	if (slash == NULL || !(shim.config.flags & MONITOR_LOG))
		return NULL;
	memcpy(directory, log_path, (size_t)(slash - log_path));
	return directory;
}

static void make_report_socket(struct plan *plan)
{
	int sockets[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	shim.report_fd = keep(sockets[0]);
	place(keep(sockets[1]), REPORT_FD);
	plan->report_fd = REPORT_FD;
}

static void reset_process(void)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	/* The descriptors 0 to 2 may be open or closed; afterwards they are /dev/null, and nothing else is. */
	for (int fd = 0; fd <= 2; fd++)
		if (null >= 0 && null != fd)
			dup2(null, fd);
	if (null > 2)
		close(null);
	for (int number = 1; number <= SIGSYS; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	umask(0022);
	(void)!chdir("/");
	prctl(PR_SET_NAME, "wherry-shim");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_DUMPABLE, 0);
}

/* A step that waits for a child of the plan fails when that child has: what the child met comes first. */
static void hear_child(struct plan_report *report)
{
	struct plan_report told;

	while (recv(shim.report_fd, &told, sizeof(told), MSG_DONTWAIT) == (ssize_t)sizeof(told))
		if (told.kind == REPORT_FAILED)
			*report = told;
}

static void watch_children(void)
{
	sigset_t child;

	signal(SIGPIPE, SIG_IGN); /* a process may close its stdin */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	shim.signal_fd = keep(must(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK)));
}

static void release_plan(struct plan *plan, size_t bytes)
{
	munmap((void *)(uintptr_t)plan->header, bytes);
	if (plan->told != NULL)
		munmap(plan->told, sizeof(*plan->told));
	for (int fd = PLAN_FD; fd <= REPORT_FD; fd++)
		close(fd);
}

static void launch(void)
{
	static const struct control_handlers handlers = { on_attach, on_signal, on_resize, clients_close_stdin, on_hold,
						       clients_release, clients_abandon, on_greet };
	const char *directory, *log_path, *log_attrs, *oom_file;
	struct clients_config clients = { .detached = on_detached };
	struct plan plan;
	int error;

	control_open(&handlers, CONTROL_FD, -1);
	fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC);
	error = plan_load(&plan, PLAN_FD);
	if (error < 0 || plan.header->monitor == 0 ||
	    plan.header->monitor - 1 + sizeof(shim.config) > plan.header->blob_bytes)
		must((errno = error < 0 ? -error : EBADMSG, -1));
	memcpy(&shim.config, plan.blob + plan.header->monitor - 1, sizeof(shim.config));
	directory = keep_text(&plan, shim.config.directory);
	log_path = keep_text(&plan, shim.config.log_path);
	log_attrs = keep_text(&plan, shim.config.log_attrs);
	oom_file = keep_text(&plan, shim.config.oom_file);
	if (directory == NULL)
		must((errno = EINVAL, -1));
	make_report_socket(&plan);
	make_stdio();
	control_open(&handlers, -1, listen_in(directory));
	open_log(log_path, log_attrs);
	stream_open(spool_directory(log_path));
	clients.once = (shim.config.flags & MONITOR_STDIN_ONCE) != 0;
	clients.awaits_terminal = (shim.config.flags & MONITOR_TTY) && (shim.config.flags & MONITOR_STDIN);
	clients_open(&clients);
	control_drain(); /* clients that came before the start see the first byte */
	if (plan_run(&plan) < 0) {
		hear_child(&plan.report);
		fail(&plan.report);
	}
	shim.pid = (pid_t)plan.slots[plan.header->init_slot % PLAN_SLOTS];
	watch_children();
	if (oom_file != NULL)
		shim.oom_fd = open(oom_file, O_RDONLY | O_CLOEXEC);
	if (shim.oom_fd >= 0)
		shim.oom_fd = keep(shim.oom_fd);
	release_plan(&plan, plan.header->total_bytes);
}

/* ---- while it runs */

static void note_log(int error)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (error != 0)
		shim.log_failed_ns = now;
	if (error == shim.log_error)
		return;
	/* On a full disk a short line fits now and then: that is no recovery. */
	if (error == 0 && now - shim.log_failed_ns < LOG_CALM_NS)
		return;
	shim.log_error = error;
	shim.log_told = 0;
	send_log(-1);
}

/* 1: something was read, 0: nothing there now, -1: the end. */
static int read_output(int index)
{
	ssize_t got = read(shim.output[index], chunk, sizeof(chunk));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0) { /* a pty whose last slave closed says EIO */
		if (shim.output[index] != shim.pty)
			close(shim.output[index]);
		shim.output[index] = -1;
		return -1;
	}
	if (shim.config.flags & MONITOR_LOG)
		note_log(log_write(index + 1, chunk, (size_t)got));
	clients_output(index + 1, chunk, (size_t)got);
	return 1;
}

static void take_pty(struct msghdr *message)
{
	struct cmsghdr *part = CMSG_FIRSTHDR(message);
	int fd;

	if (part == NULL || part->cmsg_type != SCM_RIGHTS)
		return;
	memcpy(&fd, CMSG_DATA(part), sizeof(int));
	shim.pty = keep(fd);
	no_wait(shim.pty);
	shim.output[0] = shim.pty;
	if (shim.config.columns != 0)
		on_resize(shim.config.rows, shim.config.columns);
	clients_set_stdin(shim.config.flags & MONITOR_STDIN ? shim.pty : -1, 1);
}

static void started(void)
{
	close(shim.report_fd);
	shim.report_fd = -1;
	shim.phase = RUNNING;
	shim.started_ns = clock_ns(CLOCK_REALTIME);
	send_started(-1);
}

static void serve_report(void)
{
	struct plan_report report;
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec part = { &report, sizeof(report) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(shim.report_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got == (ssize_t)sizeof(report) && report.kind == REPORT_PTY) {
		take_pty(&message);
		return;
	}
	if (got == (ssize_t)sizeof(report)) {
		/* Another child than the init may be who failed: a logger that cannot run. */
		kill(shim.pid, SIGKILL);
		waitpid(shim.pid, NULL, 0);
		fail(&report);
	}
	started();
}

static void reap(void)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(shim.signal_fd, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != shim.pid)
			continue;
		/* It may have gone before its reports were read: the pty, and how the launch went. */
		for (int i = 0; i < 3 && shim.report_fd >= 0; i++)
			serve_report();
		shim.status = status;
		shim.finished_ns = clock_ns(CLOCK_REALTIME);
		shim.drain_until_ns = clock_ns(CLOCK_MONOTONIC) + shim.config.drain_ms * 1000000ull;
		shim.phase = DRAINING;
	}
}

static void record_exit(void)
{
	char payload[sizeof(struct exited_event) + OOM_TEXT_BYTES], text[OOM_TEXT_BYTES + 256];
	struct exited_event event;
	int fd, length;

	exited_event(payload);
	memcpy(&event, payload, sizeof(event));
	length = snprintf(text, sizeof(text), "pid %u\ncode %d\nsignal %d\nstarted %llu\nfinished %llu\n%s", event.pid, event.code,
			  event.signal, (unsigned long long)event.started_ns, (unsigned long long)event.time_ns,
			  payload + sizeof(event));
	fd = openat(shim.directory_fd, "exit.tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, (size_t)length) != length)
		return;
	close(fd);
	renameat(shim.directory_fd, "exit.tmp", shim.directory_fd, "exit");
}

static void end(void)
{
	for (int i = 0; i < 2; i++)
		if (shim.output[i] >= 0 && shim.output[i] != shim.pty)
			close(shim.output[i]);
	shim.output[0] = shim.output[1] = -1;
	if (shim.config.flags & MONITOR_LOG)
		note_log(log_flush());
	if (shim.log_error != 0) { /* how much it was in the end */
		shim.log_told = 0;
		send_log(-1);
	}
	record_exit();
	shim.phase = ENDED;
	send_exited(-1);
	clients_close_stdin();
	clients_finish();
}

/* Reads what is left; an output that somebody holds open is given up at the deadline, one that is slowly read is waited for. */
static void drain(void)
{
	static int64_t progress = INT64_MIN;
	int has_ended;

	for (int i = 0; i < 2; i++)
		while (shim.output[i] >= 0 && !clients_are_full() && read_output(i) > 0)
			;
	has_ended = shim.output[0] < 0 && shim.output[1] < 0;
	if ((clients_are_full() || has_ended) && clients_progress() > progress) {
		progress = clients_progress();
		shim.drain_until_ns = clock_ns(CLOCK_MONOTONIC) + shim.config.drain_ms * 1000000ull;
	}
	if ((has_ended && clients_have_taken()) || clock_ns(CLOCK_MONOTONIC) >= shim.drain_until_ns)
		end();
}

static int timeout_ms(void)
{
	if (shim.phase == DRAINING)
		return 5;
	return shim.phase == ENDED ? TICK_MS : -1;
}

static void serve_once(void)
{
	struct pollfd entries[4 + CONTROLS_MAX + 1 + CLIENTS_MAX + 1];
	int held_up = clients_are_full();
	int controls, clients, polled;

	entries[0] = (struct pollfd){ .fd = shim.signal_fd, .events = POLLIN };
	entries[1] = (struct pollfd){ .fd = shim.report_fd, .events = POLLIN };
	entries[2] = (struct pollfd){ .fd = held_up ? -1 : shim.output[0], .events = POLLIN };
	entries[3] = (struct pollfd){ .fd = held_up ? -1 : shim.output[1], .events = POLLIN };
	controls = control_poll(entries + 4);
	clients = clients_poll(entries + 4 + controls);
	polled = poll(entries, (nfds_t)(4 + controls + clients), timeout_ms());
	if (shim.phase == ENDED && clock_ns(CLOCK_MONOTONIC) >= shim.tick_ns) {
		shim.tick_ns = clock_ns(CLOCK_MONOTONIC) + TICK_MS * 1000000ull;
		clients_tick(faccessat(shim.directory_fd, "exit", F_OK, 0) < 0);
	}
	if (polled > 0) {
		if (entries[1].revents != 0)
			serve_report();
		for (int i = 0; i < 2; i++)
			if (entries[2 + i].revents != 0 && shim.output[i] >= 0)
				read_output(i);
		control_serve(entries + 4, controls);
		clients_serve(entries + 4 + controls, clients);
		if (entries[0].revents != 0)
			reap();
	}
	if (shim.phase == DRAINING)
		drain();
}

int main(void)
{
	reset_process();
	launch();
	reap();
	while (shim.phase != ENDED || clients_count() > 0)
		serve_once();
	quit(0);
}
