#include "support/test.h"
#include "base/json.h"
#include "base/escape.h"
#include "session/json_session.h"
#include "session/user.h"

/*
 * A copy of ${text} that ends at its last byte, so that a sanitizer sees a
 * read behind it.
 */
static char *
exactly(const char *text, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	return (copy);
}

static bool
is_valid(const char *text, size_t len)
{
	char *copy = exactly(text, len);
	bool valid = lk_json_valid(copy, len);

	free(copy);
	return (valid);
}

/* ${count} times ${open}, then ${count} times ${close}. */
static char *
nested(const char *open, const char *close, size_t count)
{
	struct lk_buf text = LK_BUF_INIT(65536);
	char *taken;
	size_t i;

	for (i = 0; i < count; i++)
		lk_buf_str(&text, open);
	for (i = 0; i < count; i++)
		lk_buf_str(&text, close);
	taken = lk_buf_take(&text);
	assert_non_null(taken);
	return (taken);
}

/* ---- lk_json_valid ---------------------------------------------------- */

static void
test_json_valid_text_is_accepted(void **state)
{
	static const char *const rows[] = {
		"null",
		"true",
		"false",
		"0",
		"-0",
		"-1",
		"10",
		"0.5",
		"1e5",
		"1E+5",
		"1.25e-7",
		"1e400",
		"12345678901234567890",
		("1111111111111111111111111111111111111111111111111111111111111"
		 "1111111111111111111"),
		"\"\"",
		"\"a\"",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\"\\u0000\"",
		"\"\\u00e9\\uD83D\\uDE00\"",
		"\"\x7f\"",
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
		"[]",
		"[ ]",
		"[1,[2,{}],\"x\"]",
		"{}",
		"{ }",
		" \t\r\n{ \"a\" : [ 1 , 2 ] }\n",
	};

	EACH(c, rows) {
		if (!is_valid(*c, strlen(*c)))
			fail_msg("refused: %s", *c);
	}
}

