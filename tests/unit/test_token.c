#include <sodium.h>

#include "support/test.h"
#include "session/token.h"

#define HEX "0123456789abcdef0123456789abcdef"

static void
count_up(void *arg, void *bytes, size_t len)
{
	unsigned char *p = bytes;
	size_t i;

	(void)arg;
	for (i = 0; i < len; i++)
		p[i] = (unsigned char)i;
}

static void
test_generate_latchkey_is_prefix_tag_and_random(void **state)
{
	unsigned char body[48], digest[32];
	struct lk_token token;
	size_t len;

	assert_int_equal(lk_token_generate(LK_SHAPE_LATCHKEY, "alice",
	                     count_up, NULL, &token),
	    LK_OK);
	assert_int_equal(token.len, 67);
	assert_int_equal(strlen(token.text), 67);
	assert_memory_equal(token.text, "lk_", 3);
	assert_int_equal(lk_base64url_decode(token.text + 3, 64, body,
	                     sizeof(body), &len),
	    LK_OK);
	assert_int_equal(len, 48);
	crypto_hash_sha256(digest, (const unsigned char *)"alice", 5);
	assert_memory_equal(body, digest, 16);
	count_up(NULL, digest, 32);
	assert_memory_equal(body + 16, digest, 32);
}

static void
test_generate_gosession_is_user_and_hex(void **state)
{
	struct lk_token token;

	assert_int_equal(lk_token_generate(LK_SHAPE_GOSESSION, "alice",
	                     count_up, NULL, &token),
	    LK_OK);
	assert_string_equal(
	    token.text, "alice_000102030405060708090a0b0c0d0e0f");
	assert_int_equal(token.len, strlen(token.text));
	assert_int_equal(lk_token_generate(LK_SHAPE_GOSESSION, "a_b",
	                     count_up, NULL, &token),
	    LK_E_INVAL);
	assert_int_equal(token.len, 0);
}

static void
test_parse_own_tokens_gives_tag_and_digest(void **state)
{
	struct lk_token_key key;
	struct lk_token token;
	unsigned char tag[16], digest[32];

	lk_user_tag("alice", tag);
	assert_int_equal(lk_token_generate(LK_SHAPE_LATCHKEY, "alice",
	                     count_up, NULL, &token),
	    LK_OK);
	assert_int_equal(lk_token_parse(&token, &key), LK_OK);
	assert_int_equal(key.shape, LK_SHAPE_LATCHKEY);
	assert_memory_equal(key.tag, tag, 16);
	assert_string_equal(key.user, "");
	crypto_hash_sha256(
	    digest, (const unsigned char *)token.text, token.len);
	assert_memory_equal(key.digest, digest, 32);

	assert_int_equal(
	    lk_token_set(&token, "alice_" HEX, strlen("alice_" HEX)), LK_OK);
	assert_int_equal(lk_token_parse(&token, &key), LK_OK);
	assert_int_equal(key.shape, LK_SHAPE_GOSESSION);
	assert_memory_equal(key.tag, tag, 16);
	assert_string_equal(key.user, "alice");
}

static void
test_parse_gosession_user_lk_is_not_a_latchkey_token(void **state)
{
	struct lk_token_key key;
	struct lk_token token;

	assert_int_equal(
	    lk_token_set(&token, "lk_" HEX, strlen("lk_" HEX)), LK_OK);
	assert_int_equal(lk_token_parse(&token, &key), LK_OK);
	assert_int_equal(key.shape, LK_SHAPE_GOSESSION);
	assert_string_equal(key.user, "lk");
}

