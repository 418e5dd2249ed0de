/* What a connection has sent, looked at without taking it. */
#ifndef GATE_PEEK_H_
#define GATE_PEEK_H_

#include "door/guard.h"

enum gate_peek {
	GATE_PEEK_GONE = 0, /* the peer closed or broke the connection */
	GATE_PEEK_REFUSED,  /* the guard refuses it */
	GATE_PEEK_WAIT,     /* not a whole request yet */
	GATE_PEEK_READY     /* one whole request */
};

/** What was seen of a connection so far; all zero at first. */
struct gate_sight {
	struct gate_seen seen;
	bool whole;    /* the kernel cannot skip what was looked at */
	bool skipping; /* it does at the moment */
	size_t copied; /* bytes, in all looks together */
};

/**
 * gate_peek_prepare(fd):
 * Let a new connection be read as it is peeked, byte for byte: bytes sent
 * out of band stay in their place.  False if that cannot be had.
 */
bool gate_peek_prepare(int fd);

/**
 * gate_peek_prepare_all(listener):
 * The same, and room for the largest request, for what its connections inherit
 * of a listener, of TCP at least.
 */
bool gate_peek_prepare_all(int listener);

/**
 * gate_peek(fd, room, sight):
 * Let the guard look at what has arrived on ${fd}, without waiting, and not
 * before it is as much as the last look has found to be needed.  What was
 * looked at is not copied again, or if the kernel cannot skip it not very
 * often: then the request is refused.  ${room} is where, and is zeroed
 * afterwards.
 */
enum gate_peek gate_peek(int fd, uint8_t room[GATE_REQUEST_MAX],
    struct gate_sight *sight);

#endif /* !GATE_PEEK_H_ */