static void
test_json_wrong_text_is_refused(void **state)
{
	static const char *const rows[] = {
		/* structure */
		"",
		" ",
		"{",
		"}",
		"[",
		"]",
		"[1",
		"[1,",
		"[1,]",
		"[,1]",
		"[1 2]",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{\"a\" 1}",
		"{a:1}",
		"{1:1}",
		"{\"a\":1",
		"[}",
		"{]",
		"{} {}",
		"{}x",
		"1 2",
		"//x\n1",
		"{}/**/",
		/* words */
		"nul",
		"nulll",
		"True",
		"NaN",
		"Infinity",
		"-Infinity",
		"undefined",
		/* numbers */
		"01",
		"-01",
		"1.",
		".5",
		"+1",
		"-",
		"1e",
		"1e+",
		"1.e5",
		"0x10",
		"--1",
		"1e5.5",
		"1_000",
		/* strings */
		"\"",
		"\"a",
		"'a'",
		"\"a\nb\"",
		"\"a\tb\"",
		"\"\x01\"",
		"\"\x1f\"",
		"\"\\x41\"",
		"\"\\",
		"\"\\\"",
		"\"\\u\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"\\U0041\"",
		"\"\\ud800\"",
		"\"\\udc00\"",
		"\"\\udc00\\udc00\"",
		"\"\\ud800\\u0041\"",
		"\"\\ud800x\"",
		/* not UTF-8 */
		"\"\xff\"",
		"\"\x80\"",
		"\"\xc0\x80\"",
		"\"\xc3\"",
		"\"\xed\xa0\x80\"",
		"\"\xf4\x90\x80\x80\"",
		/* white space that is none, a byte order mark */
		"\v1",
		"\f1",
		"1\x01",
		"\xc2\xa0[]",
		"\xef\xbb\xbf{}",
	};

	EACH(c, rows) {
		if (is_valid(*c, strlen(*c)))
			fail_msg("accepted: %s", *c);
	}
}

static void
test_json_nul_byte_is_refused(void **state)
{
	assert_true(is_valid("{}", 2));
	assert_false(is_valid("{}\0", 3));
	assert_false(is_valid("{}\0x", 4));
	assert_false(is_valid("\0{}", 3));
	assert_false(is_valid("\"a\0b\"", 5));
	assert_false(is_valid("[1\0]", 4));
	assert_false(lk_json_valid(NULL, 0));
}

static void
test_json_length_cuts_the_text(void **state)
{
	static const char text[] = "{\"a\":[true,\"\\u00e9\xc3\xa9\",-1.5e2]}";
	size_t len;

	for (len = 0; len < sizeof(text) - 1; len++)
		assert_false(is_valid(text, len));
	assert_true(is_valid(text, sizeof(text) - 1));
}

static void
test_json_nesting_is_limited(void **state)
{
	static const struct {
		const char *open, *close;
		size_t count;
		bool valid;
	} rows[] = {
		{ "[", "]", LK_JSON_DEPTH_MAX, true },
		{ "[", "]", LK_JSON_DEPTH_MAX + 1, false },
		{ "[", "]", 30000, false },
		{ "[", "", 60000, false },
		{ "[{\"a\":", "0}]", LK_JSON_DEPTH_MAX, false },
	};
	char *text;

	EACH(c, rows) {
		text = nested(c->open, c->close, c->count);
		assert_int_equal(lk_json_valid(text, strlen(text)), c->valid);
		free(text);
	}
}

static void
test_json_object_is_told_from_other_values(void **state)
{
	assert_true(lk_json_is_object("{}", 2));
	assert_true(lk_json_is_object(" \n{\"a\":1} ", 10));
	assert_false(lk_json_is_object("[]", 2));
	assert_false(lk_json_is_object("null", 4));
	assert_false(lk_json_is_object("\"{}\"", 4));
	assert_false(lk_json_is_object("{", 1));
	assert_false(lk_json_is_object("{}", 1));
	assert_false(lk_json_is_object(NULL, 0));
}

/* ---- lk_json_compact, lk_json_member ---------------------------------- */

static void
test_json_compact_drops_space_and_keeps_bytes(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ " { \"a b\" : [ 1 , 2 ,\n{ } , [ ] ] } ",
		    "{\"a b\":[1,2,{},[]]}" },
		{ "[12345678901234567890, 1e400, 1.10, -0]",
		    "[12345678901234567890,1e400,1.10,-0]" },
		{ "\"\\u00E9 \\/ \xc3\xa9  \"", "\"\\u00E9 \\/ \xc3\xa9  \"" },
		{ "\ttrue\n", "true" },
	};
	struct lk_buf out = LK_BUF_INIT(1024);
	char *text;

	EACH(c, rows) {
		lk_buf_reset(&out);
		text = exactly(c->text, strlen(c->text));
		lk_json_compact(text, strlen(c->text), &out);
		assert_false(out.failed);
		assert_string_equal(out.data, c->want);
		free(text);
	}
	lk_buf_free(&out);
}

static void
test_json_compact_wrong_text_fails_the_buffer(void **state)
{
	struct lk_buf out = LK_BUF_INIT(1024), small = LK_BUF_INIT(4);

	lk_json_compact("[1,]", 4, &out);
	assert_true(out.failed);
	lk_buf_free(&out);
	lk_json_compact("[1,2]", 5, &small);
	assert_true(small.failed);
	lk_buf_free(&small);
}

static void
test_json_member_is_found_at_its_own_bytes(void **state)
{
	static const char text[] =
	    " { \"a\" : 1e400 ,\"\":true, \"b\":{\"deep\":1, \"x\": \"y\"} , "
	    "\"a2\":2,\"\\u00e9\\n\":[ ],\"\xf0\x9f\x98\x80\":3,"
	    "\"\\ud83d\\ude01\":4,\"nul\\u0000\":5,\"b\\\\u0063\":6 }";
	static const struct {
		const char *name, *want; /* NULL: there is none */
	} rows[] = {
		{ "a", "1e400" },
		{ "", "true" },
		{ "b", "{\"deep\":1, \"x\": \"y\"}" },
		{ "\xc3\xa9\n", "[ ]" },
		{ "\xf0\x9f\x98\x80", "3" },
		{ "\xf0\x9f\x98\x81", "4" },
		{ "b\\u0063", "6" },
		{ "bc", NULL },
		{ "deep", NULL },
		{ "x", NULL },
		{ "y", NULL },
		{ "A", NULL },
		{ "aa", NULL },
		{ "\xc3", NULL },
		{ "\xc3\xa9", NULL },
		{ "nul", NULL },
		{ "\\u00e9\\n", NULL },
	};
	const size_t len = sizeof(text) - 1;
	char *copy = exactly(text, len);
	const char *value;
	size_t value_len;
	bool found;

	assert_true(lk_json_valid(copy, len));
	EACH(c, rows) {
		found = lk_json_member(copy, len, c->name, &value, &value_len);
		assert_int_equal(found, c->want != NULL);
		if (c->want == NULL) {
			assert_null(value);
			assert_int_equal(value_len, 0);
			continue;
		}
		assert_int_equal(value_len, strlen(c->want));
		assert_memory_equal(value, c->want, value_len);
		assert_true(value > copy && value + value_len < copy + len);
	}
	free(copy);
}

