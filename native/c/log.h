#ifndef WHERRY_LOG_H
#define WHERRY_LOG_H

#include <stddef.h>
#include <stdint.h>

/*
 * Docker's json-file log. `path` and `attrs` (JSON object text or NULL) must stay valid. Returns 0 or a negative errno.
 * log_write splits at newlines and at 16 KiB; an unfinished line waits for the rest until log_flush.
 * Both return 0, or the negative errno of a write that failed; what could not be written is counted in log_lost_bytes().
 */
int log_open(const char *path, const char *attrs, uint64_t max_bytes, uint32_t max_files);
int log_write(int stream, const char *data, size_t bytes);
int log_flush(void);
uint64_t log_lost_bytes(void);

#define LOG_LINE_BYTES 16384

/* The current file, and how much of it is written; zeros when there is none. */
void log_place(uint64_t *inode, uint64_t *bytes);
/* What waits for the rest of its line, at most LOG_LINE_BYTES; returns how much. */
size_t log_unfinished(int stream, const char **text);

#endif
