/*
 * The plan interpreter (see plan.h): loads a plan with every offset checked, runs its steps in order, and reports the one
 * that failed. It knows nothing of what the calls mean.
 */
#define _GNU_SOURCE
#include "plan.h"

#include "copy-up.h"
#include "make-path.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t align8(uint64_t bytes)
{
	return (bytes + 7) & ~7ull;
}

static int step_is_sound(const struct plan_header *header, const struct plan_step *step)
{
	if (step->op < OP_SYSCALL || step->op > OP_NUMBER)
		return 0;
	if (step->next >= header->step_count || step->next_ignored >= header->step_count)
		return 0;
	if (step->save != STEP_NO_SAVE && step->save >= PLAN_SLOTS)
		return 0;
	for (int i = 0; i < 6; i++) {
		if (step->kind[i] > ARG_SLOT)
			return 0;
		if (step->kind[i] == ARG_BLOB && step->args[i] >= header->blob_bytes)
			return 0;
		if (step->kind[i] == ARG_SLOT && step->args[i] >= PLAN_SLOTS)
			return 0;
	}
	if ((step->op == OP_LOAD || step->op == OP_EXPECT || step->op == OP_NUMBER) && step->kind[0] != ARG_BLOB)
		return 0;
	if (step->op == OP_MAKE && step->kind[1] != ARG_BLOB)
		return 0;
	if ((step->op == OP_FAIL || step->op == OP_LOAD || step->op == OP_EXPECT) && step->kind[0] == ARG_BLOB)
		return header->blob_bytes >= 4 && step->args[0] <= header->blob_bytes - 4;
	if (step->op == OP_STORE)
		return step->args[0] < PLAN_SLOTS && (step->args[2] == 4 || step->args[2] == 8 || step->args[2] == STORE_TEXT ||
						     step->args[2] == STORE_OCTAL) &&
		       step->args[1] <= header->blob_bytes && step->args[2] <= header->blob_bytes - step->args[1];
	return 1;
}

static int plan_is_sound(const struct plan *plan, uint64_t size)
{
	const struct plan_header *header = plan->header;

	if (size < sizeof(*header) || header->magic != PLAN_MAGIC || header->version != PLAN_VERSION)
		return 0;
	if (header->total_bytes != size || header->step_count == 0 || header->step_count > PLAN_MAX_STEPS)
		return 0;
	if (header->reloc_count > PLAN_MAX_BYTES / sizeof(struct plan_reloc) || header->blob_bytes > PLAN_MAX_BYTES)
		return 0;
	return align8(sizeof(*header)) + (uint64_t)header->step_count * sizeof(struct plan_step) +
		       align8((uint64_t)header->reloc_count * sizeof(struct plan_reloc)) + header->blob_bytes ==
	       size;
}

static int relocate(struct plan *plan, const struct plan_reloc *relocs)
{
	uint32_t bytes = plan->header->blob_bytes;

	for (uint32_t i = 0; i < plan->header->reloc_count; i++) {
		uint64_t address;

		if (relocs[i].at > bytes || bytes - relocs[i].at < 8 || relocs[i].target >= bytes)
			return -EBADMSG;
		address = (uint64_t)(uintptr_t)(plan->blob + relocs[i].target);
		memcpy(plan->blob + relocs[i].at, &address, 8);
	}
	return 0;
}

int plan_load(struct plan *plan, int fd)
{
	const struct plan_reloc *relocs;
	struct plan_header *told;
	struct stat status;
	char *base;

	memset(plan, 0, sizeof(*plan));
	plan->report_fd = -1;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size > (off_t)PLAN_MAX_BYTES)
		return -E2BIG;
	if (status.st_size < (off_t)sizeof(struct plan_header))
		return -EBADMSG;
	base = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	plan->header = (const struct plan_header *)base;
	if (!plan_is_sound(plan, (uint64_t)status.st_size))
		return -EBADMSG;
	plan->steps = (const struct plan_step *)(base + align8(sizeof(struct plan_header)));
	relocs = (const struct plan_reloc *)(plan->steps + plan->header->step_count);
	plan->blob = (char *)relocs + align8((uint64_t)plan->header->reloc_count * sizeof(*relocs));
	for (uint32_t i = 0; i < plan->header->step_count; i++)
		if (!step_is_sound(plan->header, &plan->steps[i]))
			return -EBADMSG;
	/* A string at the blob's end must not run on. */
	if (plan->header->blob_bytes == 0 || plan->blob[plan->header->blob_bytes - 1] != 0)
		return -EBADMSG;
	told = mmap(NULL, sizeof(struct plan_header), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	plan->told = told == MAP_FAILED ? NULL : told;
	plan->tells = plan->told != NULL;
	return relocate(plan, relocs);
}

static long argument(const struct plan *plan, const struct plan_step *step, int index)
{
	switch (step->kind[index]) {
	case ARG_BLOB:
		return (long)(uintptr_t)(plan->blob + step->args[index]);
	case ARG_SLOT:
		return (long)plan->slots[step->args[index]];
	default:
		return (long)step->args[index];
	}
}

/*
 * openat2 gives up with EAGAIN when anybody on the host renames or mounts something while it goes up by `..` (man 2 openat2): on a
 * busy host, now and then, and hardly twice in a row.
 */
#define OPEN_ATTEMPTS 1000