static void
test_json_member_of_no_object_is_not_found(void **state)
{
	static const char *const rows[] = { "", "[]", "null", "\"a\"", "{}",
		"[\"a\",1]", "{\"b\":[{\"a\":1}]}" };
	const char *value;
	size_t len;

	EACH(c, rows)
		assert_false(lk_json_member(*c, strlen(*c), "a",
		    &value, &len));
	assert_false(lk_json_member(NULL, 0, "a", &value, &len));
}

/* ---- lk_json_element -------------------------------------------------- */

static void
test_json_element_walks_the_array(void **state)
{
	static const char text[] =
	    " [ 1 ,\"a,]\",[2,3], {\"b\":[4]} ,null ] ";
	static const char *const values[] = { "1", "\"a,]\"", "[2,3]",
		"{\"b\":[4]}", "null" };
	size_t at = 0, len, i;
	const char *value;

	for (i = 0; i < COUNT(values); i++) {
		assert_true(lk_json_element(
		    text, sizeof(text) - 1, &at, &value, &len));
		assert_int_equal(len, strlen(values[i]));
		assert_memory_equal(value, values[i], len);
	}
	for (i = 0; i < 2; i++) {
		assert_false(lk_json_element(
		    text, sizeof(text) - 1, &at, &value, &len));
		assert_null(value);
		assert_int_equal(len, 0);
	}
}

static void
test_json_element_of_no_array_is_not_found(void **state)
{
	static const char *const rows[] = { "", "[]", "[ ]", "{}",
		"{\"a\":[1]}", "1", "\"[1]\"", "[", "[,1]", "null" };
	const char *value;
	size_t at, len;

	EACH(c, rows) {
		at = 0;
		assert_false(lk_json_element(
		    *c, strlen(*c), &at, &value, &len));
	}
}

/* ---- Strings ---------------------------------------------------------- */

static void
test_json_string_is_escaped(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "\"\"" },
		{ "alice", "\"alice\"" },
		{ "a\"b\\c/d", "\"a\\\"b\\\\c/d\"" },
		{ "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
		{ "\x01\x1f", "\"\\u0001\\u001f\"" },
		{ "\x7fz\x7f", "\"\\u007fz\\u007f\"" },
		{ "\xc3\xa9 \xf0\x9f\x98\x80",
		    "\"\xc3\xa9 \xf0\x9f\x98\x80\"" },
		{ "a\xff", "\"a\\ufffd\"" },
		{ "\xc3", "\"\\ufffd\"" },
		{ "\xe2\x82x", "\"\\ufffd\\ufffdx\"" },
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xc2\x9b" "31m\xe2\x80\xae\xf3\xa0\x81\x81",
		    "\"\\u009b31m\\u202e\\udb40\\udc41\"" },
	};
	struct lk_buf out = LK_BUF_INIT(1024);

	EACH(one, rows) {
		lk_buf_reset(&out);
		lk_json_string(one->text, &out);
		assert_false(out.failed);
		assert_string_equal(out.data, one->want);
		assert_true(lk_json_valid(out.data, out.len));
	}
	lk_buf_free(&out);
}

static void
test_json_string_every_byte_gives_valid_text(void **state)
{
	struct lk_buf out = LK_BUF_INIT(64);
	char text[3] = { 0 };
	int first, second;

	for (first = 1; first < 256; first++) {
		for (second = 1; second < 256; second++) {
			text[0] = (char)first;
			text[1] = (char)second;
			lk_buf_reset(&out);
			lk_json_string(text, &out);
			assert_false(out.failed);
			assert_true(lk_json_valid(out.data, out.len));
		}
	}
	lk_buf_free(&out);
}

