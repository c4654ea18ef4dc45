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

#endif
