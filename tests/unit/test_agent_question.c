#include "support/test.h"
#include "question/question.h"

#define FORM "application/x-www-form-urlencoded"
#define JSON "application/json"
#define TOKEN \
	"lk_K9gGyX8OAK8aH8Myj6djqQE8zcPutBKxwPTfQkRwRVgUvUoL_vE3kpgZa38XUO9V"

static struct agent_question question;
static struct agent_wrong wrong;

/* Read it, and return how it would be answered; 0: it is a question. */
static unsigned int
read_message(const char *method, const char *target, const char *type,
    const char *body, size_t len)
{
	const struct agent_message message = { .method = method,
		.target = target,
		.type = type,
		.body = body,
		.len = len };

	agent_question_free(&question);
	agent_question_read(&message, &question, &wrong);
	return (wrong.http);
}

/* The same of a check, with how long its caller waits. */
static unsigned int
wait_for(const char *timeout)
{
	const struct agent_message message = { .method = "POST",
		.target = "/v1/check",
		.type = FORM,
		.timeout = timeout,
		.body = "token=" TOKEN,
		.len = sizeof("token=" TOKEN) - 1 };

	agent_question_free(&question);
	agent_question_read(&message, &question, &wrong);
	return (wrong.http);
}

static unsigned int
post(const char *verb, const char *type, const char *body)
{
	char target[64];

	(void)snprintf(target, sizeof(target), "/v1/%s", verb);
	return (read_message("POST", target, type, body, strlen(body)));
}

static int
teardown(void **state)
{
	(void)state;
	agent_question_free(&question);
	return (0);
}

#define SUITE_TEST(name) cmocka_unit_test_teardown(name, teardown)

/* ---- What is asked ----------------------------------------------------- */

static void
test_question_path_has_one_spelling(void **state)
{
	static const char *const none[] = { "/", "", "*", "/v1", "/v1/",
		"/v1/check/", "/v1/CHECK", "//v1/check", "/v1//check",
		"/v1/./check", "/v1/%63heck", "/v2/check", "/v1/none",
		"http://localhost/v1/check", "v1/check", "/v1/check#x",
		"/v1/check;x" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(read_message("POST", none[i], FORM, "", 0),
		    404);
		assert_int_equal(question.verb, AGENT_NO_VERB);
	}
	assert_int_equal(post("check", FORM, "token=" TOKEN), 0);
	assert_int_equal(question.verb, AGENT_CHECK);
}

static void
test_question_method_is_told(void **state)
{
	static const char *const others[] = { "GET", "HEAD", "PUT", "post",
		"OPTIONS", "X", "" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(read_message(others[i], "/v1/check", FORM,
		                     "token=" TOKEN, 73), 405);
		assert_string_equal(wrong.allow, "POST");
	}
	assert_int_equal(read_message("POST", "/v1/health", NULL, "", 0), 405);
	assert_string_equal(wrong.allow, "GET");
	assert_int_equal(read_message("GET", "/v1/health", NULL, "", 0), 0);
}

static void
test_question_type_is_a_form_or_json(void **state)
{
	static const struct {
		const char *type;
		unsigned int http;
	} cases[] = {
		{ FORM, 0 }, { FORM "; charset=UTF-8", 0 },
		{ FORM ";charset=\"utf-8\"", 0 },
		{ "Application/X-WWW-Form-URLEncoded", 0 },
		{ FORM "; charset=latin1", 415 }, { FORM ";", 415 },
		{ FORM "x", 415 }, { FORM "; charset=utf-8; x=y", 415 },
		{ "multipart/form-data; boundary=x", 415 },
		{ "text/plain", 415 }, { "", 415 }, { NULL, 415 },
		{ "application/json", 400 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(post("check", cases[i].type,
		                     "token=" TOKEN), cases[i].http);
	/* A type of nothing counts too. */
	assert_int_equal(post("check", "text/plain", ""), 415);
	assert_int_equal(post("check", NULL, ""), 400);
}

static void
test_question_wrong_field_is_named(void **state)
{
	static const struct {
		const char *type, *body, *message;
	} cases[] = {
		{ FORM, "user=bob&ttl=1h",
		    "ttl: a number that is not a whole one" },
		{ JSON, "{\"user\":\"bob\",\"ttl\":1.5}",
		    "ttl: a number that is not a whole one" },
		{ JSON, "{\"user\":5}", "user: a value that is not a string" },
		{ FORM, "user=", "user: a value that is empty" },
		{ FORM, "user=a&user=a", "user: a field twice" },
		{ FORM, "user=%zz", "user: a % that encodes nothing" },
		{ FORM, "%zz=a", "a % that encodes nothing" },
	};
	static const char unknown[] = "a field that is not known here; known "
	    "are: user client ttl peer agent replaces url";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    post("issue", cases[i].type, cases[i].body), 400);
		assert_string_equal(wrong.message, cases[i].message);
	}
	/* Never the caller's own words, among which a secret may be. */
	assert_int_equal(post("issue", FORM, "user=bob&clinet=web"), 400);
	assert_string_equal(wrong.message, unknown);
	assert_int_equal(post("issue", FORM, TOKEN "=user"), 400);
	assert_string_equal(wrong.message, unknown);
	assert_int_equal(post("issue", JSON, "{\"reason\":\"logout\"}"), 400);
	assert_string_equal(wrong.message, unknown);
}

