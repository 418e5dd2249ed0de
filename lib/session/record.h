/*
 * A session's record, as the stores that keep digests hold it: one line of
 * printable text, short, strict, and readable from a script in the store:
 *
 *     1 <issued us> <expires ms> <digest> <client or -> <user>
 *
 * The user id comes last because it may contain spaces.  Times count from
 * 1970 UTC by the store's clock; the time of issue is in microseconds so that
 * it orders logins that follow each other at once.
 */
#ifndef LK_RECORD_H_
#define LK_RECORD_H_

#include "latchkey.h"
#include "session/token.h"

/* Most digits of a time in a record. */
#define LK_RECORD_DIGITS_MAX 18
/* Longest record: version, two times, digest, client, user. */
#define LK_RECORD_MAX                                                  \
	(2 + 2 * (LK_RECORD_DIGITS_MAX + 1) + LK_DIGEST_TEXT_LEN + 1 + \
	    LK_CLIENT_MAX + 1 + LK_USER_ID_MAX)

struct lk_record {
	int64_t issued_us;
	int64_t expires_ms;
	char digest[LK_DIGEST_TEXT_LEN + 1];
	char client[LK_CLIENT_MAX + 1]; /* "" if none */
	char user[LK_USER_ID_MAX + 1];
};

/** lk_client_check(client): LK_OK if it may stand as a client kind. */
enum lk_status lk_client_check(const char *client) LK_MUST_CHECK;

/**
 * lk_record_parse(text, len, record):
 * LK_E_CORRUPT unless ${text} is exactly one record.
 */
enum lk_status lk_record_parse(const char *text, size_t len,
    struct lk_record *record) LK_MUST_CHECK;

/**
 * lk_record_digest(record, digest):
 * Decode the digest; LK_E_CORRUPT if it is none.
 */
enum lk_status lk_record_digest(const struct lk_record *record,
    uint8_t digest[LK_DIGEST_LEN]) LK_MUST_CHECK;

/**
 * lk_record_session(record, digest, tag, session):
 * Fill in what a record says of the session of ${digest} in the keys of
 * ${tag}, but when it ends.
 */
void lk_record_session(const struct lk_record *record,
    const uint8_t digest[LK_DIGEST_LEN], const uint8_t tag[LK_TAG_LEN],
    struct lk_session *session);

/**
 * lk_session_beside_unknown(session):
 * Of what stands beside a session's record nothing is known yet.
 */
static inline void
lk_session_beside_unknown(struct lk_session *session)
{
	session->peer[0] = session->agent[0] = '\0';
	session->renewed_at = session->ends_by = 0;
}

/**
 * lk_session_expiry(expires_ms, now_ms, session):
 * Fill in expires_at, rounded up so that the session is dead at the second it
 * names, and ttl, rounded up and at least 1, since the store has the last
 * word on whether the session lives.
 */
void lk_session_expiry(int64_t expires_ms, int64_t now_ms,
    struct lk_session *session);

#endif /* !LK_RECORD_H_ */
