/* The lines that sessions and users travel in. */
#include <sodium.h>

#include "support/test.h"
#include "session/export_line.h"

/* A token of gosession's shape, and its SHA-256. */
#define TOKEN "alice_0123456789abcdef0123456789abcdef"
#define DIGEST "nA3y3z0sz0NnUOQN_j-ekuq1cFUArvAdwRXoUxsUzQE"
#define ZEROS "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define SESSION(user, client, issued, expires, digest, rest)               \
	"{\"type\":\"session\",\"user\":" user ",\"client\":" client       \
	",\"issued_us\":" issued ",\"expires_ms\":" expires                \
	",\"digest\":" digest rest "}"
#define GOOD                                                               \
	SESSION("\"alice\"", "\"web\"", "1700000000123456", "1900000000123", \
	    "\"" DIGEST "\"", ",\"token\":\"" TOKEN "\"")
#define USER(user, expires, detail)                                        \
	"{\"type\":\"user\",\"user\":" user ",\"expires_ms\":" expires      \
	",\"detail\":" detail "}"

static enum lk_status
decode(const char *line, struct lk_stored *stored, struct lk_buf *record)
{
	struct lk_error error = { "" };
	enum lk_status status =
	    lk_export_line_decode(line, strlen(line), stored, record, &error);

	assert_int_equal(status == LK_OK, error.text[0] == '\0');
	/* An error never repeats what was read. */
	assert_null(strstr(error.text, "0123456789abcdef"));
	return (status);
}

static void
test_export_line_session_comes_back_as_it_was(void **state)
{
	struct lk_buf record = LK_BUF_INIT(1024), out = LK_BUF_INIT(1024);
	struct lk_stored stored;

	assert_int_equal(decode(GOOD, &stored, &record), LK_OK);
	assert_int_equal(stored.kind, LK_STORED_SESSION);
	assert_string_equal(stored.user, "alice");
	assert_string_equal(stored.client, "web");
	assert_string_equal(stored.token, TOKEN);
	assert_true(stored.issued_us == 1700000000123456);
	assert_true(stored.expires_ms == 1900000000123);
	assert_int_equal(lk_export_line_encode(&stored, true, &out), LK_OK);
	assert_string_equal(out.data, GOOD "\n");
	lk_buf_reset(&out);
	assert_int_equal(lk_export_line_encode(&stored, false, &out), LK_OK);
	assert_null(strstr(out.data, "token"));
	lk_buf_free(&out);
	lk_buf_free(&record);
}

static void
test_export_line_session_brings_what_stands_beside_it(void **state)
{
	static const struct {
		const char *rest, *back; /* back: NULL if it is refused */
		int64_t ends_ms, expires_ms;
	} rows[] = {
		{ "", "", 0, 1900000000123 },
		{ ",\"ends_ms\":null", ",\"ends_ms\":null", LK_STORED_NEVER,
		    1900000000123 },
		{ ",\"ends_ms\":1900000000124,\"peer\":\"::1\","
		  "\"agent\":\"Fire fox\"",
		    ",\"ends_ms\":1900000000124,\"peer\":\"::1\","
		    "\"agent\":\"Fire fox\"",
		    1900000000124, 1900000000123 },
		/* It is not outlived. */
		{ ",\"ends_ms\":1900000000000", ",\"ends_ms\":1900000000000",
		    1900000000000, 1900000000000 },
		{ ",\"ends_ms\":0", NULL, 0, 0 },
		{ ",\"ends_ms\":\"never\"", NULL, 0, 0 },
		{ ",\"peer\":7", NULL, 0, 0 },
		{ ",\"peer\":\"a b\"", NULL, 0, 0 },
		{ ",\"agent\":\"a\\nb\"", NULL, 0, 0 },
		{ ",\"agent\":\"\\u202e\"", NULL, 0, 0 },
	};
	struct lk_buf record = LK_BUF_INIT(1024), out = LK_BUF_INIT(1024);
	char line[1024];
	struct lk_stored stored;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(line, sizeof(line),
		    SESSION("\"alice\"", "\"web\"", "1700000000123456",
		        "1900000000123", "\"" DIGEST "\"", "%s"),
		    rows[i].rest);
		assert_int_equal(decode(line, &stored, &record),
		    rows[i].back != NULL ? LK_OK : LK_E_INVAL);
		if (rows[i].back == NULL)
			continue;
		assert_true(stored.ends_ms == rows[i].ends_ms);
		assert_true(stored.expires_ms == rows[i].expires_ms);
		lk_buf_reset(&out);
		assert_int_equal(lk_export_line_encode(&stored, true, &out),
		    LK_OK);
		assert_non_null(strstr(out.data, rows[i].back));
	}
	lk_buf_free(&out);
	lk_buf_free(&record);
}

static void
test_export_line_user_keeps_every_byte_of_the_detail(void **state)
{
	static const char line[] = USER(
	    "\"b\xc3\xa4o\\\"b\"", "1900000000123",
	    "{\"n\":12345678901234567890}");
	struct lk_buf record = LK_BUF_INIT(1024), out = LK_BUF_INIT(1024);
	struct lk_stored stored;

	assert_int_equal(decode(line, &stored, &record), LK_OK);
	assert_int_equal(stored.kind, LK_STORED_USER);
	assert_string_equal(stored.user, "b\xc3\xa4o\"b");
	assert_int_equal(lk_export_line_encode(&stored, false, &out), LK_OK);
	assert_int_equal(out.len, sizeof(line));
	assert_memory_equal(out.data, line, sizeof(line) - 1);
	lk_buf_free(&out);
	lk_buf_free(&record);
}