static void
test_question_timeout_is_some_milliseconds(void **state)
{
	static const char *const texts[] = { "", "0", "-1", "+1", "1.5", " 1",
		"1 ", "1000000", "0x1", "1s" };
	size_t i;

	(void)state;
	assert_int_equal(wait_for(NULL), 0);
	assert_int_equal(question.wait_ms, 0);
	assert_int_equal(wait_for("999999"), 0);
	assert_int_equal(question.wait_ms, 999999);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(wait_for(texts[i]), 400);
}

static void
test_question_fields_stand_in_one_place(void **state)
{
	(void)state;
	assert_int_equal(read_message("POST", "/v1/check?token=" TOKEN, FORM,
	                     "", 0), 400);
	assert_int_equal(read_message("POST", "/v1/check?", FORM,
	                     "token=" TOKEN, 73), 400);
	assert_int_equal(read_message("GET", "/v1/sessions?user=alice", FORM,
	                     "user=bob", 8), 400);
	assert_int_equal(read_message("GET", "/v1/sessions?user=al%69ce", NULL,
	                     "", 0), 0);
	assert_string_equal(question.about.user, "alice");
	assert_int_equal(read_message("GET", "/v1/sessions", NULL, "", 0),
	    400);
}

/* ---- Fields ------------------------------------------------------------ */

static void
test_question_wrong_forms_are_400(void **state)
{
	static const char *const bad[] = { "", "token", "token=", "=x", "&",
		"token=" TOKEN "&", "&token=" TOKEN, "token=" TOKEN "&&",
		"token=" TOKEN "&token=" TOKEN, "token=" TOKEN "&Token=x",
		"token=" TOKEN "&tok%65n=x", "token=" TOKEN "&x=y",
		"token=" TOKEN "&user=x", "token=" TOKEN "&detail=2",
		"token=" TOKEN "&detail=", "token=%", "token=%2", "token=%zz",
		"token=a%00b", "tok%00en=x", "token[]=x",
		"averyveryverylongname=x", "token=" TOKEN ";x=y=&z" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (post("check", FORM, bad[i]) != 400)
			fail_msg("%s: %u", bad[i], wrong.http);
	}
}

static void
test_question_wrong_json_is_400(void **state)
{
	static const char *const bad[] = { "null", "[]", "{}", "\"x\"", "{",
		"{\"token\":\"x\"", "{\"token\":\"x\",}", "{\"token\":null}",
		"{\"token\":1}", "{\"token\":[\"x\"]}", "{\"token\":\"\"}",
		"{\"token\":\"x\",\"token\":\"x\"}",
		"{\"token\":\"x\",\"tok\\u0065n\":\"x\"}",
		"{\"token\":\"x\",\"y\":1}", "{\"token\":\"a\\u0000b\"}",
		"{\"token\":\"\\ud800\"}", "{\"token\":\"\xff\"}",
		"{\"token\":\"x\"} x", "{\"token\":\"x\"}{}",
		"{\"token\":\"x\",\"detail\":\"1\"}",
		"{\"token\":\"x\",\"detail\":null}",
		"{\"token\":\"x\",\"detail\":1.0}", "token=x",
		"\xef\xbb\xbf{\"token\":\"x\"}" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (post("check", JSON, bad[i]) != 400)
			fail_msg("%s: %u", bad[i], wrong.http);
	}
}

static void
test_question_form_and_json_say_the_same(void **state)
{
	(void)state;
	assert_int_equal(post("issue", FORM,
	                     "user=al+ice%40x&client=web&ttl=60&peer=&url=/x"),
	    0);
	assert_string_equal(question.about.user, "al ice@x");
	assert_string_equal(question.about.client, "web");
	assert_int_equal(question.about.ttl, 60);
	assert_true(question.about.named);
	assert_int_equal(question.about.may, LK_MAY_ISSUE);
	assert_int_equal(post("issue", JSON,
	                     " {\"user\":\"al ice\\u0040x\", "
	                     "\"client\":\"web\","
	                     "\"ttl\":60,\"peer\":\"\",\"url\":\"\\/x\"} "),
	    0);
	assert_string_equal(question.about.user, "al ice@x");
	assert_string_equal(question.about.client, "web");
	assert_int_equal(question.about.ttl, 60);
	assert_string_equal(agent_field(&question.fields, AGENT_URL), "/x");
	assert_int_equal(post("check", JSON,
	                     "{\"detail\":true,\"token\":\"" TOKEN "\"}"), 0);
	assert_true(question.detail);
	assert_false(question.malformed);
	assert_int_equal(post("check", FORM, "detail=1&token=" TOKEN), 0);
	assert_true(question.detail);
	assert_int_equal(post("check", FORM, "detail=0&token=" TOKEN), 0);
	assert_false(question.detail);
}

