#ifndef WHERRY_CLIENTS_H
#define WHERRY_CLIENTS_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor.h"

#define CLIENTS_MAX 128

/* What clients ask of the process's stdin; given once. */
struct clients_config {
	int once;                                         /* stdin ends with the first client that fed it */
	int awaits_terminal;                              /* stdin is set later: what is typed until then waits */
	void (*detached)(uint64_t client, uint32_t reason);
};

void clients_open(const struct clients_config *config);

/* Takes `fd` over. `head` is what the client sent already. 0, or a negative errno (then fd is closed). */
int clients_add(const struct attach_request *request, const char *keys, const char *head, size_t head_bytes, int fd);

/* A client gets no output until it is released; if connection `holder` goes before that, so does the client. */
void clients_hold(uint64_t client, int holder);
void clients_release(uint64_t client);
void clients_abandon(int holder);

int clients_count(void);

/* Where the process reads from: a pipe's write end or the pty master; -1 when there is none (any more). */
void clients_set_stdin(int fd, int is_tty);
int clients_stdin_is_open(void);
void clients_close_stdin(void);

/* Output of the process, at most STREAM_CHUNK_BYTES. */
void clients_output(int stream, const char *data, size_t bytes);
/* Whether output should wait for a slow client. */
int clients_are_full(void);

/* Adds what to poll for; returns how many entries. Then clients_serve with the same entries after poll. */
int clients_poll(struct pollfd *entries);
void clients_serve(const struct pollfd *entries, int count);

/* How far the slowest of them has read; moves on for as long as somebody reads. */
int64_t clients_progress(void);
/*
 * Whether readers of FIFOs have all that there is. They are told the end of the process only then: containerd's clients
 * close their FIFOs when they hear of it. Asked once the output has ended.
 */
int clients_have_taken(void);

/* No output will follow: each client is closed when it has read the rest. */
void clients_finish(void);
/* Once a second after the end: drops those that make no progress, and files whose container nobody knows any more. */
void clients_tick(int forgotten);

#endif
