/*
 * Output on its way to attached clients. One ring holds the last part of the stream as docker's frames (8-byte header,
 * payload); each client has a position in it. What a slow client still needs is spooled to an unlinked file before the ring
 * overwrites it, so that a slow reader neither holds up the process nor loses its own stream.
 */
#ifndef WHERRY_STREAM_H
#define WHERRY_STREAM_H

#include <stddef.h>
#include <stdint.h>

#define STREAM_RING_BYTES (256u << 10)
#define STREAM_CHUNK_BYTES 16384u

/* `spool_directory` NULL: nothing is spooled, and stream_is_full tells when to stop reading. */
void stream_open(const char *spool_directory);

/*
 * Appends one chunk (at most STREAM_CHUNK_BYTES) of stream 1 or 2. `oldest` is the lowest position of any client, or
 * stream_head() without clients. A negative errno: the spool can't take it, and readers below stream_tail() have lost data.
 */
int stream_append(int stream, const char *data, size_t bytes, uint64_t oldest);

/* Position after the last byte; of the first byte that can still be read. */
uint64_t stream_head(void);
uint64_t stream_tail(void);

/* Points *data at bytes from `position` on, at least 8 or one whole frame's rest; returns how many, negative errno. */
long stream_read(uint64_t position, const char **data);

/* Whether the slowest client lags so far that the process should be held up. */
int stream_is_full(uint64_t oldest);

/* Gives memory and spool back; for when no client is left. */
void stream_idle(void);

#endif
