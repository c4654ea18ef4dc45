/*
 * Attached clients of one process: their output (each at its own pace, see stream.h), their input with detach keys, and their
 * leaving. C because sessions go on without the daemon. A client that shuts down its sending side only ends its stdin.
 */
#define _GNU_SOURCE
#include "clients.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS_MAX_BYTES 32
#define INPUT_BYTES (128u << 10)
#define INPUT_READ_BYTES 16384u
#define LEAVING_TICKS 2 /* how long a client that has everything may take to close */
#define STUCK_TICKS 60  /* how long one may take nothing, once the process has ended */

struct client {
	int fd;
	int holder; /* connection of who first sends what comes before our output; -1: nobody, it is ours */
	uint32_t flags;
	uint64_t id;
	uint64_t position;    /* in the stream: of the frame that is being sent */
	uint32_t frame_bytes; /* of that frame with its header, 0: not begun */
	uint32_t frame_at;    /* what of it has been dealt with */
	uint8_t wants_input, ended; /* `ended`: it will send nothing more */
	uint8_t only_writes;        /* nobody but a reader keeps what is in the FIFO */
	uint8_t leaving;            /* it has all output and our end; what it still sends is dropped until it goes too */
	uint8_t idle_ticks;
	uint8_t keys_bytes, keys_matched;
	char keys[KEYS_MAX_BYTES];
};

static struct client clients[CLIENTS_MAX];
static int count, finishing;
static struct clients_config config;
static int stdin_fd = -1, stdin_is_tty, stdin_awaited, stdin_ending;
static char input[INPUT_BYTES];
static size_t input_at, input_end;
static char typed[INPUT_READ_BYTES];

void clients_open(const struct clients_config *given)
{
	config = *given;
	stdin_is_tty = stdin_awaited = given->awaits_terminal;
}

int clients_count(void)
{
	return count;
}

static int is_file(const struct client *client)
{
	return (client->flags & ATTACH_FILE) != 0;
}

/* Its position says nothing: it is sent nothing. */
static int reads_nothing(const struct client *client)
{
	return !(client->flags & (ATTACH_STDOUT | ATTACH_STDERR));
}

static uint64_t oldest_position(void)
{
	uint64_t oldest = stream_head();

	for (int i = 0; i < count; i++)
		if (!reads_nothing(&clients[i]) && clients[i].position < oldest)
			oldest = clients[i].position;
	return oldest;
}

static void leave(struct client *client, uint32_t reason)
{
	uint64_t id = client->id;
	int feeds = client->wants_input;

	config.detached(id, reason); /* the daemon knows before the client sees its end */
	close(client->fd);
	*client = clients[--count];
	if (count == 0)
		stream_idle();
	if (feeds && config.once && !stdin_is_tty && reason != DETACH_KEYS)
		clients_close_stdin();
}

/* ---- input */

int clients_stdin_is_open(void)
{
	return stdin_fd >= 0;
}

static void stdin_end(void)
{
	if (stdin_fd >= 0 && !stdin_is_tty)
		close(stdin_fd);
	stdin_fd = -1;
	stdin_ending = 0;
	input_at = input_end = 0;
}

/* What was written into a FIFO before its end was told is input too. 1: there was some. */
static int take_rest(void)
{
	for (int i = 0; stdin_fd >= 0 && i < count; i++) {
		ssize_t got = is_file(&clients[i]) && clients[i].wants_input ? read(clients[i].fd, input, sizeof(input)) : 0;

		if (got <= 0)
			continue;
		input_end = (size_t)got;
		return 1;
	}
	return 0;
}

static void stdin_flush(void)
{
	if (stdin_awaited)
		return;
	do {
		while (stdin_fd >= 0 && input_at < input_end) {
			ssize_t written = write(stdin_fd, input + input_at, input_end - input_at);

			if (written < 0 && errno == EINTR)
				continue;
			if (written < 0 && errno == EAGAIN)
				return;
			if (written < 0) {
				stdin_end();
				return;
			}
			input_at += (size_t)written;
		}
		input_at = input_end = 0;
	} while (stdin_ending && take_rest());
	if (stdin_ending)
		stdin_end();
}

void clients_set_stdin(int fd, int is_tty)
{
	stdin_fd = fd;
	stdin_is_tty = is_tty;
	stdin_awaited = 0;
	stdin_flush();
}

void clients_close_stdin(void)
{
	if (stdin_is_tty)
		return;
	stdin_ending = 1;
	stdin_flush();
}

/*
 * Copies what was typed to the input, detach keys taken out. A sequence that began but is not finished is held back until
 * the next byte decides. Returns 1 when the client asked to leave.
 */
