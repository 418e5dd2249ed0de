#include <string.h>

#include <sodium.h>

#include "base/escape.h"
#include "session/token.h"

#define LATCHKEY_PREFIX "lk_"
#define LATCHKEY_PREFIX_LEN (sizeof(LATCHKEY_PREFIX) - 1)
#define RANDOM_LEN 32
#define BODY_LEN (LK_TAG_LEN + RANDOM_LEN)
#define BODY_TEXT_LEN (LK_TOKEN_LATCHKEY_LEN - LATCHKEY_PREFIX_LEN)

/* 3 bytes are 4 characters, and the body leaves no bits over. */
_Static_assert(BODY_LEN % 3 == 0 && BODY_LEN / 3 * 4 == BODY_TEXT_LEN,
    "a latchkey token is its prefix and the base64url of its body");
_Static_assert(LK_USER_ID_MAX + 1 + LK_TOKEN_GOSESSION_HEX <= LK_TOKEN_MAX,
    "a gosession token of the longest user id fits");
_Static_assert((LK_HANDLE_LEN + LK_USER_ID_MAX) * 4 / 3 + 1 ==
        LK_SESSION_ID_MAX,
    "a session id of the longest locator fits");

enum lk_status
lk_token_set(struct lk_token *token, const char *text, size_t len)
{
	if (len == 0 || len > LK_TOKEN_MAX || lk_has_control(text, len)) {
		lk_token_wipe(token);
		return (LK_MALFORMED);
	}
	memcpy(token->text, text, len);
	token->text[len] = '\0';
	token->len = len;
	return (LK_OK);
}

void
lk_token_wipe(struct lk_token *token)
{
	sodium_memzero(token, sizeof(*token));
}

