/*
 * The guard: is what a connection has sent so far one complete, well-formed,
 * size-limited FastCGI request?  It looks at bytes that are still in the
 * socket, before any other parser may touch them, because that parser trusts
 * lengths, answers management records and waits for what is missing.
 *
 * A request is a BEGIN_REQUEST record followed by PARAMS records of the same
 * request id up to the empty one.  What comes after that (STDIN) is no part of
 * the decision and nobody reads it; whether it ends the bytes only says
 * whether the connection can carry another request.  But a RESPONDER's request
 * is complete only when STDIN has ended, or as much of it as fits is there: its
 * peer expects no answer while it writes.
 *
 * One endpoint alone is asked with a body, GATE_BODY_ENDPOINT: its request is
 * complete when all of that is there, and refused if it is longer than
 * GATE_BODY_MAX, cut or mixed with anything else.
 */
#ifndef GATE_GUARD_H_
#define GATE_GUARD_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Largest request in bytes, up to and with the header of the empty PARAMS. */
#define GATE_REQUEST_MAX 65536
/* Longest body of the endpoint whose body is read, the value of the parameter
 * LATCHKEY_ENDPOINT. */
#define GATE_BODY_MAX 8192
#define GATE_BODY_ENDPOINT "login"
/* Most parameters of a request. */
#define GATE_PARAMS_MAX 256

enum gate_guard {
	GATE_GUARD_REFUSED = 0, /* it is none, and never will be */
	GATE_GUARD_NEED_MORE,   /* so far so good */
	GATE_GUARD_COMPLETE
};

/** What was seen of a request so far; all zero at first. */
struct gate_seen {
	enum gate_guard guard;
	const char *reason;  /* why it was refused, constant text; else NULL */
	uint16_t request_id; /* of a good BEGIN_REQUEST; 0 if none was seen */
	size_t params;       /* how many, once all of them are there */
	size_t end;          /* where they end then; 0: not all are there */
	size_t need;         /* of NEED_MORE: with fewer bytes than that nothing
	                        else can be found */
	size_t from;         /* of NEED_MORE: where the next look begins */
	bool responder;      /* its role */
	bool keepable;       /* it may be, and its peer wants it */
	bool body;           /* its STDIN is read */
	size_t content;      /* how long that is so far */
	bool too_large;      /* of REFUSED: that is why */
	bool odd;            /* behind the parameters is not only its STDIN */
	size_t ended;        /* of COMPLETE: how many bytes there are, if they
	                        end with its STDIN; else 0 */
	bool keep;           /* of COMPLETE: the peer wants to keep the
	                        connection, and it can: the bytes are one
	                        request of role RESPONDER with all of its
	                        STDIN, no more */
};

/**
 * gate_guard_look(bytes, len):
 * Judge the first ${len} bytes that a connection has sent.  Pure: the answer
 * depends on the bytes alone.
 */
struct gate_seen gate_guard_look(const uint8_t *bytes, size_t len);

/**
 * gate_guard_look_on(before, bytes, total):
 * The same, where ${before} was found in fewer of the same bytes, or is all
 * zero.  There are ${total} in all, and ${bytes} are those from
 * ${before->from} on: none is looked at again, but for one look at all
 * parameters once they are there, which is then asked for (from 0, and no more
 * needed than is there).
 */
struct gate_seen gate_guard_look_on(const struct gate_seen *before,
    const uint8_t *bytes, size_t total);

#endif /* !GATE_GUARD_H_ */
