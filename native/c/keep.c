/*
 * Two descriptors that wait in a socket's queue for whoever looks: they stay open as long as the socket does. C, because a msghdr
 * is made of pointers that JavaScript would have to keep from moving.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define KEPT 2

union kept_control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(KEPT * sizeof(int))];
};

/* Never wait. 0, or a negative errno: -EAGAIN when nothing is kept, or no more can be. */
long wherry_keep(int socket, const int *fds);
long wherry_kept(int socket, int *fds);

long wherry_keep(int socket, const int *fds)
{
	union kept_control control = { .header = { .cmsg_len = CMSG_LEN(KEPT * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct iovec part = { "k", 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control.bytes) };
	ssize_t sent;

	memcpy(CMSG_DATA(&control.header), fds, KEPT * sizeof(int));
	do
		sent = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* Copies, close-on-exec; those in the queue stay there. */
long wherry_kept(int socket, int *fds)
{
	union kept_control control = { 0 };
	char byte;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *header;
	ssize_t received;

	do
		received = recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (received < 0 && errno == EINTR);
	if (received < 0)
		return -errno;
	header = CMSG_FIRSTHDR(&message);
	if (header == NULL || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(KEPT * sizeof(int)))
		return -EBADMSG;
	memcpy(fds, CMSG_DATA(header), KEPT * sizeof(int));
	return 0;
}
