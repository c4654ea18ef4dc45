#ifndef WHERRY_CONTROL_H
#define WHERRY_CONTROL_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor.h"

#define CONTROLS_MAX 8

/* What the shim does when the daemon asks; each returns 0 or a negative errno. */
struct control_handlers {
	int (*attach)(const struct attach_request *request, const char *rest, size_t rest_bytes, int fd);
	int (*signal)(int number);
	int (*resize)(uint16_t rows, uint16_t columns);
	void (*close_stdin)(void);
	void (*hold)(uint64_t client, int fd); /* just attached, by connection `fd` */
	void (*release)(uint64_t client);
	void (*gone)(int fd);    /* a connection ends */
	void (*greet)(int fd); /* tells a new connection how things stand */
};

void control_open(const struct control_handlers *handlers, int inherited_fd, int listen_fd);
/* Sends a frame to one connection, or (fd -1) to all; to how many. A peer that does not read is dropped, never waited for. */
int control_send(int fd, uint16_t type, const void *payload, size_t bytes);
/* Handles what has arrived by now. */
void control_drain(void);
int control_poll(struct pollfd *entries);
void control_serve(const struct pollfd *entries, int count);

#endif
