/*
 * Receives a packet and, beside it, a descriptor, in one call. C, because a msghdr is made of pointers that JavaScript would
 * have to keep from moving.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Waits. `*fd`: the first descriptor that came, close-on-exec, or -1. The number of bytes, 0 at the end, or a negative errno;
 * -EMSGSIZE for a packet that does not fit. */
long wherry_receive(int socket, void *data, long bytes, int *fd);

long wherry_receive(int socket, void *data, long bytes, int *fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { data, (size_t)bytes };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *header;
	ssize_t received;

	*fd = -1;
	do
		received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (received < 0 && errno == EINTR);
	if (received < 0)
		return -errno;
	header = CMSG_FIRSTHDR(&message);
	if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len >= CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(header), sizeof(int));
	return (message.msg_flags & MSG_TRUNC) != 0 ? -EMSGSIZE : received;
}
