/*
 * Tokens, and everything that follows from a token's text alone.
 *
 * Two shapes exist.  LK_SHAPE_LATCHKEY is `lk_` and the unpadded base64url
 * (RFC 4648, section 5) of a 16-byte user tag and 32 random bytes.
 * LK_SHAPE_GOSESSION is `<user id>_<32 lower-case hex>`.
 *
 * Every session is found by a key made of the token: the tag says whose keys
 * they are, the handle (half of the token's SHA-256) which of them, and the
 * whole digest, kept in the record, is compared in constant time.  A store
 * that keeps digests gives nobody a usable token.
 */
#ifndef LK_TOKEN_H_
#define LK_TOKEN_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/base64url.h"
#include "latchkey.h"

#define LK_TAG_LEN 16
#define LK_DIGEST_LEN 32
#define LK_HANDLE_LEN 16
#define LK_TAG_TEXT_LEN 22 /* base64url of a tag or a handle */
#define LK_HANDLE_TEXT_LEN 22
#define LK_DIGEST_TEXT_LEN 43 /* base64url of a digest */
#define LK_TOKEN_LATCHKEY_LEN 67
#define LK_TOKEN_GOSESSION_HEX 32

/* LK_SHAPE_ANY: either, of who issues none himself. */
enum lk_token_shape { LK_SHAPE_ANY = 0, LK_SHAPE_LATCHKEY, LK_SHAPE_GOSESSION };

/** What a token's text says; only ${token} in it is secret, and borrowed. */
struct lk_token_key {
	enum lk_token_shape shape;
	uint8_t tag[LK_TAG_LEN];
	uint8_t digest[LK_DIGEST_LEN]; /* the handle is its first half */
	char user[LK_USER_ID_MAX + 1]; /* where it is said, else "" */
	bool by_id; /* the digest is but the handle: a public id named it */
	const struct lk_token *token;
};

/**
 * What a public session id says: which session, and whose keys to look in.
 * The locator is the user's tag, or in layouts that know no tags the user id.
 */
struct lk_session_ref {
	uint8_t handle[LK_HANDLE_LEN];
	size_t locator_len;
	uint8_t locator[LK_USER_ID_MAX + 1]; /* NUL-terminated */
};

typedef void lk_random_fn(void *arg, void *bytes, size_t len);

/** lk_user_tag(id, tag): the first LK_TAG_LEN bytes of SHA-256(${id}). */
void lk_user_tag(const char *id, uint8_t tag[LK_TAG_LEN]);

/**
 * lk_token_generate(shape, user, random, arg, token):
 * Make a new token of ${shape} for the valid user id ${user}.  LK_E_INVAL if
 * the id cannot stand in that shape (an underscore in LK_SHAPE_GOSESSION).
 */
enum lk_status lk_token_generate(enum lk_token_shape shape, const char *user,
    lk_random_fn *random, void *arg, struct lk_token *token) LK_MUST_CHECK;

/**
 * lk_token_parse(token, key):
 * Say what ${token} says.  LK_MALFORMED unless it has exactly one of the two
 * shapes.  ${key} borrows ${token}.
 */
enum lk_status lk_token_parse(const struct lk_token *token,
    struct lk_token_key *key) LK_MUST_CHECK;

/** lk_token_has_shape(token): whether it has one of the two shapes. */
bool lk_token_has_shape(const struct lk_token *token);

/**
 * lk_session_id(handle, locator, locator_len, id):
 * Write the public session id: the unpadded base64url of the handle followed
 * by the locator of 1 to LK_USER_ID_MAX bytes.
 */
void lk_session_id(const uint8_t handle[LK_HANDLE_LEN], const void *locator,
    size_t locator_len, char id[LK_SESSION_ID_MAX + 1]);

/**
 * lk_session_id_of_key(key, shape, id):
 * The public session id in a store that issues tokens of ${shape}: its
 * locator is the user id in LK_SHAPE_GOSESSION, else the tag.
 */
void lk_session_id_of_key(const struct lk_token_key *key,
    enum lk_token_shape shape, char id[LK_SESSION_ID_MAX + 1]);

/**
 * lk_session_id_parse(id, ref):
 * LK_MALFORMED unless ${id} is base64url of a handle and a locator; the
 * store decides whether the locator is one of its own.
 */
enum lk_status lk_session_id_parse(const char *id,
    struct lk_session_ref *ref) LK_MUST_CHECK;

/**
 * lk_token_key_of_ref(ref, user, key):
 * The key by which stores look up the session of ${user} that a public id
 * names, for who has proved by other means that he may: a public id alone never
 * opens anything.  It changes nothing there, since its digest is no session's.
 * If its locator is not that user's tag there is none, and it is not by_id.
 */
void lk_token_key_of_ref(const struct lk_session_ref *ref, const char *user,
    struct lk_token_key *key);

/**
 * lk_token_key_fits(key, digest):
 * Whether the session of ${digest} is that of ${key}, in constant time.
 */
bool lk_token_key_fits(const struct lk_token_key *key,
    const uint8_t digest[LK_DIGEST_LEN]);

/**
 * lk_session_ref_of_user(user, shape, ref):
 * The locator of ${user}'s sessions in a store that issues tokens of ${shape},
 * with a handle that is none's.
 */
void lk_session_ref_of_user(const char *user, enum lk_token_shape shape,
    struct lk_session_ref *ref);

/**
 * lk_session_ref_is_of(ref, shape, user):
 * Whether ${ref} names keys of ${user}, in a store that issues tokens of
 * ${shape}.
 */
bool lk_session_ref_is_of(const struct lk_session_ref *ref,
    enum lk_token_shape shape, const char *user);

#endif /* !LK_TOKEN_H_ */