static void
test_json_string_over_the_cap_fails_the_buffer(void **state)
{
	struct lk_buf out = LK_BUF_INIT(4);

	lk_json_string("abc", &out);
	assert_true(out.failed);
	lk_buf_free(&out);
}

static void
test_json_text_is_decoded_or_refused(void **state)
{
	static const struct {
		const char *string;
		const char *want; /* NULL: refused */
	} rows[] = {
		{ "\"\"", "" },
		{ "\"a\\u00e9\\ud83d\\ude00\"", "a\xc3\xa9\xf0\x9f\x98\x80" },
		{ "\"\\\"\\\\\\/\\n\"", "\"\\/\n" },
		{ "\"\xff\"", "\xff" },
		{ "\"12345678901\"", "12345678901" },
		{ "\"123456789012\"", NULL },
		{ "\"1234567890\\u00e9\"", NULL },
		{ "\"root\\u0000x\"", NULL },
		{ "1", NULL },
		{ "null", NULL },
		{ "{}", NULL },
	};
	char text[12];

	EACH(c, rows) {
		memset(text, 'x', sizeof(text));
		assert_int_equal(
		    lk_json_text(c->string, strlen(c->string), text,
		        sizeof(text)), c->want != NULL);
		assert_string_equal(text, c->want != NULL ? c->want : "");
	}
}

static void
test_utf8_put_is_what_utf8_len_reads(void **state)
{
	char text[LK_UTF8_MAX];
	uint32_t code;
	size_t len;

	for (code = 0; code <= 0x10ffff; code++) {
		len = lk_utf8_put(code, text);
		if (code >= 0xd800 && code <= 0xdfff)
			assert_int_equal(lk_utf8_len(text, len), 0);
		else if (lk_utf8_len(text, len) != len ||
		    (len > 1 && lk_utf8_len(text, len - 1) != 0))
			fail_msg("U+%04X", (unsigned int)code);
	}
	assert_int_equal(lk_utf8_put(0x20ac, text), 3);
	assert_memory_equal(text, "\xe2\x82\xac", 3);
}

/* ---- Sessions and users ----------------------------------------------- */

static void
test_json_session_has_its_members(void **state)
{
	static const struct {
		struct lk_session session;
		const char *detail, *want;
	} rows[] = {
		{ { "alice \"a\"", "ID", "web", 1700000000, 9007199254740993,
		      60, "2001:db8::1", "Firefox \"1\"", 1700000060,
		      1800000000 },
		    "{\"n\":12345678901234567890}",
		    "{\"user\":\"alice \\\"a\\\"\",\"id\":\"ID\","
		    "\"client\":\"web\",\"issued_at\":1700000000,"
		    "\"expires_at\":9007199254740993,\"ttl\":60,"
		    "\"peer\":\"2001:db8::1\","
		    "\"agent\":\"Firefox \\\"1\\\"\","
		    "\"renewed_at\":1700000060,\"ends_by\":1800000000,"
		    "\"detail\":{\"n\":12345678901234567890}}" },
		{ { "b\xff", "ID", "", 0, 1700000000, 1, "", "", 0, 0 }, NULL,
		    "{\"user\":\"b\\ufffd\",\"id\":\"ID\","
		    "\"client\":\"\",\"issued_at\":null,"
		    "\"expires_at\":1700000000,\"ttl\":1,\"peer\":null,"
		    "\"agent\":null,\"renewed_at\":null,\"ends_by\":null}" },
	};
	struct lk_buf out = LK_BUF_INIT(1024);

	EACH(c, rows) {
		lk_buf_reset(&out);
		lk_json_session(&c->session, c->detail, &out);
		assert_false(out.failed);
		assert_string_equal(out.data, c->want);
		assert_true(lk_json_is_object(out.data, out.len));
	}
	lk_buf_free(&out);
}