static int type(struct client *client, const char *data, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		if (client->keys_bytes > 0 && data[i] == client->keys[client->keys_matched]) {
			if (++client->keys_matched == client->keys_bytes)
				return 1;
			continue;
		}
		memcpy(input + input_end, client->keys, client->keys_matched);
		input_end += client->keys_matched;
		client->keys_matched = 0;
		if (client->keys_bytes > 0 && data[i] == client->keys[0])
			client->keys_matched = 1;
		else
			input[input_end++] = data[i];
	}
	return 0;
}

static int take_input(struct client *client, const char *data, size_t bytes)
{
	int leaves = type(client, data, bytes);

	stdin_flush();
	return leaves;
}

/* Reads a client's side. Returns 0 while it stays, else the reason for leaving. */
static uint32_t serve_input(struct client *client)
{
	ssize_t got = is_file(client) ? read(client->fd, typed, sizeof(typed)) : recv(client->fd, typed, sizeof(typed), MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : DETACH_ERROR;
	if (got > 0) {
		if (client->wants_input && !client->leaving && stdin_fd >= 0 && take_input(client, typed, (size_t)got))
			return DETACH_KEYS;
		return 0;
	}
	if (client->wants_input && (config.once || is_file(client)))
		clients_close_stdin();
	client->wants_input = 0;
	client->flags &= ~(uint32_t)ATTACH_STDIN;
	client->ended = 1;
	if (client->leaving)
		return DETACH_EXIT;
	return client->flags & (ATTACH_STDOUT | ATTACH_STDERR) ? 0 : DETACH_EOF;
}

/* ---- output */

void clients_output(int stream, const char *data, size_t bytes)
{
	if (count == 0)
		return;
	if (stream_append(stream, data, bytes, oldest_position()) == 0)
		return;
	for (int i = count - 1; i >= 0; i--)
		if (!reads_nothing(&clients[i]) && clients[i].position < stream_tail())
			leave(&clients[i], DETACH_ERROR);
}

static int is_fifo(const struct client *client)
{
	struct stat status;

	return is_file(client) && fstat(client->fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

static int unread(const struct client *client)
{
	int bytes = 0;

	return is_fifo(client) && ioctl(client->fd, FIONREAD, &bytes) == 0 ? bytes : 0;
}

int64_t clients_progress(void)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < count; i++) {
		int64_t taken = (int64_t)(clients[i].position + clients[i].frame_at) - unread(&clients[i]);

		if (!reads_nothing(&clients[i]) && taken < least)
			least = taken;
	}
	return least;
}

/* We hold a FIFO's end for reading too, lest what is written waits for a reader. Without it poll tells when nobody reads. */
static void only_write(struct client *client)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", client->fd);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	dup3(fd, client->fd, O_CLOEXEC);
	close(fd);
}

int clients_have_taken(void)
{
	int all = 1;

	for (int i = 0; i < count; i++) {
		if (!is_file(&clients[i]) || reads_nothing(&clients[i]) || clients[i].holder >= 0)
			continue;
		if (clients[i].position == stream_head() && unread(&clients[i]) == 0)
			continue;
		if (!clients[i].only_writes && is_fifo(&clients[i]))
			only_write(&clients[i]);
		clients[i].only_writes = 1;
		all = 0;
	}
	return all;
}

int clients_are_full(void)
{
	return count > 0 && !finishing && stream_is_full(oldest_position());
}

static int wants(const struct client *client, int stream)
{
	return (client->flags & (stream == 2 ? ATTACH_STDERR : ATTACH_STDOUT)) != 0;
}

/* Reads the next frame's header: where sending starts, and how long it is. */
static int begin_frame(struct client *client)
{
	const unsigned char *header;
	long got = stream_read(client->position, (const char **)&header);

	if (got < 8)
		return -EIO;
	client->frame_bytes = 8 + ((uint32_t)header[4] << 24 | (uint32_t)header[5] << 16 | (uint32_t)header[6] << 8 | header[7]);
	client->frame_at = client->flags & ATTACH_FRAMED ? 0 : 8;
	if (!wants(client, header[0]))
		client->frame_at = client->frame_bytes;
	return 0;
}

/*
 * It has read everything. A unix socket that is closed with unread input resets its peer, which would turn the end of the
 * output into an error: so a client that may still send is told the end, and closed when it closes.
 */
static uint32_t finish(struct client *client)
{
	if (client->ended || is_file(client))
		return DETACH_EXIT;
	if (!client->leaving)
		shutdown(client->fd, SHUT_WR);
	client->leaving = 1;
	return 0;
}