static void
test_export_lines_are_taken_or_refused_by_the_table(void **state)
{
	static const struct {
		const char *line;
		bool ok;
	} cases[] = {
		{ "{\"type\":\"header\",\"format\":\"latchkey-sessions\","
		  "\"version\":1}", true },
		{ "{\"type\":\"header\",\"format\":\"latchkey-sessions\","
		  "\"version\":2}", false },
		{ "{\"type\":\"header\",\"format\":\"latchkey\","
		  "\"version\":1}", false },
		{ "{\"type\":\"header\"}", false },
		{ "{\"type\":\"end\"}", true },
		{ " { \"more\" : [ ] , \"type\" : \"end\" } ", true },
		{ "{\"type\":\"other\"}", false },
		{ "{\"type\":1}", false },
		{ "{}", false },
		{ "[]", false },
		{ "1", false },
		{ "", false },
		{ "{\"type\":\"end\"}{}", false },
		{ GOOD, true },
		{ SESSION("\"a\"", "\"\"", "null", "1", "\"" ZEROS "\"", ""),
		    true },
		{ SESSION("\"\"", "\"\"", "null", "1", "\"" ZEROS "\"", ""),
		    false },
		{ SESSION("\"a\\n\"", "\"\"", "null", "1", "\"" ZEROS "\"",
		      ""), false },
		{ SESSION("\"a\\u0000\"", "\"\"", "null", "1",
		      "\"" ZEROS "\"", ""), false },
		{ SESSION("1", "\"\"", "null", "1", "\"" ZEROS "\"", ""),
		    false },
		{ SESSION("\"a\"", "\"-x\"", "null", "1", "\"" ZEROS "\"",
		      ""), false },
		{ SESSION("\"a\"", "\"a b\"", "null", "1", "\"" ZEROS "\"",
		      ""), false },
		{ SESSION("\"a\"", "null", "null", "1", "\"" ZEROS "\"", ""),
		    false },
		{ SESSION("\"a\"", "\"\"", "-1", "1", "\"" ZEROS "\"", ""),
		    false },
		{ SESSION("\"a\"", "\"\"", "1.5", "1", "\"" ZEROS "\"", ""),
		    false },
		{ SESSION("\"a\"", "\"\"", "null", "0", "\"" ZEROS "\"", ""),
		    false },
		{ SESSION("\"a\"", "\"\"", "null", "1e3", "\"" ZEROS "\"",
		      ""), false },
		{ SESSION("\"a\"", "\"\"", "null", "1234567890123456789",
		      "\"" ZEROS "\"", ""), false },
		{ SESSION("\"a\"", "\"\"", "null", "1", "\"\"", ""), false },
		{ SESSION("\"a\"", "\"\"", "null", "1", "\"AAAA\"", ""),
		    false },
		{ SESSION("\"a\"", "\"\"", "null", "1", "\"" ZEROS "A\"",
		      ""), false },
		/* Of another user, of another digest, none at all. */
		{ SESSION("\"bob\"", "\"\"", "null", "1", "\"" DIGEST "\"",
		      ",\"token\":\"" TOKEN "\""), false },
		{ SESSION("\"alice\"", "\"\"", "null", "1", "\"" ZEROS "\"",
		      ",\"token\":\"" TOKEN "\""), false },
		{ SESSION("\"alice\"", "\"\"", "null", "1", "\"" DIGEST "\"",
		      ",\"token\":\"alice\""), false },
		{ SESSION("\"alice\"", "\"\"", "null", "1", "\"" DIGEST "\"",
		      ",\"token\":null"), false },
		{ USER("\"a\"", "1", "null"), true },
		{ USER("\"a\"", "1", "\"\xff\""), false },
		{ USER("\"a\"", "null", "null"), false },
		{ "{\"type\":\"user\",\"user\":\"a\",\"expires_ms\":1}",
		    false },
	};
	struct lk_buf record = LK_BUF_INIT(4096);
	struct lk_stored stored;

	EACH(c, cases) {
		if ((decode(c->line, &stored, &record) == LK_OK) != c->ok)
			fail_msg("%s", c->line);
	}
	lk_buf_free(&record);
}

static void
test_export_line_cut_anywhere_is_refused(void **state)
{
	struct lk_buf record = LK_BUF_INIT(4096);
	struct lk_error error;
	struct lk_stored stored;
	size_t len;

	for (len = 0; len < sizeof(GOOD) - 1; len++)
		assert_int_equal(
		    lk_export_line_decode(GOOD, len, &stored, &record, &error),
		    LK_E_INVAL);
	lk_buf_free(&record);
}

static void
test_export_line_garbage_is_not_encoded(void **state)
{
	struct lk_buf out = LK_BUF_INIT(1024);
	struct lk_stored stored;

	memset(&stored, 0, sizeof(stored));
	assert_int_equal(lk_export_line_encode(&stored, true, &out),
	    LK_E_CORRUPT);
	stored.kind = LK_STORED_USER;
	stored.record = "{\"id\":\"a\"";
	stored.record_len = strlen(stored.record);
	assert_int_equal(lk_export_line_encode(&stored, true, &out),
	    LK_E_CORRUPT);
	assert_int_equal(out.len, 0);
	lk_buf_free(&out);
}

#include "support/suite.h"
