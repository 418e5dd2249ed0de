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