static long call(const struct plan *plan, const struct plan_step *step, long number)
{
	int attempts = OPEN_ATTEMPTS;
	long result;

	do {
		result = syscall(number, argument(plan, step, 0), argument(plan, step, 1), argument(plan, step, 2),
				 argument(plan, step, 3), argument(plan, step, 4), argument(plan, step, 5));
		if (result == -1)
			result = -errno;
	} while ((result == -EINTR && number != SYS_close) || (result == -EAGAIN && number == SYS_openat2 && --attempts > 0));
	return result;
}

static int send_fd(int socket, int fd)
{
	struct plan_report report = { .kind = REPORT_PTY };
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { &report, sizeof(report) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control.bytes) };

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void store_text(char *text, int64_t value, unsigned base)
{
	char digits[STORE_TEXT];
	int count = 0;
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do
		digits[count++] = (char)('0' + rest % base);
	while ((rest /= base) != 0);
	if (value < 0)
		*text++ = '-';
	while (count > 0)
		*text++ = digits[--count];
	*text = 0;
}

static void store(struct plan *plan, const struct plan_step *step)
{
	if (step->args[2] >= STORE_TEXT)
		store_text(plan->blob + step->args[1], plan->slots[step->args[0]], step->args[2] == STORE_OCTAL ? 8 : 10);
	else
		memcpy(plan->blob + step->args[1], &plan->slots[step->args[0]], step->args[2]);
}

static long load(const struct plan *plan, const struct plan_step *step)
{
	int32_t value;

	memcpy(&value, plan->blob + step->args[0], sizeof(value));
	return value;
}

/* The blob ends with a NUL, so the text does. */
static long number(const struct plan *plan, const struct plan_step *step)
{
	const char *text = plan->blob + step->args[0];
	long value = 0;

	for (; *text >= '0' && *text <= '9' && value <= INT32_MAX; text++)
		value = 10 * value + (*text - '0');
	return value > 0 && value <= INT32_MAX && (*text == 0 || *text == '\n') ? value : -EBADMSG;
}

static long expect(const struct plan *plan, const struct plan_step *step)
{
	uint32_t value;

	memcpy(&value, plan->blob + step->args[0], sizeof(value));
	return (value & (uint32_t)step->args[1]) == (uint32_t)step->args[2] ? 0 : -(long)(step->args[3] & 0xfff);
}

/* Never 0: who comes here fails, whatever the kernel wrote. */
static long failure(const struct plan *plan, const struct plan_step *step)
{
	int32_t error = -(int32_t)step->args[0];

	if (step->kind[0] == ARG_BLOB)
		memcpy(&error, plan->blob + step->args[0], sizeof(error));
	return error < 0 && error > -4096 ? error : -EPROTO;
}

static long run_step(struct plan *plan, const struct plan_step *step)
{
	long result;

	switch (step->op) {
	case OP_SYSCALL:
		result = call(plan, step, step->number);
		return result == 0 && step->flags & STEP_ZERO_FAILS ? -EPIPE : result;
	case OP_FORK:
		result = call(plan, step, SYS_clone3);
		if (result == 0)
			plan->forked = 1;
		return result;
	case OP_STORE:
		store(plan, step);
		return 0;
	case OP_SEND_FD:
		return send_fd(plan->report_fd, (int)argument(plan, step, 0));
	case OP_LOAD:
		return load(plan, step);
	case OP_EXPECT:
		return expect(plan, step);
	case OP_COPY:
		return copy_up((int)argument(plan, step, 0), (int)argument(plan, step, 1));
	case OP_MAKE:
		return make_path((int)argument(plan, step, 0), (const char *)argument(plan, step, 1), (int)step->args[2]);
	case OP_NUMBER:
		return number(plan, step);
	case OP_FAIL:
		return failure(plan, step);
	default:
		return 0;
	}
}

static int failed(struct plan *plan, uint32_t step, long error)
{
	plan->report.kind = REPORT_FAILED;
	plan->report.step = step;
	plan->report.error = (int32_t)-error;
	if (!plan->forked)
		return (int)error;
	if (plan->report_fd >= 0)
		(void)!write(plan->report_fd, &plan->report, sizeof(plan->report));
	_exit(127);
}

int plan_run(struct plan *plan)
{
	uint32_t at = 0;

	while (at < plan->header->step_count) {
		const struct plan_step *step = &plan->steps[at];
		uint32_t next = step->next;
		long result;

		if (step->op == OP_END) {
			if (plan->forked)
				_exit(0);
			return 0;
		}
		if (plan->tells)
			*(volatile uint32_t *)&plan->told->step = at;
		result = run_step(plan, step);
		if (step->op == OP_FORK && result == 0)
			next = 0;
		else if (step->op == OP_FORK && result > 0)
			plan->tells = 0; /* the child's steps are those that take long */
		if (result < 0 && result > -4096) {
			if (result <= -64 || !(step->ignore >> -result & 1))
				return failed(plan, at, result);
			plan->report.ignored |= 1ull << -result;
			next = step->next_ignored;
		}
		if (step->save != STEP_NO_SAVE && !(step->op == OP_FORK && plan->forked && result == 0))
			plan->slots[step->save] = result;
		at = next != 0 ? next : at + 1;
	}
	return failed(plan, at, -EBADMSG);
}
