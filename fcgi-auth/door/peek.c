#include <sys/ioctl.h>
#include <sys/socket.h>

#include <errno.h>

#include <sodium.h>

#include "door/peek.h"

/* The kernel counts its own overhead too: room for the largest request. */
#define RECEIVE_BUFFER (4 * GATE_REQUEST_MAX)
/* A request that must be looked at so often that more than this is copied is
 * an attack. */
#define COPIED_MAX (16 * GATE_REQUEST_MAX)

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

/* Let peeks begin ${from} bytes behind where reading does; whether that can be.
 * A peek moves it on, and -1 takes it back. */
static bool
skip(int fd, struct gate_sight *sight, int from)
{
	sight->skipping = from != -1;
	return (
	    setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &from, sizeof(from)) == 0);
}

/*
 * Copy what has arrived to ${room}, from where the next look begins on, or if
 * the kernel cannot skip what is before that (Linux before 6.9, of TCP) all of
 * it: ${start} is where.  How much it is; 0: the peer is gone, -1: too little.
 */
static ssize_t
copy(int fd, uint8_t room[GATE_REQUEST_MAX], struct gate_sight *sight,
    size_t *start)
{
	const size_t from = sight->seen.from;
	ssize_t n;

	sight->whole = sight->whole ||
	    (from > 0 && !skip(fd, sight, (int)from));
	*start = sight->whole ? 0 : from;
	/* What is skipped costs nothing, and need not be counted. */
	if (*start == 0 && !has_arrived(fd, sight->seen.need))
		return (-1);
	if (*start == 0 && sight->skipping && !skip(fd, sight, -1))
		return (0);
	do {
		n = recv(fd, room, GATE_REQUEST_MAX - *start,
		    MSG_PEEK | MSG_DONTWAIT);
	} while (n == -1 && errno == EINTR);
	/* Behind what is skipped the end may be, of half a request. */
	if (n == -1 || (n == 0 && *start > 0))
		return (n == 0 || errno == EAGAIN ? -1 : 0);
	sight->copied += (size_t)n;
	return (n);
}

enum gate_peek
gate_peek(int fd, uint8_t room[GATE_REQUEST_MAX], struct gate_sight *sight)
{
	struct gate_seen *seen = &sight->seen;
	size_t start, total;
	ssize_t n;

	do {
		if ((n = copy(fd, room, sight, &start)) <= 0)
			return (n == 0 ? GATE_PEEK_GONE : GATE_PEEK_WAIT);
		total = start + (size_t)n;
		*seen = gate_guard_look_on(seen, room + (seen->from - start),
		    total);
		sodium_memzero(room, (size_t)n);
	} while (seen->guard == GATE_GUARD_NEED_MORE && seen->need <= total);
	if (seen->guard == GATE_GUARD_NEED_MORE && sight->copied <= COPIED_MAX)
		return (GATE_PEEK_WAIT);
	/* Who looks at the connection next, at another request, skips none. */
	if (sight->skipping && !skip(fd, sight, -1))
		return (GATE_PEEK_GONE);
	if (seen->guard == GATE_GUARD_COMPLETE)
		return (GATE_PEEK_READY);
	if (seen->guard == GATE_GUARD_NEED_MORE)
		seen->reason = "request in tiny pieces";
	return (GATE_PEEK_REFUSED);
}