static void
test_json_user_record_comes_back(void **state)
{
	static const struct {
		const char *id, *detail, *record;
	} rows[] = {
		{ "alice", "null", "{\"id\":\"alice\",\"detail\":null}" },
		{ "a \"b\"\\", "{\"n\":1e400}",
		    "{\"id\":\"a \\\"b\\\"\\\\\",\"detail\":{\"n\":1e400}}" },
		{ "\xff\xfe", "[]", "{\"id\":\"\xff\xfe\",\"detail\":[]}" },
	};
	struct lk_buf out = LK_BUF_INIT(1024);
	struct lk_user user;

	EACH(c, rows) {
		lk_buf_reset(&out);
		lk_user_record_encode(c->id, c->detail, &out);
		assert_false(out.failed);
		assert_string_equal(out.data, c->record);
		assert_int_equal(
		    lk_user_record_decode(out.data, out.len, &user), LK_OK);
		assert_string_equal(user.id, c->id);
		assert_string_equal(user.detail, c->detail);
		lk_user_clear(&user);
	}
	lk_buf_free(&out);
}

static void
test_json_user_foreign_record_is_read(void **state)
{
	static const struct {
		const char *record, *id, *detail;
	} rows[] = {
		{ "{\"id\":\"a\\u003cb\",\"detail\":{\"x\":\"\\u0026\"}}",
		    "a<b", "{\"x\":\"\\u0026\"}" },
		{ " {\"detail\" : [ 1 ], \"more\":0, \"id\":\"a\"} ", "a",
		    "[1]" },
		{ "{\"id\":\"a\"}", "a", "null" },
	};
	struct lk_user user;

	EACH(c, rows) {
		assert_int_equal(lk_user_record_decode(c->record,
		                     strlen(c->record), &user), LK_OK);
		assert_string_equal(user.id, c->id);
		assert_string_equal(user.detail, c->detail);
		lk_user_clear(&user);
	}
}

static void
test_json_user_other_text_is_corrupt(void **state)
{
	static const char *const rows[] = {
		"",
		"x",
		"null",
		"[]",
		"{}",
		"\"id\"",
		"{\"id\":1}",
		"{\"id\":null}",
		"{\"id\":\"\"}",
		"{\"id\":\"a\\u0000\"}",
		"{\"ID\":\"a\"}",
		"{\"id\":\"a\"",
		"{\"id\":\"a\"}x",
		"{\"id\":\"a\",\"detail\":}",
		"{\"id\":\"a\",\"detail\":\"\xff\"}",
	};
	static const struct lk_user zero;
	struct lk_user user;

	EACH(c, rows) {
		memset(&user, 'x', sizeof(user));
		assert_int_equal(lk_user_record_decode(*c, strlen(*c), &user),
		    LK_E_CORRUPT);
		assert_memory_equal(&user, &zero, sizeof(user));
	}
}

static void
test_json_user_too_long_is_corrupt(void **state)
{
	static const struct {
		size_t id, detail;
		enum lk_status want;
	} rows[] = {
		{ LK_USER_ID_MAX, LK_DETAIL_MAX, LK_OK },
		{ LK_USER_ID_MAX + 1, 4, LK_E_CORRUPT },
		{ 1, LK_DETAIL_MAX + 1, LK_E_CORRUPT },
	};
	char id[LK_USER_ID_MAX + 2], *detail;
	struct lk_buf out = LK_BUF_INIT((size_t)2 * LK_DETAIL_MAX);
	struct lk_user user;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		memset(id, 'i', rows[i].id);
		id[rows[i].id] = '\0';
		assert_non_null(detail = malloc(rows[i].detail + 1));
		memset(detail, '1', rows[i].detail);
		detail[rows[i].detail] = '\0';
		lk_buf_reset(&out);
		lk_user_record_encode(id, detail, &out);
		assert_false(out.failed);
		assert_int_equal(
		    lk_user_record_decode(out.data, out.len, &user),
		    rows[i].want);
		lk_user_clear(&user);
		free(detail);
	}
	lk_buf_free(&out);
}

