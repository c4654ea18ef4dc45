/*
 * The shim's conversation with the daemon (monitor.h): frames on stream sockets, descriptors beside them. C because the shim
 * answers a daemon that was started after it. No peer is ever waited for.
 */
#define _GNU_SOURCE
#include "control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS_MAX 16

static struct connection {
	int fd;
	int fds[FDS_MAX], fd_count;
	size_t bytes;
	char buffer[sizeof(struct frame) + FRAME_MAX_BYTES];
} connections[CONTROLS_MAX];
static int count, listening = -1;
static struct control_handlers handlers;

static void add(int fd)
{
	connections[count].fd = fd;
	connections[count].fd_count = 0;
	connections[count].bytes = 0;
	count++;
}

void control_open(const struct control_handlers *given, int inherited_fd, int listen_fd)
{
	handlers = *given;
	listening = listen_fd;
	if (inherited_fd >= 0)
		add(inherited_fd);
}

static void drop(struct connection *connection)
{
	struct connection *last;

	handlers.gone(connection->fd);
	last = &connections[--count];
	while (connection->fd_count > 0)
		close(connection->fds[--connection->fd_count]);
	close(connection->fd);
	if (connection == last)
		return;
	connection->fd = last->fd;
	connection->fd_count = last->fd_count;
	connection->bytes = last->bytes;
	memcpy(connection->fds, last->fds, sizeof(last->fds));
	memcpy(connection->buffer, last->buffer, last->bytes);
}

static int send_to(int fd, uint16_t type, const void *payload, size_t bytes)
{
	struct frame frame = { .bytes = (uint32_t)bytes, .type = type };
	struct iovec parts[2] = { { &frame, sizeof(frame) }, { (void *)(uintptr_t)payload, bytes } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)(sizeof(frame) + bytes);
}

int control_send(int fd, uint16_t type, const void *payload, size_t bytes)
{
	int sent = 0;

	for (int i = count - 1; i >= 0; i--) {
		if (fd >= 0 && connections[i].fd != fd)
			continue;
		if (send_to(connections[i].fd, type, payload, bytes))
			sent++;
		else
			shutdown(connections[i].fd, SHUT_RDWR); /* its end is read, and it goes, in its turn */
	}
	return sent;
}

static void reply(int fd, uint32_t sequence, int result)
{
	struct reply_event event = { sequence, result };

	control_send(fd, FRAME_REPLY, &event, sizeof(event));
}

static int take_fd(struct connection *connection)
{
	int fd = connection->fds[0];

	if (connection->fd_count == 0)
		return -1;
	memmove(connection->fds, connection->fds + 1, (size_t)--connection->fd_count * sizeof(int));
	return fd;
}

static void handle_attach(struct connection *connection, const char *payload, size_t bytes)
{
	struct detached_event event = { .reason = DETACH_ERROR };
	struct attach_request request;
	int fd = take_fd(connection);

	if (fd < 0)
		return;
	if (bytes < sizeof(request)) {
		close(fd);
		return;
	}
	memcpy(&request, payload, sizeof(request));
	if (request.keys_bytes > bytes - sizeof(request))
		close(fd);
	else if (handlers.attach(&request, payload + sizeof(request), bytes - sizeof(request), fd) == 0) {
		if (request.flags & ATTACH_HELD)
			handlers.hold(request.client, connection->fd);
		return;
	}
	event.client = request.client;
	control_send(connection->fd, FRAME_DETACHED, &event, sizeof(event));
}

static void handle(struct connection *connection, const struct frame *frame, const char *payload)
{
	union {
		struct signal_request signal;
		struct resize_request resize;
		struct release_request release;
	} request;

	switch (frame->type) {
	case FRAME_ATTACH:
		handle_attach(connection, payload, frame->bytes);
		return;
	case FRAME_SIGNAL:
		if (frame->bytes != sizeof(request.signal))
			return;
		memcpy(&request.signal, payload, sizeof(request.signal));
		reply(connection->fd, request.signal.sequence, handlers.signal(request.signal.signal));
		return;
	case FRAME_RESIZE:
		if (frame->bytes != sizeof(request.resize))
			return;
		memcpy(&request.resize, payload, sizeof(request.resize));
		reply(connection->fd, request.resize.sequence, handlers.resize(request.resize.rows, request.resize.columns));
		return;
	case FRAME_CLOSE_STDIN:
		handlers.close_stdin();
		return;
	case FRAME_RELEASE:
		if (frame->bytes != sizeof(request.release))
			return;
		memcpy(&request.release, payload, sizeof(request.release));
		handlers.release(request.release.client);
		return;
	default:
		return;
	}
}

static void take_fds(struct connection *connection, struct msghdr *message)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
		size_t n = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
			if (connection->fd_count < FDS_MAX)
				connection->fds[connection->fd_count++] = fd;
			else
				close(fd);
		}
	}
}

/* 1: more may follow, 0: nothing now, -1: the peer is gone. */
static int receive(struct connection *connection)
{
	char control[CMSG_SPACE(sizeof(int) * 4)] __attribute__((aligned(8)));
	struct iovec part = { connection->buffer + connection->bytes, sizeof(connection->buffer) - connection->bytes };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct frame frame;
	ssize_t got = recvmsg(connection->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	take_fds(connection, &message);
	if (got == 0)
		return -1;
	connection->bytes += (size_t)got;
	while (connection->bytes >= sizeof(frame)) {
		memcpy(&frame, connection->buffer, sizeof(frame));
		if (frame.bytes > FRAME_MAX_BYTES)
			return -1;
		if (connection->bytes < sizeof(frame) + frame.bytes)
			break;
		handle(connection, &frame, connection->buffer + sizeof(frame));
		connection->bytes -= sizeof(frame) + frame.bytes;
		memmove(connection->buffer, connection->buffer + sizeof(frame) + frame.bytes, connection->bytes);
	}
	return 1;
}

static void serve(struct connection *connection)
{
	int more;

	do
		more = receive(connection);
	while (more > 0);
	if (more < 0)
		drop(connection);
}

void control_drain(void)
{
	for (int i = count - 1; i >= 0; i--)
		serve(&connections[i]);
}

int control_poll(struct pollfd *entries)
{
	entries[0] = (struct pollfd){ .fd = count < CONTROLS_MAX ? listening : -1, .events = POLLIN };
	for (int i = 0; i < count; i++)
		entries[i + 1] = (struct pollfd){ .fd = connections[i].fd, .events = POLLIN };
	return count + 1;
}

void control_serve(const struct pollfd *entries, int polled)
{
	for (int i = (polled - 1 < count ? polled - 1 : count) - 1; i >= 0; i--)
		if (entries[i + 1].revents != 0 && entries[i + 1].fd == connections[i].fd)
			serve(&connections[i]);
	if (entries[0].revents & POLLIN) {
		int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return;
		add(fd);
		handlers.greet(fd);
	}
}
