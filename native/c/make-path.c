/*
 * See make-path.h. C because a symbolic link may lead to what does not exist yet (/var/run -> /run), and where it leads is known only
 * when the plan runs. Links are read first and resolved as text, `/` being the root; what is then made and opened, name by name, is
 * never a link: who exchanges a name in between gets an error.
 */
#define _GNU_SOURCE
#include "make-path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_LINKS 40
#define NO_LINKS (RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH)

/* `resolved` is relative to the root and has neither links nor dots, as far as it was looked at; `pending` is the rest. */
static char resolved[PATH_MAX], pending[2 * PATH_MAX], link_text[PATH_MAX];

static int open_in(int directory, const char *path, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_PATH | O_CLOEXEC, .resolve = NO_LINKS };

	return (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));
}

static void leave_last(void)
{
	char *slash = strrchr(resolved, '/');

	*(slash != NULL ? slash : resolved) = 0;
}

/* Takes the next name off `pending`; its length, 0 at the end. */
static size_t next_name(char *name)
{
	size_t skipped = strspn(pending, "/");
	size_t length = strcspn(pending + skipped, "/");

	if (length > NAME_MAX)
		return length;
	memcpy(name, pending + skipped, length);
	name[length] = 0;
	memmove(pending, pending + skipped + length, strlen(pending + skipped + length) + 1);
	return length;
}

static int enter(const char *name)
{
	size_t used = strlen(resolved);

	if (used + strlen(name) + 2 > sizeof(resolved))
		return -ENAMETOOLONG;
	if (used > 0)
		resolved[used++] = '/';
	strcpy(resolved + used, name);
	return 0;
}

/* Puts a link's text in the place of its name. */
static int follow(int link)
{
	ssize_t length = readlinkat(link, "", link_text, sizeof(link_text) - 1);
	size_t rest = strlen(pending);

	if (length < 0)
		return -errno;
	if ((size_t)length + rest + 2 > sizeof(pending))
		return -ENAMETOOLONG;
	leave_last();
	if (link_text[0] == '/')
		resolved[0] = 0;
	memmove(pending + length + 1, pending, rest + 1);
	memcpy(pending, link_text, (size_t)length);
	pending[length] = '/';
	return 0;
}

/*
 * 1 when what `resolved` names now was a link, and is followed. Nothing can be made in a procfs, and what its links say of descriptors
 * and roots (CVE-2024-21626) is no path of the container.
 */
static int follow_link(int root)
{
	struct stat status;
	struct statfs system;
	int fd = open_in(root, resolved, O_NOFOLLOW), error = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &status) < 0 || fstatfs(fd, &system) < 0)
		error = -errno;
	else if (S_ISLNK(status.st_mode) && system.f_type == PROC_SUPER_MAGIC)
		error = -ELOOP;
	else if (S_ISLNK(status.st_mode))
		error = (error = follow(fd)) < 0 ? error : 1;
	close(fd);
	return error;
}

static int resolve(int root)
{
	char name[NAME_MAX + 1];
	int links = 0, result;
	size_t length;

	resolved[0] = 0;
	while ((length = next_name(name)) > 0) {
		if (length > NAME_MAX)
			return -ENAMETOOLONG;
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			leave_last();
			continue;
		}
		if ((result = enter(name)) < 0 || (result = follow_link(root)) < 0)
			return result;
		if (result == 1 && ++links > MAX_LINKS)
			return -ELOOP;
	}
	return 0;
}

static int make_one(int parent, const char *name, int kind)
{
	int made = kind == MAKE_FILE ? mknodat(parent, name, S_IFREG | 0644, 0) : mkdirat(parent, name, 0755);
	int fd;

	if (made < 0 && errno != EEXIST)
		return -errno;
	fd = open_in(parent, name, kind == MAKE_FILE ? 0 : O_DIRECTORY);
	return fd < 0 ? -errno : fd;
}

int make_path(int root, const char *path, int kind)
{
	int error, at = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (at < 0)
		return -errno;
	if (strlen(path) >= PATH_MAX)
		return close(at), -ENAMETOOLONG;
	strcpy(pending, path);
	error = resolve(root);
	strcpy(pending, resolved);
	for (char *name = strtok(pending, "/"); error >= 0 && name != NULL;) {
		char *next = strtok(NULL, "/");
		int child = make_one(at, name, next == NULL ? kind : MAKE_DIRECTORY);

		close(at);
		error = at = child;
		name = next;
	}
	if (error < 0 && at >= 0)
		close(at);
	return error < 0 ? error : at;
}
