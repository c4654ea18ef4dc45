/* See stream.h. C for the same reason as the shim: it must live without the daemon, in a few pages of memory. */
#define _GNU_SOURCE
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SPOOL_MAX_BYTES (1ull << 30)
#define SPOOL_FREE_BYTES (1u << 20) /* what clients have read is given back in such steps */
#define FULL_BYTES (STREAM_RING_BYTES / 4)

static char *ring;
static const char *spool_directory;
static int spool_fd = -1;
static uint64_t head, tail;              /* what the ring holds: [tail, head) */
static uint64_t spool_start, spool_end;  /* what the spool holds, contiguous with the ring when in use */
static uint64_t spool_freed;
static char scratch[STREAM_CHUNK_BYTES + 8];

void stream_open(const char *directory)
{
	spool_directory = directory;
}

uint64_t stream_head(void)
{
	return head;
}

uint64_t stream_tail(void)
{
	return spool_end > spool_start ? spool_start : tail;
}

int stream_is_full(uint64_t oldest)
{
	return spool_directory == NULL && head - oldest > FULL_BYTES;
}

static int spool_write(uint64_t from, uint64_t to)
{
	while (from < to) {
		size_t at = from % STREAM_RING_BYTES;
		size_t bytes = to - from < STREAM_RING_BYTES - at ? to - from : STREAM_RING_BYTES - at;
		ssize_t written = pwrite(spool_fd, ring + at, bytes, (off_t)(from - spool_start));

		if (written <= 0)
			return written < 0 ? -errno : -ENOSPC;
		from += (uint64_t)written;
	}
	return 0;
}

static void spool_reset(void)
{
	if (spool_fd >= 0)
		close(spool_fd);
	spool_fd = -1;
	spool_start = spool_end = spool_freed = 0;
}

/* Saves [tail, to), which the ring is about to overwrite. */
static int spool_evicted(uint64_t to, uint64_t oldest)
{
	int error;

	if (oldest >= to) {
		spool_reset();
		return 0;
	}
	if (spool_fd < 0) {
		if (spool_directory == NULL)
			return -ENOBUFS;
		spool_fd = open(spool_directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (spool_fd < 0)
			return -errno;
		spool_start = spool_end = tail;
	}
	if (to - oldest > SPOOL_MAX_BYTES)
		return -EDQUOT;
	error = spool_write(spool_end, to);
	if (error < 0)
		return error;
	spool_end = to;
	if (oldest >= spool_start + spool_freed + SPOOL_FREE_BYTES) {
		spool_freed = (oldest - spool_start) & ~4095ull;
		fallocate(spool_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)spool_freed);
	}
	return 0;
}

static void ring_write(const char *data, size_t bytes)
{
	size_t at = head % STREAM_RING_BYTES;
	size_t first = bytes < STREAM_RING_BYTES - at ? bytes : STREAM_RING_BYTES - at;

	memcpy(ring + at, data, first);
	memcpy(ring, data + first, bytes - first);
	head += bytes;
}

int stream_append(int stream, const char *data, size_t bytes, uint64_t oldest)
{
	unsigned char header[8] = { (unsigned char)stream, 0, 0, 0, (unsigned char)(bytes >> 24), (unsigned char)(bytes >> 16),
				    (unsigned char)(bytes >> 8), (unsigned char)bytes };
	uint64_t end = head + bytes + sizeof(header);
	int error = 0;

	if (ring == NULL) {
		ring = mmap(NULL, STREAM_RING_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (ring == MAP_FAILED) {
			ring = NULL;
			return -ENOMEM;
		}
	}
	if (end - tail > STREAM_RING_BYTES) {
		error = spool_evicted(end - STREAM_RING_BYTES, oldest);
		if (error < 0)
			spool_reset();
		tail = end - STREAM_RING_BYTES;
	}
	ring_write((const char *)header, sizeof(header));
	ring_write(data, bytes);
	return error;
}

long stream_read(uint64_t position, const char **data)
{
	uint64_t bytes = head - position;
	size_t at = position % STREAM_RING_BYTES;
	ssize_t got;

	if (position >= tail && at + (bytes < 8 ? bytes : 8) <= STREAM_RING_BYTES) {
		*data = ring + at;
		return (long)(bytes < STREAM_RING_BYTES - at ? bytes : STREAM_RING_BYTES - at);
	}
	*data = scratch;
	if (position >= tail) { /* a header that wraps around */
		bytes = bytes < sizeof(scratch) ? bytes : sizeof(scratch);
		memcpy(scratch, ring + at, STREAM_RING_BYTES - at);
		memcpy(scratch + (STREAM_RING_BYTES - at), ring, bytes - (STREAM_RING_BYTES - at));
		return (long)bytes;
	}
	bytes = spool_end - position < sizeof(scratch) ? spool_end - position : sizeof(scratch);
	got = pread(spool_fd, scratch, bytes, (off_t)(position - spool_start));
	if (got <= 0)
		return got < 0 ? -errno : -EIO;
	if (got < 8 && spool_end == tail) /* a header that continues in the ring */
		for (; got < 8 && position + (uint64_t)got < head; got++)
			scratch[got] = ring[(position + (uint64_t)got) % STREAM_RING_BYTES];
	return (long)got;
}

void stream_idle(void)
{
	spool_reset();
	if (ring != NULL)
		munmap(ring, STREAM_RING_BYTES);
	ring = NULL;
	tail = head;
}