/* Sends what the client takes now. Returns 0 while it stays. */
static uint32_t serve_output(struct client *client)
{
	if (client->holder >= 0)
		return 0;
	if (reads_nothing(client))
		client->position = stream_head();
	while (client->position < stream_head()) {
		const char *data;
		ssize_t sent;
		long got;

		if (client->frame_bytes == 0 && begin_frame(client) < 0)
			return DETACH_ERROR;
		if (client->frame_at < client->frame_bytes) {
			got = stream_read(client->position + client->frame_at, &data);
			if (got <= 0)
				return DETACH_ERROR;
			if (got > (long)(client->frame_bytes - client->frame_at))
				got = client->frame_bytes - client->frame_at;
			sent = is_file(client) ? write(client->fd, data, (size_t)got)
					       : send(client->fd, data, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (sent < 0)
				return errno == EAGAIN || errno == EINTR ? 0 : DETACH_ERROR;
			client->frame_at += (uint32_t)sent;
			client->idle_ticks = 0;
		}
		if (client->frame_at >= client->frame_bytes) {
			client->position += client->frame_bytes;
			client->frame_bytes = 0;
		}
	}
	return finishing ? finish(client) : 0;
}

/* ---- coming, being served, going */

int clients_add(const struct attach_request *request, const char *keys, const char *head, size_t head_bytes, int fd)
{
	struct client *client = &clients[count];

	if (count == CLIENTS_MAX || request->keys_bytes > KEYS_MAX_BYTES || head_bytes > INPUT_BYTES - KEYS_MAX_BYTES - input_end) {
		close(fd);
		return count == CLIENTS_MAX ? -EUSERS : -E2BIG;
	}
	*client = (struct client){ .fd = fd, .holder = -1, .flags = request->flags, .id = request->client, .position = stream_head() };
	client->wants_input = (request->flags & ATTACH_STDIN) != 0;
	/* What others write into a FIFO of output is not for us. */
	client->ended = is_file(client) && !client->wants_input;
	client->keys_bytes = (uint8_t)request->keys_bytes;
	memcpy(client->keys, keys, request->keys_bytes);
	count++;
	if (client->wants_input && (stdin_fd >= 0 || stdin_awaited) && head_bytes > 0 && take_input(client, head, head_bytes))
		leave(client, DETACH_KEYS);
	return 0;
}

void clients_hold(uint64_t client, int holder)
{
	for (int i = 0; i < count; i++)
		if (clients[i].id == client)
			clients[i].holder = holder;
}

void clients_release(uint64_t client)
{
	for (int i = 0; i < count; i++)
		if (clients[i].id == client)
			clients[i].holder = -1;
}

void clients_abandon(int holder)
{
	for (int i = count - 1; i >= 0; i--)
		if (clients[i].holder == holder)
			leave(&clients[i], DETACH_ERROR);
}

int clients_poll(struct pollfd *entries)
{
	uint64_t head = stream_head();
	int n = 0;

	if (stdin_fd >= 0 && input_at < input_end)
		entries[n++] = (struct pollfd){ .fd = stdin_fd, .events = POLLOUT };
	else
		entries[n++] = (struct pollfd){ .fd = -1 };
	for (int i = 0; i < count; i++) {
		short events = 0;

		if (!clients[i].ended && input_at == input_end && !stdin_awaited)
			events |= POLLIN;
		if (clients[i].holder < 0 && ((!reads_nothing(&clients[i]) && clients[i].position < head) ||
					      (finishing && !clients[i].leaving && !is_file(&clients[i]))))
			events |= POLLOUT;
		entries[n++] = (struct pollfd){ .fd = clients[i].fd, .events = events };
	}
	return n;
}

void clients_serve(const struct pollfd *entries, int polled)
{
	if (entries[0].revents != 0)
		stdin_flush();
	/* From the last to the first: one that leaves is replaced by the last, which has been served by then. */
	for (int i = (polled - 1 < count ? polled - 1 : count) - 1; i >= 0; i--) {
		short events = entries[i + 1].revents;
		uint32_t reason = 0;

		if (clients[i].fd != entries[i + 1].fd || events == 0)
			continue;
		if (events & POLLIN && input_at == input_end)
			reason = serve_input(&clients[i]);
		if (reason == 0 && !clients[i].leaving && events & (POLLOUT | POLLHUP | POLLERR | POLLNVAL))
			reason = serve_output(&clients[i]);
		if (reason == 0 && events & (POLLHUP | POLLERR | POLLNVAL) && !(events & POLLIN))
			reason = DETACH_EOF;
		if (reason != 0)
			leave(&clients[i], reason);
	}
}

void clients_finish(void)
{
	finishing = 1;
	for (int i = count - 1; i >= 0; i--) {
		uint32_t reason = serve_output(&clients[i]);

		if (reason != 0)
			leave(&clients[i], reason);
	}
}

void clients_tick(int forgotten)
{
	for (int i = count - 1; i >= 0; i--) {
		if (clients[i].holder >= 0)
			continue;
		if (is_file(&clients[i])) {
			if (forgotten)
				leave(&clients[i], DETACH_EXIT);
			continue;
		}
		clients[i].idle_ticks++;
		if (clients[i].leaving && clients[i].idle_ticks > LEAVING_TICKS)
			leave(&clients[i], DETACH_EXIT);
		else if (clients[i].idle_ticks > STUCK_TICKS)
			leave(&clients[i], DETACH_ERROR);
	}
}