static void
tag_of(const char *id, size_t len, uint8_t tag[LK_TAG_LEN])
{
	uint8_t digest[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(digest, (const unsigned char *)id, len);
	memcpy(tag, digest, LK_TAG_LEN);
}

void
lk_user_tag(const char *id, uint8_t tag[LK_TAG_LEN])
{
	tag_of(id, strlen(id), tag);
}

enum lk_status
lk_token_generate(enum lk_token_shape shape, const char *user,
    lk_random_fn *random, void *arg, struct lk_token *token)
{
	uint8_t body[BODY_LEN];
	size_t user_len = strlen(user);

	lk_token_wipe(token);
	if (shape == LK_SHAPE_LATCHKEY) {
		tag_of(user, user_len, body);
		random(arg, body + LK_TAG_LEN, RANDOM_LEN);
		memcpy(token->text, LATCHKEY_PREFIX, LATCHKEY_PREFIX_LEN);
		lk_base64url(body, BODY_LEN, token->text + LATCHKEY_PREFIX_LEN);
		token->len = LK_TOKEN_LATCHKEY_LEN;
	} else {
		if (memchr(user, '_', user_len) != NULL)
			return (LK_E_INVAL);
		random(arg, body, LK_TOKEN_GOSESSION_HEX / 2);
		memcpy(token->text, user, user_len);
		token->text[user_len] = '_';
		sodium_bin2hex(token->text + user_len + 1,
		    LK_TOKEN_GOSESSION_HEX + 1, body,
		    LK_TOKEN_GOSESSION_HEX / 2);
		token->len = user_len + 1 + LK_TOKEN_GOSESSION_HEX;
	}
	sodium_memzero(body, sizeof(body));
	return (LK_OK);
}

/*
 * `lk_` and a body: the tag is the first part of the body, and the rest may
 * be any characters of base64url, which all stand for something.
 */
static enum lk_status
parse_latchkey(const struct lk_token *token, struct lk_token_key *key)
{
	const char *text = token->text + LATCHKEY_PREFIX_LEN;

	if (token->len != LK_TOKEN_LATCHKEY_LEN ||
	    memcmp(token->text, LATCHKEY_PREFIX, LATCHKEY_PREFIX_LEN) != 0 ||
	    lk_base64url_check(text, BODY_TEXT_LEN) != LK_OK)
		return (LK_MALFORMED);
	key->shape = LK_SHAPE_LATCHKEY;
	lk_base64url_front(text, key->tag, LK_TAG_LEN);
	key->user[0] = '\0';
	return (LK_OK);
}

/* `<user id>_<32 hex>`, with no other underscore: the tag is the user's. */
static enum lk_status
parse_gosession(const struct lk_token *token, struct lk_token_key *key)
{
	const char *hex;
	size_t user_len;

	if (token->len < 1 + 1 + LK_TOKEN_GOSESSION_HEX)
		return (LK_MALFORMED);
	user_len = token->len - LK_TOKEN_GOSESSION_HEX - 1;
	hex = token->text + user_len + 1;
	if (user_len > LK_USER_ID_MAX || hex[-1] != '_' ||
	    memchr(token->text, '_', user_len) != NULL)
		return (LK_MALFORMED);
	if (strspn(hex, "0123456789abcdef") != LK_TOKEN_GOSESSION_HEX ||
	    lk_has_control(token->text, user_len))
		return (LK_MALFORMED);
	key->shape = LK_SHAPE_GOSESSION;
	memcpy(key->user, token->text, user_len);
	key->user[user_len] = '\0';
	tag_of(key->user, user_len, key->tag);
	return (LK_OK);
}

/* All that a token's text says but its digest. */
static enum lk_status
parse(const struct lk_token *token, struct lk_token_key *key)
{
	enum lk_status status = parse_latchkey(token, key);

	if (status != LK_OK && token->len <= LK_TOKEN_MAX)
		status = parse_gosession(token, key);
	return (status);
}

bool
lk_token_has_shape(const struct lk_token *token)
{
	struct lk_token_key key;

	return (parse(token, &key) == LK_OK);
}

enum lk_status
lk_token_parse(const struct lk_token *token, struct lk_token_key *key)
{
	enum lk_status status = parse(token, key);

	if (status != LK_OK) {
		memset(key, 0, sizeof(*key));
		return (status);
	}
	crypto_hash_sha256(key->digest, (const unsigned char *)token->text,
	    token->len);
	key->by_id = false;
	key->token = token;
	return (LK_OK);
}

void
lk_session_id(const uint8_t handle[LK_HANDLE_LEN], const void *locator,
    size_t locator_len, char id[LK_SESSION_ID_MAX + 1])
{
	uint8_t bytes[LK_HANDLE_LEN + LK_USER_ID_MAX];

	memcpy(bytes, handle, LK_HANDLE_LEN);
	memcpy(bytes + LK_HANDLE_LEN, locator, locator_len);
	lk_base64url(bytes, LK_HANDLE_LEN + locator_len, id);
}

void
lk_session_id_of_key(const struct lk_token_key *key, enum lk_token_shape shape,
    char id[LK_SESSION_ID_MAX + 1])
{
	if (shape == LK_SHAPE_GOSESSION)
		lk_session_id(key->digest, key->user, strlen(key->user), id);
	else
		lk_session_id(key->digest, key->tag, LK_TAG_LEN, id);
}

enum lk_status
lk_session_id_parse(const char *id, struct lk_session_ref *ref)
{
	uint8_t bytes[LK_HANDLE_LEN + LK_USER_ID_MAX];
	size_t id_len = strnlen(id, LK_SESSION_ID_MAX + 1), len;

	memset(ref, 0, sizeof(*ref));
	if (id_len > LK_SESSION_ID_MAX ||
	    lk_base64url_decode(id, id_len, bytes, sizeof(bytes), &len) !=
	        LK_OK ||
	    len <= LK_HANDLE_LEN)
		return (LK_MALFORMED);
	memcpy(ref->handle, bytes, LK_HANDLE_LEN);
	ref->locator_len = len - LK_HANDLE_LEN;
	memcpy(ref->locator, bytes + LK_HANDLE_LEN, ref->locator_len);
	return (LK_OK);
}

void
lk_session_ref_of_user(const char *user, enum lk_token_shape shape,
    struct lk_session_ref *ref)
{
	memset(ref, 0, sizeof(*ref));
	if (shape != LK_SHAPE_LATCHKEY) {
		ref->locator_len = strnlen(user, LK_USER_ID_MAX);
		memcpy(ref->locator, user, ref->locator_len);
	} else {
		ref->locator_len = LK_TAG_LEN;
		lk_user_tag(user, ref->locator);
	}
}

bool
lk_session_ref_is_of(const struct lk_session_ref *ref,
    enum lk_token_shape shape, const char *user)
{
	struct lk_session_ref own;

	if (shape == LK_SHAPE_ANY)
		return (lk_session_ref_is_of(ref, LK_SHAPE_LATCHKEY, user) ||
		    lk_session_ref_is_of(ref, LK_SHAPE_GOSESSION, user));
	lk_session_ref_of_user(user, shape, &own);
	return (ref->locator_len == own.locator_len &&
	    memcmp(ref->locator, own.locator, own.locator_len) == 0);
}

void
lk_token_key_of_ref(const struct lk_session_ref *ref, const char *user,
    struct lk_token_key *key)
{
	memset(key, 0, sizeof(*key));
	if (!lk_session_ref_is_of(ref, LK_SHAPE_LATCHKEY, user))
		return;
	key->shape = LK_SHAPE_LATCHKEY;
	memcpy(key->tag, ref->locator, LK_TAG_LEN);
	memcpy(key->digest, ref->handle, LK_HANDLE_LEN);
	memcpy(key->user, user, strlen(user) + 1);
	key->by_id = true;
}

bool
lk_token_key_fits(const struct lk_token_key *key,
    const uint8_t digest[LK_DIGEST_LEN])
{
	if (key->by_id)
		return (crypto_verify_16(key->digest, digest) == 0);
	return (crypto_verify_32(key->digest, digest) == 0);
}
