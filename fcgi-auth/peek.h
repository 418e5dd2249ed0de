/* What a connection has sent, looked at without taking it. */
#ifndef GATE_PEEK_H_
#define GATE_PEEK_H_

#include "guard.h"

enum gate_peek {
	GATE_PEEK_GONE = 0, /* the peer closed or broke the connection */
	GATE_PEEK_REFUSED,  /* the guard refuses it */
	GATE_PEEK_WAIT,     /* not a whole request yet */
	GATE_PEEK_READY     /* one whole request */
};

/**
 * gate_peek_prepare(fd):
 * Let a new connection be read as it is peeked, byte for byte: bytes sent
 * out of band stay in their place.  False if that cannot be had.
 */
bool gate_peek_prepare(int fd);

/**
 * gate_peek(fd, room, finding):
 * Let the guard look at what has arrived on ${fd}, without waiting.  ${room}
 * is where, and is zeroed afterwards.
 */
enum gate_peek gate_peek(int fd, uint8_t room[GATE_REQUEST_MAX],
    struct gate_finding *finding);

#endif /* !GATE_PEEK_H_ */
