#include <sys/socket.h>

#include <errno.h>

#include <sodium.h>

#include "peek.h"

bool
gate_peek_prepare(int fd)
{
	const int on = 1;

	return (setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)) == 0);
}

enum gate_peek
gate_peek(int fd, uint8_t room[GATE_REQUEST_MAX], struct gate_finding *finding)
{
	ssize_t n;

	*finding = (struct gate_finding){ .guard = GATE_GUARD_REFUSED };
	do {
		n = recv(fd, room, GATE_REQUEST_MAX, MSG_PEEK | MSG_DONTWAIT);
	} while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return (GATE_PEEK_WAIT);
	if (n <= 0)
		return (GATE_PEEK_GONE);
	*finding = gate_guard_look(room, (size_t)n);
	sodium_memzero(room, (size_t)n);
	switch (finding->guard) {
	case GATE_GUARD_COMPLETE:
		return (GATE_PEEK_READY);
	case GATE_GUARD_NEED_MORE:
		return (GATE_PEEK_WAIT);
	case GATE_GUARD_REFUSED:
		break;
	}
	return (GATE_PEEK_REFUSED);
}
