/*
 * The json-file log (see log.h), with rotation. C because it goes on while no daemon lives, in a process of a few pages.
 * Line format, escapes and the 16 KiB split are docker's (moby daemon/logger/jsonfilelog), so that its readers can read it.
 */
#define _GNU_SOURCE
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES LOG_LINE_BYTES
#define OUT_BYTES 32768
#define TAIL_MAX_BYTES 4224 /* attrs, stream, time, punctuation */

static struct {
	const char *path, *attrs;
	uint64_t max_bytes, size, lost;
	uint32_t max_files;
	int fd;
} sink = { .fd = -1 };

static struct {
	size_t bytes;
	char text[LINE_MAX_BYTES];
} lines[2];

/* Whole lines on their way to the file, so that a burst of short ones costs one write. */
static char out[OUT_BYTES + LINE_MAX_BYTES * 6 + TAIL_MAX_BYTES];
static size_t out_bytes;
static char now_text[48]; /* one reading of the clock for all lines that came at once */

static int open_file(void)
{
	struct stat status;

	sink.fd = open(sink.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (sink.fd < 0)
		return -errno;
	sink.size = fstat(sink.fd, &status) == 0 ? (uint64_t)status.st_size : 0;
	return 0;
}

int log_open(const char *path, const char *attrs, uint64_t max_bytes, uint32_t max_files)
{
	sink.path = path;
	sink.attrs = attrs;
	sink.max_bytes = max_bytes;
	sink.max_files = max_files > 0 ? max_files : 1;
	if (attrs != NULL && strlen(attrs) > TAIL_MAX_BYTES - 128)
		return -E2BIG;
	return open_file();
}

static int rotate(void)
{
	char from[4200], to[4200];

	for (uint32_t i = sink.max_files - 1; i > 0; i--) {
		snprintf(to, sizeof(to), "%s.%u", sink.path, i);
		if (i == 1)
			snprintf(from, sizeof(from), "%s", sink.path);
		else
			snprintf(from, sizeof(from), "%s.%u", sink.path, i - 1);
		if (rename(from, to) < 0 && errno != ENOENT)
			return -errno;
	}
	if (sink.max_files == 1 && unlink(sink.path) < 0 && errno != ENOENT)
		return -errno;
	close(sink.fd);
	return open_file();
}

/* A short write is taken back, so that a full disk never leaves half a line in the middle of the file. */
static int emit(size_t bytes)
{
	ssize_t written = 0;
	int error = 0;

	if (bytes == 0)
		return 0;
	if (sink.fd < 0)
		error = open_file();
	if (error == 0)
		written = write(sink.fd, out, bytes);
	if (written == (ssize_t)bytes)
		sink.size += bytes;
	else if (error == 0)
		error = written < 0 ? -errno : -ENOSPC;
	if (error < 0) {
		sink.lost += bytes;
		if (written > 0)
			(void)!ftruncate(sink.fd, (off_t)sink.size);
	}
	memmove(out, out + bytes, out_bytes - bytes);
	out_bytes -= bytes;
	return error;
}

/* The line that begins at `start` was just put behind the others: makes room where it would pass the file's limit. */
static int settle(size_t start)
{
	int error = 0;

	if (sink.max_bytes != 0 && sink.size + start != 0 && sink.size + out_bytes > sink.max_bytes) {
		error = emit(start);
		if (error == 0)
			error = rotate();
	}
	if (out_bytes >= OUT_BYTES) { /* also after an error: the buffer must not run over */
		int result = emit(out_bytes);

		error = result < 0 ? result : error;
	}
	return error;
}

static void put(const char *text, size_t bytes)
{
	memcpy(out + out_bytes, text, bytes);
	out_bytes += bytes;
}

static void put_text(const char *text)
{
	put(text, strlen(text));
}

/* Length of the valid UTF-8 sequence at text, 0 if there is none (RFC 3629: no overlong forms, no surrogates). */
static size_t utf8_length(const unsigned char *text, size_t bytes)
{
	unsigned char lead = text[0], low = 0x80, high = 0xbf;
	size_t length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;

	if (length == 0 || length > bytes)
		return 0;
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < length; i++, low = 0x80, high = 0xbf)
		if (text[i] < low || text[i] > high)
			return 0;
	return length;
}

