/*
 * A session or a user's cached record apart from any store, for taking it
 * from one to another, and the lines of JSON that it travels in.
 *
 * What a token stands for moves by its digest and its user's id, which tell
 * where to look for it in every store that keeps digests.  Layout `gosession`
 * keeps the token itself, so a session moves there only with its token.
 */
#ifndef LK_STORED_H_
#define LK_STORED_H_

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "latchkey.h"
#include "session/token.h"

/* Longest token of a session that can be moved with it. */
#define LK_STORED_TOKEN_MAX (LK_USER_ID_MAX + 1 + LK_TOKEN_GOSESSION_HEX)
/* The format of the lines, and the one version of it so far. */
#define LK_STORED_FORMAT "latchkey-sessions"
#define LK_STORED_VERSION 1

enum lk_stored_kind {
	LK_STORED_UNREADABLE = 0, /* not what latchkey writes */
	LK_STORED_SESSION,
	LK_STORED_USER,
	LK_STORED_HEADER, /* of lines: what they are */
	LK_STORED_END     /* of lines: that they are whole */
};

struct lk_stored {
	enum lk_stored_kind kind;
	char user[LK_USER_ID_MAX + 1]; /* "" when a store hands out a user */
	int64_t expires_ms;

	/* Of a session. */
	char client[LK_CLIENT_MAX + 1]; /* "" if none */
	int64_t issued_us;              /* 0 if not known */
	uint8_t digest[LK_DIGEST_LEN];
	char token[LK_STORED_TOKEN_MAX + 1]; /* secret; "" unless known */

	/* Of a user: the record as lib/json.h writes it. */
	const char *record;
	size_t record_len;
};

/**
 * lk_stored_header(store, tokens, out), lk_stored_end(out):
 * Append the first and the last line of lines from ${store}.
 */
void lk_stored_header(const char *store, bool tokens, struct lk_buf *out);
void lk_stored_end(struct lk_buf *out);

/**
 * lk_stored_encode(stored, tokens, out):
 * Append the line of a session, with its token if it is known and ${tokens},
 * or of a user.  LK_E_CORRUPT, and nothing is appended, if a user's record is
 * none.
 */
enum lk_status lk_stored_encode(const struct lk_stored *stored, bool tokens,
    struct lk_buf *out) LK_MUST_CHECK;

/**
 * lk_stored_decode(line, len, stored, record, error):
 * Read one line, without its end.  Everything is checked, also that digest
 * and token belong together and to the user.  A user's record is appended to
 * ${record}, which lends it to ${stored}.  LK_E_INVAL, with what was expected
 * in ${error}, unless it is such a line.
 */
enum lk_status lk_stored_decode(const char *line, size_t len,
    struct lk_stored *stored, struct lk_buf *record,
    struct lk_error *error) LK_MUST_CHECK;

/* ---- Putting it into a store ------------------------------------------- */

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

/**
 * lk_stored_wipe(stored): Overwrite all of it; ${record} belongs to another.
 */
void lk_stored_wipe(struct lk_stored *stored);

#endif /* !LK_STORED_H_ */
