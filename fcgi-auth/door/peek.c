#include <sys/ioctl.h>
#include <sys/socket.h>

#include <errno.h>

#include <sodium.h>

#include "door/peek.h"

/* The kernel counts its own overhead too: room for the largest request. */
#define RECEIVE_BUFFER (4 * GATE_REQUEST_MAX)

bool
gate_peek_prepare(int fd)
{
	const int on = 1;

	return (setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)) == 0);
}

bool
gate_peek_prepare_all(int listener)
{
	int size = RECEIVE_BUFFER;

	/* If the system allows less, long requests just fail. */
	(void)setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return (gate_peek_prepare(listener));
}

/* Whether at least ${need} bytes have arrived on ${fd}. */
static bool
has_arrived(int fd, size_t need)
{
	int arrived = 0;

	/* If it cannot be told, a look will tell. */
	return (need == 0 || ioctl(fd, FIONREAD, &arrived) != 0 ||
	    (size_t)arrived >= need);
}

enum gate_peek
gate_peek(int fd, uint8_t room[GATE_REQUEST_MAX], struct gate_sight *sight)
{
	ssize_t n;

	if (!has_arrived(fd, sight->finding.need))
		return (GATE_PEEK_WAIT);
	do {
		n = recv(fd, room, GATE_REQUEST_MAX, MSG_PEEK | MSG_DONTWAIT);
	} while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return (GATE_PEEK_WAIT);
	if (n <= 0)
		return (GATE_PEEK_GONE);
	sight->finding = gate_guard_look_on(&sight->finding, room, (size_t)n);
	sight->copied += (size_t)n;
	sodium_memzero(room, (size_t)n);
	switch (sight->finding.guard) {
	case GATE_GUARD_COMPLETE:
		return (GATE_PEEK_READY);
	case GATE_GUARD_NEED_MORE:
		return (GATE_PEEK_WAIT);
	case GATE_GUARD_REFUSED:
		break;
	}
	return (GATE_PEEK_REFUSED);
}
