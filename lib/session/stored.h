/*
 * A session or a user's cached record apart from any store, for taking it
 * from one to another.
 *
 * What a token stands for moves by its digest and its user's id, which tell
 * where to look for it in every store that keeps digests.  A store that keeps
 * tokens takes a session only with its token.
 */
#ifndef LK_STORED_H_
#define LK_STORED_H_

#include <stddef.h>
#include <stdint.h>

#include <sodium.h>

#include "latchkey.h"
#include "session/token.h"

/* Longest token of a session that can be moved with it. */
#define LK_STORED_TOKEN_MAX (LK_USER_ID_MAX + 1 + LK_TOKEN_GOSESSION_HEX)

/* When a session ends for good that has no such end. */
#define LK_STORED_NEVER INT64_MAX

enum lk_stored_kind {
	LK_STORED_UNREADABLE = 0, /* not what latchkey writes */
	LK_STORED_SESSION,
	LK_STORED_USER,
	LK_STORED_HEADER, /* of an export: what it is */
	LK_STORED_END     /* of an export: that it is whole */
};

struct lk_stored {
	enum lk_stored_kind kind;
	char user[LK_USER_ID_MAX + 1]; /* "" when a store hands out a user */
	int64_t expires_ms;

	/* Of a session. */
	char client[LK_CLIENT_MAX + 1]; /* "" if none */
	int64_t issued_us;              /* 0 if not known */
	int64_t ends_ms;                /* for good; LK_STORED_NEVER: not at
	                                   all; 0: not recorded */
	char peer[LK_PEER_MAX + 1];     /* "" if not known */
	char agent[LK_AGENT_MAX + 1];   /* the same */
	uint8_t digest[LK_DIGEST_LEN];
	char token[LK_STORED_TOKEN_MAX + 1]; /* secret; "" unless known */

	/* Of a user: the record of user.h. */
	const char *record;
	size_t record_len;
};

/** lk_stored_wipe(stored): Overwrite all of it; ${record} is another's. */
static inline void
lk_stored_wipe(struct lk_stored *stored)
{
	sodium_memzero(stored, sizeof(*stored));
}

/** What became of one that was to be put into a store. */
enum lk_put {
	LK_PUT_NOT = 0,    /* nothing yet */
	LK_PUT_NEW,        /* it was not there and is now */
	LK_PUT_LATER,      /* it was there and ends later now */
	LK_PUT_KNOWN,      /* it was there and stays as it is */
	LK_PUT_EXPIRED,    /* it is over */
	LK_PUT_NO_TOKEN,   /* the store needs a token of gosession's shape */
	LK_PUT_UNFIT_USER, /* the store cannot have such a user id */
	LK_PUT_CONFLICT,   /* something else is in its place */
	LK_PUT_N
};

#endif /* !LK_STORED_H_ */
