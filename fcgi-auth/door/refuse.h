/* Answering and ending connections that no worker has. */
#ifndef GATE_REFUSE_H_
#define GATE_REFUSE_H_

#include <stddef.h>
#include <stdint.h>

enum gate_refusal {
	GATE_REFUSE_BAD_REQUEST, /* 400: the guard did not let it through */
	GATE_REFUSE_OVERLOAD     /* 503: there is no room to queue it */
};

/**
 * gate_refuse(fd, request_id, refusal, reason):
 * Answer request ${request_id} on ${fd} with a denial and the short sentence
 * ${reason}, without parsing the request and without waiting, and close
 * ${fd}.  A web server that was told nothing might take the gate for broken
 * and stop asking it for a while, which is not for one client to cause.
 */
void gate_refuse(int fd, uint16_t request_id, enum gate_refusal refusal,
    const char *reason);

/**
 * gate_drain(fd, max):
 * Take what has arrived on ${fd}, but no more than ${max} bytes, without
 * waiting for more.
 */
void gate_drain(int fd, size_t max);

/**
 * gate_hang_up(fd):
 * Read what has arrived on ${fd}, without waiting for more, and close it:
 * closing a socket with unread bytes may destroy a reply under way.
 */
void gate_hang_up(int fd);

#endif /* !GATE_REFUSE_H_ */