static void
test_parse_any_length_and_byte_is_malformed(void **state)
{
	struct lk_token_key key;
	struct lk_token token;
	unsigned int byte;
	size_t len;

	for (len = 0; len <= LK_TOKEN_MAX; len++) {
		memset(&token, 0, sizeof(token));
		memset(token.text, 'a', len);
		token.len = len;
		assert_int_equal(lk_token_parse(&token, &key), LK_MALFORMED);
	}
	for (byte = 0; byte < 256; byte++) {
		assert_int_equal(lk_token_generate(LK_SHAPE_LATCHKEY, "alice",
		                     count_up, NULL, &token),
		    LK_OK);
		token.text[40] = (char)byte;
		assert_int_equal(lk_token_parse(&token, &key),
		    (byte >= 'a' && byte <= 'z') ||
		            (byte >= 'A' && byte <= 'Z') ||
		            (byte >= '0' && byte <= '9') || byte == '-' ||
		            byte == '_'
		        ? LK_OK
		        : LK_MALFORMED);
	}
	/* A length that lies is not followed. */
	token.len = LK_TOKEN_MAX + 1;
	assert_int_equal(lk_token_parse(&token, &key), LK_MALFORMED);
}

static void
test_parse_gosession_user_id_of_257_bytes_is_malformed(void **state)
{
	struct lk_token_key key;
	struct lk_token token;
	char text[LK_USER_ID_MAX + 1 + 1 + 32];

	memset(text, 'u', LK_USER_ID_MAX + 1);
	memcpy(text + LK_USER_ID_MAX + 1, "_" HEX, 33);
	assert_int_equal(
	    lk_token_set(&token, text, sizeof(text)), LK_OK);
	assert_int_equal(lk_token_parse(&token, &key), LK_MALFORMED);
	assert_int_equal(
	    lk_token_set(&token, text + 1, sizeof(text) - 1), LK_OK);
	assert_int_equal(lk_token_parse(&token, &key), LK_OK);
}

static void
test_set_control_characters_and_lengths_are_refused(void **state)
{
	struct lk_token token;
	char text[LK_TOKEN_MAX + 1];
	unsigned int byte;

	for (byte = 0; byte < 256; byte++) {
		text[0] = (char)byte;
		assert_int_equal(lk_token_set(&token, text, 1),
		    byte < 0x20 || byte == 0x7f ? LK_MALFORMED : LK_OK);
	}
	memset(text, 'x', sizeof(text));
	assert_int_equal(lk_token_set(&token, text, 0), LK_MALFORMED);
	assert_int_equal(
	    lk_token_set(&token, text, LK_TOKEN_MAX), LK_OK);
	assert_int_equal(token.len, LK_TOKEN_MAX);
	assert_int_equal(
	    lk_token_set(&token, text, LK_TOKEN_MAX + 1), LK_MALFORMED);
	assert_int_equal(token.len, 0);
	assert_int_equal(token.text[0], 0);
}

static void
test_wipe_leaves_nothing(void **state)
{
	static const struct lk_token empty;
	struct lk_token token;

	memset(&token, 0x55, sizeof(token));
	lk_token_wipe(&token);
	assert_memory_equal(&token, &empty, sizeof(token));
}

static void
test_session_id_parses_back(void **state)
{
	static const char *const locators[] = { "a", "0123456789abcdef",
		"\xff\x01", "alice" };
	char id[LK_SESSION_ID_MAX + 1], longest[LK_USER_ID_MAX];
	struct lk_session_ref ref;
	unsigned char handle[LK_HANDLE_LEN];

	count_up(NULL, handle, sizeof(handle));
	EACH(c, locators) {
		lk_session_id(handle, *c, strlen(*c), id);
		assert_int_equal(lk_session_id_parse(id, &ref), LK_OK);
		assert_memory_equal(ref.handle, handle, LK_HANDLE_LEN);
		assert_string_equal((char *)ref.locator, *c);
		assert_int_equal(ref.locator_len, strlen(*c));
	}
	memset(longest, 0xff, sizeof(longest));
	lk_session_id(handle, longest, sizeof(longest), id);
	assert_int_equal(strlen(id), LK_SESSION_ID_MAX);
	assert_int_equal(lk_session_id_parse(id, &ref), LK_OK);
	assert_int_equal(ref.locator_len, LK_USER_ID_MAX);
}

#include "support/suite.h"
