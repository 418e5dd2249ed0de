/* The session token that a request carries, wherever it carries it. */
#ifndef GATE_CREDENTIALS_H_
#define GATE_CREDENTIALS_H_

#include "latchkey.h"
#include "settings/settings.h"
#include "verdict/request.h"

/* Most tokens that one request may carry, each counted once. */
#define GATE_CREDENTIALS_MAX 4

enum gate_credentials_kind {
	GATE_CREDENTIALS_NONE = 0, /* nothing of a kind that is accepted */
	GATE_CREDENTIALS_ONE,      /* one token, maybe several times */
	GATE_CREDENTIALS_BAD,      /* something that cannot be a token */
	GATE_CREDENTIALS_SEVERAL,  /* cookies with tokens that differ: which is
	                              live is for the store to say */
	GATE_CREDENTIALS_TOO_MANY, /* more than GATE_CREDENTIALS_MAX tokens */
	GATE_CREDENTIALS_CONFLICT  /* what contradicts itself */
};

/** A token that was found, and where. */
struct gate_credential {
	bool stated;        /* elsewhere than in a cookie */
	bool authorization; /* in an Authorization header */
	bool cookie;        /* in the cookie of the settings */
	bool deliberate;    /* in a place that browsers never fill by
	                       themselves: a Bearer, a header of its own */
	struct lk_token token;
};

/** Holds secrets: end its life with gate_credentials_wipe(). */
struct gate_credentials {
	enum gate_credentials_kind kind;
	char user[LK_USER_ID_MAX + 1]; /* the user name that came with it by
	                                  HTTP Basic, or "" */
	const char *conflict;          /* GATE_CREDENTIALS_CONFLICT: a sentence
	                                  of constant text */
	bool cookie;     /* the one token is in the cookie of the settings */
	bool bearer;     /* a Bearer was tried */
	bool unprompted; /* a browser may have sent it by itself, for a page of
	                    another site: there is a cookie of an accepted name,
	                    or an Authorization that is no Bearer, and the one
	                    token, if it is one, is nowhere deliberate */
	bool misplaced_access; /* an access token is where none is taken */
	size_t n;
	/* Of tokens only what is used is ever written, or wiped. */
	struct lk_token token; /* GATE_CREDENTIALS_ONE, else empty */
	struct gate_credential found[GATE_CREDENTIALS_MAX + 1]; /* all tokens,
	                                  and room for one that is too many */
};

/**
 * gate_credentials_read(settings, request, credentials):
 * Look into every place that the setting `gate.tokens` names (token_source.h),
 * and there at every cookie, header and parameter of that name.
 *
 * "bearer" is RFC 6750, section 2.1; "basic" is RFC 7617, with the token as
 * the password; a cookie is RFC 6265; a header has the token as its whole
 * value.  What has no token's shape (lk_token_has_shape()) is bad; an access
 * token's (lk_jwt_has_shape()) will do where a request is authorized, and no
 * other endpoint takes one.
 *
 * Bad cookies beside one with a token count for nothing: any other host of the
 * domain, and other programs, set cookies of the same name.  So does a bad
 * Authorization beside a token that is elsewhere: it may be meant for the
 * application.  Else what is bad is GATE_CREDENTIALS_BAD, never
 * GATE_CREDENTIALS_NONE, and next to a token GATE_CREDENTIALS_CONFLICT, as are
 * tokens that differ unless all of them are cookies'.
 */
void gate_credentials_read(const struct lk_settings *settings,
    const struct gate_request *request, struct gate_credentials *credentials);

/**
 * gate_credentials_choose(credentials, i):
 * Of GATE_CREDENTIALS_SEVERAL it is token ${i}: GATE_CREDENTIALS_ONE.
 */
void gate_credentials_choose(struct gate_credentials *credentials, size_t i);

/** gate_credentials_wipe(credentials): Overwrite all that was found with zeros.
 */
void gate_credentials_wipe(struct gate_credentials *credentials);

#endif /* !GATE_CREDENTIALS_H_ */
