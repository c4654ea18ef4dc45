/*
 * The wire form of a launch plan, and the loop that runs one.
 *
 * A plan is a list of raw system calls whose arguments TypeScript has computed (runtime/plan/). This is C because the
 * calls run in processes that V8 can't live in: between fork and execve, in namespaces half made. It holds no policy.
 *
 * Layout, little-endian, each part 8-byte aligned: plan_header, steps, relocations, blob.
 * A pointer argument is an offset into the blob; a relocation puts the address of one blob offset into another
 * (argv arrays, iovecs, sock_fprog). Everything is bounds-checked when loaded; a plan that does not fit is refused.
 */
#ifndef WHERRY_PLAN_H
#define WHERRY_PLAN_H

#include <stddef.h>
#include <stdint.h>

#define PLAN_MAGIC 0x4e4c5057u /* "WPLN" */
#define PLAN_VERSION 3u
#define PLAN_SLOTS 512
#define PLAN_MAX_BYTES (16u << 20)
#define PLAN_MAX_STEPS 65536u

struct plan_header {
	uint32_t magic, version;
	uint32_t total_bytes;  /* of the whole plan, header included */
	uint32_t step_count;
	uint32_t reloc_count;
	uint32_t blob_bytes;
	uint32_t monitor;      /* blob offset + 1 of struct monitor_config, 0 when nobody monitors */
	uint32_t init_slot;    /* slot that keeps the pid of the process to monitor */
	uint32_t step;         /* under way: written into the plan's file, for who waits for one that hangs */
	uint32_t pad;
};

enum plan_op {
	OP_SYSCALL = 1, /* result = syscall(number, args...) */
	OP_FORK = 2,    /* clone3(args[0] pointer, args[1] size): the child goes on at the next step; the parent keeps the
	                   pid in `save` and goes on at `next` */
	OP_STORE = 3,   /* write slot args[0] into the blob at offset args[1], args[2] bytes wide: 4 or 8, or STORE_TEXT for its
	                   decimal text with a NUL */
	OP_END = 4,     /* the plan of this process is done */
	OP_FAIL = 5,    /* fail with errno args[0]; if that is a blob offset, with the -errno (int32) that lies there, as in a
	                   netlink reply */
	OP_SEND_FD = 6, /* hand descriptor args[0] (a slot) to the monitor as its pty master */
	OP_LOAD = 7,    /* save the int32 at blob offset args[0], which a call wrote there: an end of a pipe */
	OP_EXPECT = 8,  /* fail with errno args[3] unless the uint32 at blob offset args[0], masked by args[1], is args[2] */
	OP_COPY = 9,    /* copy what directory args[0] (a slot) holds into directory args[1] (a slot), see copy-up.h */
	OP_MAKE = 10,   /* make what is missing of path args[1] inside root args[0]; args[2] is its kind, see make-path.h */
	OP_NUMBER = 11, /* save the decimal number, 1 to INT32_MAX, whose text is at blob offset args[0], up to a newline or NUL */
};

enum plan_kind { ARG_IMMEDIATE = 0, ARG_BLOB = 1, ARG_SLOT = 2 };

#define STEP_NO_SAVE 0xffffu
#define STEP_ZERO_FAILS 1 /* a result of 0 is EPIPE: a read whose other end is gone */
#define STORE_TEXT 24
#define STORE_OCTAL 25 /* the same in octal: a file's mode */

struct plan_step {
	uint16_t op;
	uint16_t save;       /* slot that keeps the result (a negative errno if ignored), STEP_NO_SAVE for none */
	uint32_t number;     /* of the system call */
	uint64_t ignore;     /* bit n: errno n is no failure */
	uint32_t next;       /* step to go on at after success, 0 for the following one */
	uint32_t next_ignored; /* the same after an ignored errno */
	uint8_t kind[6];
	uint8_t flags;       /* STEP_* */
	uint8_t pad;
	uint64_t args[6];
};

struct plan_reloc {
	uint32_t at, target; /* blob offsets: *(uint64_t *)(blob + at) = blob + target */
};

/*
 * What is sent over the report socket (SOCK_SEQPACKET) before execve closes it. The last three are written by steps of plans that
 * the launcher runs (launch.c; runtime/plan/report.ts has their meaning), the interpreter itself knows the first two.
 */
enum report_kind { REPORT_FAILED = 1, REPORT_PTY = 2, REPORT_FORKED = 3, REPORT_SYNC = 4, REPORT_READY = 5 };

struct plan_report {
	uint32_t kind;
	uint32_t step;
	int32_t error;   /* errno */
	uint32_t pad;
	uint64_t ignored; /* bit n: some step met errno n and went on */
};

struct plan {
	const struct plan_header *header;
	const struct plan_step *steps;
	char *blob;
	int64_t slots[PLAN_SLOTS];
	int report_fd;        /* where a forked child reports, -1 for nowhere */
	int forked;           /* this process is a child that the plan made */
	struct plan_header *told; /* the file's own, whose step is kept; NULL for nobody */
	int tells;            /* the steps of this process are those that `told` has */
	struct plan_report report;
};

/* Maps and checks the plan in fd; 0 or a negative errno (EBADMSG, E2BIG). */
int plan_load(struct plan *plan, int fd);

/*
 * Runs from the first step to OP_END: 0, or a negative errno with plan->report filled.
 * A forked child never returns: it replaces itself, or reports and exits 127.
 */
int plan_run(struct plan *plan);

#endif
