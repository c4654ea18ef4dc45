/*
 * See copy-up.h. C because it is a step of the plan: what is copied is known only where the image is mounted, and no program but the
 * container's own could be run there. Nothing follows a symbolic link, and what is above the two descriptors is never looked at.
 */
#define _GNU_SOURCE
#include "copy-up.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MAX_DEPTH 64
#define DIRENT_BYTES 4096
#define CHUNK_BYTES (1u << 20)
#define NAMES_BYTES 4096
#define VALUE_BYTES 4096

struct dirent64_head {
	uint64_t inode;
	int64_t offset;
	uint16_t bytes;
	uint8_t type;
	char name[];
};

static char names[NAMES_BYTES], value[VALUE_BYTES], target[PATH_MAX];

static int copy_entries(int from, int to, int depth);

/* A target that has no such attributes, or none that we may set, goes without. */
static void copy_attributes(int from, int to)
{
	ssize_t bytes = flistxattr(from, names, sizeof(names));

	for (ssize_t at = 0; at < bytes; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t length = fgetxattr(from, names + at, value, sizeof(value));

		if (length >= 0)
			(void)!fsetxattr(to, names + at, value, (size_t)length, 0);
	}
}

/* The owner first: changing it takes set-user-id bits and capabilities away. */
static int copy_metadata(int from, int to, const struct stat *status)
{
	struct timespec times[2] = { status->st_atim, status->st_mtim };

	if (fchown(to, status->st_uid, status->st_gid) < 0 && errno != EPERM && errno != EINVAL)
		return -errno;
	copy_attributes(from, to);
	if (fchmod(to, status->st_mode & 07777) < 0)
		return -errno;
	return futimens(to, times) < 0 ? -errno : 0;
}

/* Shared blocks where the file system has such. */
static int copy_data(int from, int to)
{
	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	for (;;) {
		ssize_t sent = sendfile(to, from, NULL, CHUNK_BYTES);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return sent < 0 ? -errno : 0;
	}
}

/* O_NONBLOCK: a FIFO that came into the file's place does not hold us. */
static int copy_file(int from, int to, const char *name)
{
	int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;
	int copy, error;

	if (source < 0)
		return -errno;
	if (fstat(source, &status) < 0 || !S_ISREG(status.st_mode))
		return close(source), -ESTALE;
	copy = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	error = copy < 0 ? -errno : copy_data(source, copy);
	if (error == 0)
		error = copy_metadata(source, copy, &status);
	if (copy >= 0)
		close(copy);
	close(source);
	return error;
}

static int copy_directory(int from, int to, const char *name, int depth)
{
	int source = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	int copy = -1, error = 0;

	if (source < 0)
		return -errno;
	if (fstat(source, &status) < 0 || mkdirat(to, name, 0700) < 0)
		error = -errno;
	else if ((copy = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		error = -errno;
	if (error == 0)
		error = copy_entries(source, copy, depth + 1);
	if (error == 0)
		error = copy_metadata(source, copy, &status);
	if (copy >= 0)
		close(copy);
	close(source);
	return error;
}

static int copy_other(int from, int to, const char *name, const struct stat *status)
{
	struct timespec times[2] = { status->st_atim, status->st_mtim };

	if (S_ISLNK(status->st_mode)) {
		ssize_t length = readlinkat(from, name, target, sizeof(target) - 1);

		if (length < 0)
			return -errno;
		target[length] = 0;
		if (symlinkat(target, to, name) < 0)
			return -errno;
	} else if (mknodat(to, name, status->st_mode, status->st_rdev) < 0) {
		/* A device in a user namespace: the kernel would not let it be opened anyway. */
		return errno == EPERM ? 0 : -errno;
	}
	if (fchownat(to, name, status->st_uid, status->st_gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != EPERM && errno != EINVAL)
		return -errno;
	return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_entry(int from, int to, const char *name, int depth)
{
	struct stat status;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(status.st_mode))
		return copy_directory(from, to, name, depth);
	return S_ISREG(status.st_mode) ? copy_file(from, to, name) : copy_other(from, to, name, &status);
}

static int copy_entries(int from, int to, int depth)
{
	char buffer[DIRENT_BYTES] __attribute__((aligned(8)));

	if (depth > MAX_DEPTH)
		return -ELOOP;
	for (;;) {
		long bytes = syscall(SYS_getdents64, from, buffer, sizeof(buffer));

		if (bytes <= 0)
			return bytes < 0 ? -errno : 0;
		for (long at = 0; at < bytes;) {
			const struct dirent64_head *entry = (const struct dirent64_head *)(const void *)(buffer + at);
			int error = copy_entry(from, to, entry->name, depth);

			if (error < 0)
				return error;
			at += entry->bytes;
		}
	}
}

int copy_up(int from, int to)
{
	int source = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int copy = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = source < 0 || copy < 0 ? -errno : copy_entries(source, copy, 0);

	if (source >= 0)
		close(source);
	if (copy >= 0)
		close(copy);
	return error;
}
