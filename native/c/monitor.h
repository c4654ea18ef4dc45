/*
 * The shim's configuration (inside the plan's blob) and its protocol on unix stream sockets.
 *
 * A frame is a struct frame followed by `bytes` of payload, little-endian. One sendmsg per frame towards the shim, so that
 * a descriptor (SCM_RIGHTS) stays with its FRAME_ATTACH. The inherited socket (descriptor 3) and every connection to
 * <directory>/sock speak it alike; a new connection is greeted with FRAME_STARTED or FRAME_EXITED, as things stand.
 */
#ifndef WHERRY_MONITOR_H
#define WHERRY_MONITOR_H

#include <stdint.h>

#define CONTROL_FD 3
#define PLAN_FD 4
#define STDIN_FD 5  /* the container's ends of its pipes, for the plan to dup2; absent with a pty */
#define STDOUT_FD 6
#define STDERR_FD 7
#define REPORT_FD 8 /* the child's end of the report socket */

enum monitor_flags {
	MONITOR_TTY = 1,
	MONITOR_STDIN = 2,       /* keep a stdin for clients; else the container reads /dev/null */
	MONITOR_STDIN_ONCE = 4,  /* stdin ends with the first client that attached to it */
	MONITOR_LOG = 8,         /* write the json-file log */
};

/* Offsets are of NUL-terminated strings in the same blob; 0 is none. */
struct monitor_config {
	uint32_t flags;
	uint16_t rows, columns;
	uint32_t id;              /* container or exec id, for argv */
	uint32_t directory;       /* of sock and exit, absolute, exists */
	uint32_t log_path;        /* of the current log file; rotated to <path>.1, .2, ... */
	uint32_t log_attrs;       /* JSON object text added to each line as "attrs", or none */
	uint64_t log_max_bytes;   /* rotate when a line would pass this; 0 never */
	uint32_t log_max_files;   /* files kept, the current one included; at least 1 */
	uint32_t drain_ms;        /* how long open pipes are read after the exit */
	uint32_t oom_file;        /* file whose text goes into the exit record: memory.oom_control, memory.events */
	uint32_t reserved;
};

struct frame {
	uint32_t bytes; /* of the payload */
	uint16_t type;
	uint16_t flags;
};

#define FRAME_MAX_BYTES 65536u

enum frame_type {
	/* to the shim */
	FRAME_ATTACH = 1,  /* struct attach_request, then detach keys, then bytes that the client already sent; one descriptor */
	FRAME_SIGNAL = 2,  /* struct signal_request -> FRAME_REPLY; a negative signal goes to the whole process group */
	FRAME_RESIZE = 3,  /* struct resize_request -> FRAME_REPLY */
	FRAME_CLOSE_STDIN = 4, /* no payload */
	FRAME_RELEASE = 5, /* struct release_request: a held client is served from now on */
	/* from the shim */
	FRAME_STARTED = 16,  /* struct started_event */
	FRAME_FAILED = 17,   /* struct plan_report */
	FRAME_EXITED = 18,   /* struct exited_event, then the text of oom_file */
	FRAME_REPLY = 19,    /* struct reply_event */
	FRAME_DETACHED = 20, /* struct detached_event */
	FRAME_LOG = 21,      /* struct log_event: writing the log began to fail, or works again */
	FRAME_HELD = 22,     /* struct held_event, then the unfinished lines of stdout and of stderr */
};

enum attach_flags {
	ATTACH_STDIN = 1,
	ATTACH_STDOUT = 2,
	ATTACH_STDERR = 4,
	ATTACH_FRAMED = 8, /* docker's 8-byte stream headers; else raw bytes */
	ATTACH_HELD = 16,  /* no output before FRAME_RELEASE; answered by FRAME_HELD; it goes with this connection until then */
	ATTACH_FILE = 32,  /* no socket but a FIFO or a file, non-blocking; it stays until the directory is gone */
};

struct attach_request {
	uint64_t client;      /* chosen by the daemon, comes back in FRAME_DETACHED */
	uint32_t flags;
	uint32_t keys_bytes;  /* of the detach key sequence that follows, at most 32 */
};

struct release_request { uint64_t client; };
struct signal_request { uint32_t sequence; int32_t signal; };
struct resize_request { uint32_t sequence; uint16_t rows, columns; };
struct reply_event { uint32_t sequence; int32_t result; /* 0 or a negative errno */ };
struct started_event { uint32_t pid, pad; uint64_t time_ns; };
struct exited_event { int32_t code, signal; /* signal 0: exited */ uint32_t pid, pad; uint64_t started_ns, time_ns; };
struct detached_event { uint64_t client; uint32_t reason, pad; };
struct log_event { int32_t error; /* errno, 0: works again */ uint32_t told; /* 1: to another before */ uint64_t lost_bytes; };

/* Where the client's output begins: behind so much of the log, and behind lines that it does not have yet. */
struct held_event { uint64_t client, log_inode, log_bytes; uint32_t unfinished_bytes[2]; };

enum detach_reason { DETACH_EOF = 1, DETACH_KEYS = 2, DETACH_ERROR = 3, DETACH_EXIT = 4 };

#endif
