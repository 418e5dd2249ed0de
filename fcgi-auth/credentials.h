/* The session token that a request carries, wherever it carries it. */
#ifndef GATE_CREDENTIALS_H_
#define GATE_CREDENTIALS_H_

#include "latchkey.h"
#include "request.h"
#include "settings.h"

enum gate_credentials_kind {
	GATE_CREDENTIALS_NONE = 0, /* nothing of a kind that is accepted */
	GATE_CREDENTIALS_ONE,      /* one token, maybe several times */
	GATE_CREDENTIALS_BAD,      /* something that cannot be a token */
	GATE_CREDENTIALS_CONFLICT  /* several that differ */
};

/** Holds a secret: end its life with gate_credentials_wipe(). */
struct gate_credentials {
	enum gate_credentials_kind kind;
	struct lk_token token;         /* GATE_CREDENTIALS_ONE, else zeroed */
	char user[LK_USER_ID_MAX + 1]; /* the user name that came with it by
	                                  HTTP Basic, or "" */
	bool deliberate; /* it came, maybe besides, in a place that browsers
	                    never fill by themselves: as a Bearer or in a
	                    header other than Cookie and Authorization */
};

/**
 * gate_credentials_read(settings, request, credentials):
 * Look into every place that the setting `gate.tokens` names (token_source.h),
 * and there at every cookie, header and parameter of that name.
 *
 * "bearer" is RFC 6750, section 2.1; "basic" is RFC 7617, with the token as
 * the password; "cookie:NAME" is RFC 6265; "header:NAME" is the header's
 * whole value.  A credential of an accepted kind that is empty or malformed
 * is GATE_CREDENTIALS_BAD, never GATE_CREDENTIALS_NONE; next to a token it
 * differs from, it is GATE_CREDENTIALS_CONFLICT.
 */
void gate_credentials_read(const struct lk_settings *settings,
    const struct gate_request *request, struct gate_credentials *credentials);

/** gate_credentials_wipe(credentials): Overwrite all of it with zeros. */
void gate_credentials_wipe(struct gate_credentials *credentials);

#endif /* !GATE_CREDENTIALS_H_ */
