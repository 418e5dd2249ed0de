#include "support/test.h"
#include "session/record.h"

#define DIGEST "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void
test_record_whole_is_read(void **state)
{
	static const char text[] =
	    "1 1700000000123456 1700000600123 " DIGEST " web a b";
	struct lk_record record;

	assert_int_equal(
	    lk_record_parse(text, sizeof(text) - 1, &record), LK_OK);
	assert_int_equal(record.issued_us, 1700000000123456);
	assert_int_equal(record.expires_ms, 1700000600123);
	assert_string_equal(record.digest, DIGEST);
	assert_string_equal(record.client, "web");
	assert_string_equal(record.user, "a b");
}

static void
test_record_cut_anywhere_is_corrupt(void **state)
{
	static const char text[] =
	    "1 1700000000123456 1700000600123 " DIGEST " - alice";
	struct lk_record record;
	size_t len, user = sizeof(text) - 1 - strlen("alice");

	for (len = 0; len <= user; len++)
		assert_int_equal(
		    lk_record_parse(text, len, &record), LK_E_CORRUPT);
	assert_int_equal(
	    lk_record_parse(text, sizeof(text) - 1, &record), LK_OK);
	assert_string_equal(record.client, "");
}

static void
test_record_with_control_character_or_nul_is_corrupt(void **state)
{
	char text[] = "1 1700000000123456 1700000600123 " DIGEST " - alice";
	const size_t digest = (size_t)(strstr(text, DIGEST) - text);
	struct lk_record record;
	size_t i;

	for (i = 0; i < sizeof(text) - 1; i++) {
		char kept = text[i];

		/* The digest is only looked at when it is compared. */
		if (i >= digest && i < digest + strlen(DIGEST))
			continue;
		text[i] = '\0';
		assert_int_equal(
		    lk_record_parse(text, sizeof(text) - 1, &record),
		    LK_E_CORRUPT);
		text[i] = '\n';
		assert_int_equal(
		    lk_record_parse(text, sizeof(text) - 1, &record),
		    LK_E_CORRUPT);
		text[i] = kept;
	}
}

static void
test_record_digest_that_is_none_is_corrupt(void **state)
{
	struct lk_record record = { .digest = "!" };
	uint8_t digest[LK_DIGEST_LEN];

	assert_int_equal(lk_record_digest(&record, digest), LK_E_CORRUPT);
	memcpy(record.digest, DIGEST, sizeof(DIGEST));
	assert_int_equal(lk_record_digest(&record, digest), LK_OK);
	record.digest[42] = '\0';
	assert_int_equal(lk_record_digest(&record, digest), LK_E_CORRUPT);
}

static void
test_record_longest_is_read(void **state)
{
	char text[LK_RECORD_MAX + 2], user[LK_USER_ID_MAX + 1];
	struct lk_record record;
	int len;

	memset(user, 'u', LK_USER_ID_MAX);
	user[LK_USER_ID_MAX] = '\0';
	len = snprintf(text, sizeof(text),
	    "1 123456789012345678 123456789012345678 " DIGEST
	    " 12345678901234567890123456789012 %s",
	    user);
	assert_int_equal(len, LK_RECORD_MAX);
	assert_int_equal(
	    lk_record_parse(text, (size_t)len, &record), LK_OK);
	assert_string_equal(record.user, user);
	text[len] = 'u';
	assert_int_equal(
	    lk_record_parse(text, (size_t)len + 1, &record), LK_E_CORRUPT);
}

static void
test_expiry_is_rounded_up_and_at_least_a_second(void **state)
{
	static const struct {
		int64_t expires_ms, now_ms, expires_at, ttl;
	} cases[] = {
		{ 10000, 0, 10, 10 },
		{ 10001, 0, 11, 11 },
		{ 10000, 1, 10, 10 },
		{ 10000, 9000, 10, 1 },
		{ 10000, 9999, 10, 1 },
		/* The store says it lives although our clock is ahead. */
		{ 10000, 10000, 10, 1 },
		{ 10000, 20000, 10, 1 },
	};
	struct lk_session session;

	EACH(c, cases) {
		lk_session_expiry(c->expires_ms, c->now_ms, &session);
		assert_int_equal(session.expires_at, c->expires_at);
		assert_int_equal(session.ttl, c->ttl);
	}
}

#include "support/suite.h"