static void
test_json_name_twice_is_refused(void **state)
{
	static const char *const twice[] = { "{\"a\":1,\"a\":1}",
		"{\"a\":1,\"\\u0061\":2}", "{\"\\u0061\":1,\"a\":2}",
		"{\"a\":1,\"b\":{},\"a\":3}", "{\"x\":{\"a\":1,\"a\":2}}",
		"[[{\"a\":1,\"b\":2,\"\\u0062\":3}]]", "{\"\":1,\"\":2}",
		"{\"\\/\":1,\"/\":2}", "{\"\xc3\xa4\":1,\"\\u00e4\":2}",
		"{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}",
		"{\"a\\u0000\":1,\"a\\u0000\":2}" };
	static const char *const once[] = { "{\"a\":1,\"A\":1}",
		"{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}",
		"[{\"a\":1},{\"a\":1}]", "{\"a\":1,\"aa\":2,\"\":3}",
		"{\"\\\\u0061\":1,\"a\":2}", "{\"a\":\"b\",\"b\":\"a\"}",
		"{\"a\\u0000\":1,\"a\":2}" };
	struct lk_buf many = LK_BUF_INIT(1024 * 1024);
	size_t i;

	for (i = 0; i < COUNT(twice); i++) {
		if (lk_json_valid(twice[i], strlen(twice[i])))
			fail_msg("%s", twice[i]);
	}
	for (i = 0; i < COUNT(once); i++) {
		if (!lk_json_valid(once[i], strlen(once[i])))
			fail_msg("%s", once[i]);
	}
	for (i = 0; i < 20000; i++)
		lk_buf_printf(&many, "%s\"%zu\":0", i > 0 ? "," : "{", i);
	lk_buf_str(&many, "}");
	assert_true(lk_json_valid(many.data, many.len));
	many.len--;
	lk_buf_str(&many, ",\"\\u0037\":0}");
	assert_false(lk_json_valid(many.data, many.len));
	lk_buf_free(&many);
}

static void
test_json_object_has_what_is_wanted_of_its_own_members(void **state)
{
	struct lk_json_wanted wanted[] = { { .name = "a" }, { .name = "b" },
		{ .name = "c" } };
	const char *text = " {\"x\":{\"a\":1,\"c\":2},\"\\u0062\": \"t\" ,"
	                   "\"a\":[{\"c\":3}]}";

	wanted[2].value = text;
	assert_true(lk_json_object(text, strlen(text), wanted, 3));
	assert_memory_equal(wanted[0].value, "[{\"c\":3}]", wanted[0].len);
	assert_int_equal(wanted[0].len, 9);
	assert_memory_equal(wanted[1].value, "\"t\"", 3);
	assert_int_equal(wanted[1].len, 3);
	assert_null(wanted[2].value);
	text = "{\"a\":1,\"\\u0061\":2}";
	assert_false(lk_json_object(text, strlen(text), wanted, 3));
	text = "[{\"a\":1}]";
	assert_false(lk_json_object(text, strlen(text), wanted, 3));
	assert_null(wanted[0].value);
	assert_false(lk_json_object("", 0, wanted, 3));
	assert_false(lk_json_object("{\"a\":\"\xff\"}", 9, wanted, 3));
}

/* ---- Members one by one ------------------------------------------------- */

static void
test_json_pair_goes_through_an_object(void **state)
{
	static const char text[] = " { \"a\" : [1,\t2] ,\"b\\u0063\":\"x\" } ";
	const char *name, *value;
	size_t at = 0, name_len, len;
	char plain[8];

	(void)state;
	assert_true(lk_json_pair(text, strlen(text), &at, &name, &name_len,
	    &value, &len));
	assert_int_equal(name_len, 3);
	assert_int_equal(len, 6);
	assert_memory_equal(value, "[1,\t2]", len);
	assert_true(lk_json_pair(text, strlen(text), &at, &name, &name_len,
	    &value, &len));
	assert_true(lk_json_text(name, name_len, plain, sizeof(plain)));
	assert_string_equal(plain, "bc");
	assert_memory_equal(value, "\"x\"", len);
	assert_false(lk_json_pair(text, strlen(text), &at, &name, &name_len,
	    &value, &len));
	assert_null(value);
}

static void
test_json_pair_of_no_object_is_none(void **state)
{
	static const char *const none[] = { "{}", "{ }", "[1]", "1", "" };
	const char *name, *value;
	size_t at, i, name_len, len;

	(void)state;
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		at = 0;
		assert_false(lk_json_pair(none[i], strlen(none[i]), &at, &name,
		    &name_len, &value, &len));
	}
}

#include "support/suite.h"