static void put_ascii(unsigned char byte)
{
	static const char hex[] = "0123456789abcdef";
	char escape[6] = { '\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15] };

	if (byte == '"' || byte == '\\')
		put((char[]){ '\\', (char)byte }, 2);
	else if (byte == '\n')
		put("\\n", 2);
	else if (byte == '\r')
		put("\\r", 2);
	else if (byte == '\t')
		put("\\t", 2);
	else if (byte < 0x20 || byte == '<' || byte == '>' || byte == '&')
		put(escape, 6);
	else
		put((char *)&byte, 1);
}

static void put_escaped(const char *text, size_t bytes)
{
	const unsigned char *at = (const unsigned char *)text, *end = at + bytes;

	while (at < end) {
		size_t length;

		if (*at < 0x80) {
			put_ascii(*at++);
			continue;
		}
		length = utf8_length(at, (size_t)(end - at));
		if (length == 0)
			put_text("\\ufffd");
		else if (length == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] & 0xfe) == 0xa8)
			put_text(at[2] == 0xa8 ? "\\u2028" : "\\u2029");
		else
			put((const char *)at, length);
		at += length == 0 ? 1 : length;
	}
}

static void read_clock(void)
{
	struct timespec now;
	struct tm date;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &date);
	snprintf(now_text, sizeof(now_text), "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", date.tm_year + 1900, date.tm_mon + 1,
		 date.tm_mday, date.tm_hour, date.tm_min, date.tm_sec, now.tv_nsec);
}

static int write_line(int stream, const char *text, size_t bytes)
{
	size_t start = out_bytes;

	put_text("{\"log\":\"");
	put_escaped(text, bytes);
	put_text(stream == 1 ? "\",\"stream\":\"stdout\"," : "\",\"stream\":\"stderr\",");
	if (sink.attrs != NULL) {
		put_text("\"attrs\":");
		put_text(sink.attrs);
		put_text(",");
	}
	put_text("\"time\":\"");
	put_text(now_text);
	put_text("\"}\n");
	return settle(start);
}

int log_write(int stream, const char *data, size_t bytes)
{
	int error = 0, result;

	read_clock();
	while (bytes > 0) {
		size_t *held = &lines[stream - 1].bytes;
		char *line = lines[stream - 1].text;
		size_t room = LINE_MAX_BYTES - *held;
		size_t take = bytes < room ? bytes : room;
		const char *newline = memchr(data, '\n', take);

		if (newline != NULL)
			take = (size_t)(newline - data) + 1;
		memcpy(line + *held, data, take);
		*held += take;
		data += take;
		bytes -= take;
		if (newline == NULL && *held < LINE_MAX_BYTES)
			break;
		result = write_line(stream, line, *held);
		*held = 0;
		if (result < 0)
			error = result;
	}
	result = emit(out_bytes);
	return result < 0 ? result : error;
}

int log_flush(void)
{
	int error = 0, result;

	read_clock();
	for (int stream = 1; stream <= 2; stream++) {
		size_t held = lines[stream - 1].bytes;

		result = held == 0 ? 0 : write_line(stream, lines[stream - 1].text, held);
		lines[stream - 1].bytes = 0;
		if (result < 0)
			error = result;
	}
	result = emit(out_bytes);
	return result < 0 ? result : error;
}

uint64_t log_lost_bytes(void)
{
	return sink.lost;
}

void log_place(uint64_t *inode, uint64_t *bytes)
{
	struct stat status;

	*inode = sink.fd >= 0 && fstat(sink.fd, &status) == 0 ? (uint64_t)status.st_ino : 0;
	*bytes = *inode == 0 ? 0 : sink.size;
}

size_t log_unfinished(int stream, const char **text)
{
	*text = lines[stream - 1].text;
	return lines[stream - 1].bytes;
}