static void
test_question_detail_of_a_user_stays_as_it_is(void **state)
{
	(void)state;
	assert_int_equal(post("user", JSON,
	                     "{\"user\":\"a\",\"detail\":{\"n\":1e400}}"), 0);
	assert_string_equal(agent_field(&question.fields, AGENT_DETAIL),
	    "{\"n\":1e400}");
	assert_int_equal(post("user", FORM, "user=a&detail=%7B%22n%22:1%7D"),
	    0);
	assert_string_equal(agent_field(&question.fields, AGENT_DETAIL),
	    "{\"n\":1}");
}

static void
test_question_numbers_are_whole_and_in_range(void **state)
{
	static const char *const bad[] = { "0", "-1", "+1", "1.0", "1e3", "0x1",
		" 1", "1 ", "315360001", "9999999999", "99999999999",
		"18446744073709551617", "x" };
	char body[96];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(body, sizeof(body), "user=a&ttl=%s", bad[i]);
		assert_int_equal(post("issue", FORM, body), 400);
		(void)snprintf(body, sizeof(body),
		    "{\"user\":\"a\",\"ttl\":\"%s\"}", bad[i]);
		assert_int_equal(post("issue", JSON, body), 400);
	}
	assert_int_equal(post("issue", JSON, "{\"user\":\"a\",\"ttl\":\"60\"}"),
	    400);
	assert_int_equal(post("issue", FORM, "user=a&ttl=315360000"), 0);
}

static void
test_question_names_must_be_names(void **state)
{
	(void)state;
	assert_int_equal(post("issue", FORM, "user=a%0ab"), 400);
	assert_int_equal(post("issue", FORM, "user=%20a"), 400);
	assert_int_equal(post("issue", FORM, "user=a%ff"), 400);
	assert_int_equal(post("issue", FORM, "user=a&client=a%20b"), 400);
	assert_int_equal(post("issue", FORM, "client=web"), 400);
	/* What a store may hold can be listed and ended. */
	assert_int_equal(post("revoke-all", FORM, "user=a%ff"), 0);
	assert_int_equal(post("revoke-all", FORM, "user=a&reason=limit"), 400);
	assert_int_equal(post("revoke-all", FORM, "user=a&reason=logout-all"),
	    0);
}

static void
test_question_of_token_and_id_takes_one(void **state)
{
	(void)state;
	assert_int_equal(post("revoke", FORM, "token=" TOKEN "&id=x"), 400);
	assert_int_equal(post("revoke", FORM, "reason=logout"), 400);
	assert_int_equal(post("revoke", FORM, "token=" TOKEN), 0);
	assert_false(question.about.named);
	assert_int_equal(post("revoke", FORM, "id=x"), 0);
	assert_true(question.about.named);
	assert_true(question.malformed);
	assert_null(question.about.user);
	assert_int_equal(post("check", FORM, "token=%0a"), 0);
	assert_true(question.malformed);
	assert_int_equal(post("check", FORM, "token=hunter2"), 0);
	assert_true(question.malformed);
}

static void
test_question_longest_texts_fit(void **state)
{
	static char body[AGENT_BODY_MAX + 1];

	(void)state;
	memset(body, 'a', sizeof(body));
	memcpy(body, "user=", 5);
	body[5 + LK_USER_ID_MAX] = '\0';
	assert_int_equal(post("issue", FORM, body), 0);
	body[5 + LK_USER_ID_MAX] = 'a';
	body[6 + LK_USER_ID_MAX] = '\0';
	assert_int_equal(post("issue", FORM, body), 400);
	memset(body, 'a', sizeof(body));
	memcpy(body, "user=a&detail=\"", 15);
	body[AGENT_BODY_MAX - 1] = '"';
	assert_int_equal(read_message("POST", "/v1/user", FORM, body,
	                     AGENT_BODY_MAX), 0);
	memset(body, '%', sizeof(body));
	assert_int_equal(read_message("POST", "/v1/user", FORM, body,
	                     AGENT_BODY_MAX), 400);
}

#include "support/suite.h"
