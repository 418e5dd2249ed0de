/* Ending connections: with a few words if they are turned away. */
#ifndef GATE_TURN_AWAY_H_
#define GATE_TURN_AWAY_H_

#include <stddef.h>
#include <stdint.h>

/* What the log says of who may not ask. */
#define GATE_TURN_AWAY_STRANGER                                      \
	"not a peer that gate.allow_uids, gate.http.allow_uids and " \
	"gate.allow_remote admit"

/* What is said where a reload takes more memory than there is. */
#define GATE_TURN_AWAY_NO_ROOM "there is no room for the new settings"

/* Room for what is said to who is turned away. */
#define GATE_TURN_AWAY_TEXT_MAX 512

enum gate_turn_away {
	GATE_TURN_AWAY_BAD_REQUEST, /* 400: the guard did not let it through */
	GATE_TURN_AWAY_TOO_LARGE,   /* 413: nor a body as long as that */
	GATE_TURN_AWAY_OVERLOAD     /* 503: there is no room to queue it */
};

/**
 * gate_turn_away_text(why, reason, text):
 * The whole reply: a denial, with the short sentence ${reason}.
 */
void gate_turn_away_text(enum gate_turn_away why, const char *reason,
    char text[GATE_TURN_AWAY_TEXT_MAX]);

/**
 * gate_turn_away(fd, request_id, why, reason):
 * Answer request ${request_id} on ${fd} so, by FastCGI, without parsing the
 * request and without waiting, and close ${fd}.  A web server that was told
 * nothing might take the gate for broken and stop asking it for a while, which
 * is not for one client to cause.
 */
void gate_turn_away(int fd, uint16_t request_id, enum gate_turn_away why,
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

#endif /* !GATE_TURN_AWAY_H_ */
