#include "support/test.h"
#include "store/agent/answer.h"

#define LENGTH(n) "Content-Length: " #n "\r\n"
#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define TOKEN \
	"lk_K9gGyX8OAK8aH8Myj6djqd1apLwpu1WU0OZnbjucejZ8K3G2CppPI6OErCzrIIV5"
#define ID "voc2ffW-mH1rwhfFf7yhcyvYBsl_DgCvGh_DMo-nY6k"
#define OTHER "AAAAffW-mH1rwhfFf7yhcyvYBsl_DgCvGh_DMo-nY6k"
#define TIMES ",\"issued_at\":null,\"expires_at\":9,\"ttl\":8}"

static enum lk_reason ended;

/* Which status ${body} has that came with ${http}, and what is said of it. */
static enum lk_status
refusal(unsigned int http, const char *body, struct lk_error *error)
{
	const struct lk_agent_reply reply = { .http = http,
		.body = body,
		.len = strlen(body) };

	error->text[0] = '\0';
	ended = LK_REASON_NONE;
	return (lk_agent_refusal(&reply, "here", &ended, error));
}

static void
test_reply_of_one_length_is_whole_at_its_end_only(void **state)
{
	static const char text[] = "HTTP/1.1 201 Created\r\n"
		"Date: Fri, 27 Nov 2026 19:17:09 GMT\r\n"
		"content-length:\t4 \r\nLatchkey-Sessions: 12\r\n"
		"Connection: close\r\n\r\n{}\r\n";
	struct lk_agent_reply reply;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(text) - 1; n++)
		assert_int_equal(lk_agent_reply_read(text, n, &reply),
		    LK_AGENT_PART);
	assert_int_equal(lk_agent_reply_read(text, n, &reply), LK_AGENT_WHOLE);
	assert_int_equal(reply.http, 201);
	assert_int_equal(reply.len, 4);
	assert_memory_equal(reply.body, "{}\r\n", 4);
	assert_true(reply.last && reply.counted);
	assert_int_equal(reply.sessions, 12);
}

static void
test_reply_of_another_kind_is_none(void **state)
{
	static const char *const texts[] = {
		"HTTP/1.0 200 OK\r\n" LENGTH(0) "\r\n",
		"HTTP/2 200\r\n" LENGTH(0) "\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n",
		"HTTP/1.1 600 x\r\n" LENGTH(0) "\r\n",
		"HTTP/1.1 20x OK\r\n" LENGTH(0) "\r\n",
		"HTTP/1.1 200\r\n" LENGTH(0) "\r\n",
		"\r\nHTTP/1.1 200 OK\r\n" LENGTH(0) "\r\n",
		OK_HEAD "\r\n",
		OK_HEAD LENGTH(1) LENGTH(1) "\r\nx",
		OK_HEAD LENGTH(+1) "\r\nx",
		OK_HEAD LENGTH(0x1) "\r\nx",
		OK_HEAD LENGTH(1 1) "\r\nx",
		OK_HEAD "Content-Length: 1,1\r\n\r\nx",
		OK_HEAD LENGTH() "\r\n",
		OK_HEAD LENGTH(4194305) "\r\n",
		OK_HEAD LENGTH(99999999999999999999) "\r\n",
		OK_HEAD LENGTH(0) "Transfer-Encoding: chunked\r\n\r\n",
		OK_HEAD LENGTH(0) " folded\r\n\r\n",
		OK_HEAD LENGTH(0) "no colon\r\n\r\n",
		OK_HEAD LENGTH(0) ": no name\r\n\r\n",
		OK_HEAD LENGTH(0) "a b: c\r\n\r\n",
		OK_HEAD LENGTH(0) "a : c\r\n\r\n",
		OK_HEAD LENGTH(0) "a: b\x01\r\n\r\n",
		OK_HEAD LENGTH(0) "a: b\rc\r\n\r\n",
		OK_HEAD LENGTH(0) "Latchkey-Sessions: x\r\n\r\n",
		OK_HEAD LENGTH(0) "\n",
		"HTTP/1.1 200 OK\n" LENGTH(0) "\r\n",
		OK_HEAD LENGTH(1) "\r\nxy",
	};
	struct lk_agent_reply reply;
	char *text;

	(void)state;
	EACH(c, texts)
		assert_int_equal(lk_agent_reply_read(*c, strlen(*c), &reply),
		    LK_AGENT_WRONG);
	text = malloc(LK_AGENT_HEAD_MAX + 2);
	assert_non_null(text);
	memset(text, 'a', LK_AGENT_HEAD_MAX + 2);
	memcpy(text, OK_HEAD, sizeof(OK_HEAD) - 1);
	assert_int_equal(lk_agent_reply_read(text, LK_AGENT_HEAD_MAX, &reply),
	    LK_AGENT_PART);
	assert_int_equal(lk_agent_reply_read(text, LK_AGENT_HEAD_MAX + 1,
	    &reply), LK_AGENT_WRONG);
	free(text);
}

static void
test_reply_that_does_not_say_that_it_is_kept_is_the_last(void **state)
{
	static const struct {
		const char *head;
		bool last;
	} cases[] = {
		{ "", false }, { "Connection: Keep-Alive\r\n", false },
		{ "Connection: close\r\n", true },
		{ "Connection: upgrade\r\n", true },
		{ "Connection: keep-alive\r\nConnection: close\r\n", true },
	};
	struct lk_agent_reply reply;
	char text[256];

	(void)state;
	EACH(c, cases) {
		(void)snprintf(text, sizeof(text), "%s%s%s\r\n", OK_HEAD,
		    LENGTH(0), c->head);
		assert_int_equal(lk_agent_reply_read(text, strlen(text),
		    &reply), LK_AGENT_WHOLE);
		assert_int_equal(reply.last, c->last);
	}
}

/* A refusal is one by its status and its word; all else is not known. */
static void
test_refusal_is_one_of_the_words_that_its_status_has(void **state)
{
#define SAID(word) "{\"status\":\"" word "\",\"message\":\"why\"}"
	static const struct {
		unsigned int http;
		const char *body;
		enum lk_status status;
	} cases[] = {
		{ 200, "", LK_OK }, { 202, "", LK_OK }, { 204, "", LK_E_STORE },
		{ 400, SAID("invalid argument"), LK_E_INVAL },
		{ 401, SAID("malformed"), LK_MALFORMED },
		{ 401, SAID("unknown"), LK_UNKNOWN },
		{ 401, SAID("expired"), LK_EXPIRED },
		{ 401, SAID("ok"), LK_E_STORE },
		{ 401, SAID("forbidden"), LK_E_STORE },
		{ 401, "", LK_E_STORE }, { 401, "Unauthorized", LK_E_STORE },
		{ 401, "{\"status\":[\"unknown\"]}", LK_E_STORE },
		{ 401, "{\"status\":\"unknown\",\"status\":\"unknown\"}",
		    LK_E_STORE },
		{ 403, SAID("settings are wrong"), LK_E_SETTINGS },
		{ 403, SAID("forbidden"), LK_FORBIDDEN },
		{ 403, SAID("unknown"), LK_E_STORE },
		{ 404, SAID("no such user"), LK_NO_USER },
		{ 404, SAID("invalid argument"), LK_E_STORE },
		{ 409, SAID("over a limit"), LK_LIMIT },
		{ 429, SAID("over a limit"), LK_E_STORE },
		{ 500, SAID("unknown"), LK_E_STORE },
		{ 503, SAID("unknown"), LK_E_STORE },
		{ 503, SAID("no answer in time"), LK_E_STORE },
		{ 302, SAID("expired"), LK_E_STORE },
	};
	struct lk_error error;
	char body[128];

	(void)state;
	EACH(c, cases) {
		if (refusal(c->http, c->body, &error) != c->status)
			fail_msg("%u %s: %s", c->http, c->body, error.text);
		assert_int_equal(error.text[0] != '\0', c->status < 0);
	}
	(void)snprintf(body, sizeof(body),
	    "{\"status\":\"%s\",\"message\":\"a\\u001bb\"}",
	    lk_status_name(LK_E_TIMEOUT));
	assert_int_equal(refusal(503, body, &error), LK_E_TIMEOUT);
	assert_null(strchr(error.text, '\x1b'));
	assert_int_equal(refusal(401, "{\"status\":\"unknown\","
	    "\"reason\":\"logout-all\"}", &error), LK_UNKNOWN);
	assert_int_equal(ended, LK_REASON_LOGOUT_ALL);
	assert_int_equal(refusal(401, "{\"status\":\"unknown\","
	    "\"reason\":\"x\"}", &error), LK_UNKNOWN);
	assert_int_equal(ended, LK_REASON_NONE);
	assert_int_equal(refusal(401, "{\"status\":\"expired\","
	    "\"reason\":\"logout\"}", &error), LK_EXPIRED);
	assert_int_equal(ended, LK_REASON_NONE);
	(void)snprintf(body, sizeof(body), "{\"status\":\"%s\"}",
	    lk_status_name(LK_E_WOULD_WAIT));
	assert_int_equal(refusal(503, body, &error), LK_E_STORE);
}

static void
test_session_is_the_one_that_was_asked_about(void **state)
{
#define SESSION(user, id) \
	"{\"user\":\"" user "\",\"id\":\"" id "\",\"client\":\"web\"" TIMES
	static const struct {
		const char *body;
		bool fits;
	} cases[] = {
		{ SESSION("alice", ID), true },
		{ SESSION("admin", ID), false },
		{ SESSION("alice", OTHER), false },
		{ "[" SESSION("alice", ID) "]", false },
		{ SESSION("alice", ID) "x", false },
		{ SESSION("alice\\u0000", ID), false },
		{ "{\"user\":\"alice\",\"id\":\"" ID "\"}", false },
		{ "{\"user\":\"alice\",\"id\":\"" ID "\",\"client\":1" TIMES,
		    false },
		{ "{\"user\":\"alice\",\"id\":\"" ID "\",\"client\":\"-\""
		    TIMES, false },
		{ "{\"user\":\"alice\",\"id\":\"" ID "\",\"client\":\"\","
		  "\"issued_at\":1,\"expires_at\":2,\"ttl\":0}", false },
		{ "{\"user\":\"alice\",\"id\":\"" ID "\",\"client\":\"\","
		  "\"issued_at\":1,\"expires_at\":2,\"ttl\":-1}", false },
		{ "{\"user\":\"alice\",\"id\":\"" ID "\",\"client\":\"\","
		  "\"issued_at\":1,\"expires_at\":2e1,\"ttl\":1}", false },
	};
	struct lk_session session;
	struct lk_token_key key;
	struct lk_token token;

	(void)state;
	assert_int_equal(lk_token_set(&token, TOKEN, strlen(TOKEN)), LK_OK);
	assert_int_equal(lk_token_parse(&token, &key), LK_OK);
	EACH(c, cases) {
		const struct lk_agent_reply reply = { .http = 200,
			.body = c->body,
			.len = strlen(c->body) };

		assert_int_equal(lk_agent_read_session(&reply, &key, NULL,
		    &session, NULL), c->fits);
		assert_int_equal(lk_agent_read_session(&reply, NULL, ID,
		    &session, NULL), c->fits);
	}
}

static void
test_issue_says_what_it_ended_or_fits_not(void **state)
{
#define ISSUED "{\"token\":\"" TOKEN "\",\"id\":\"" ID "\"" \
	",\"issued_at\":1,\"expires_at\":9,\"ttl\":8"
	static const struct {
		const char *body;
		bool fits;
		uint64_t ended;
	} cases[] = {
		{ ISSUED ",\"ended\":[]}", true, 0 },
		{ ISSUED ",\"ended\":[\"" OTHER "\",\"" ID "\"]}", true, 2 },
		/* It says nothing of it yet. */
		{ ISSUED "}", true, 0 },
		{ ISSUED ",\"ended\":null}", false, 0 },
		{ ISSUED ",\"ended\":\"" OTHER "\"}", false, 0 },
		{ ISSUED ",\"ended\":{\"" OTHER "\":1}}", false, 0 },
		{ ISSUED ",\"ended\":[\"" OTHER "\",1]}", false, 0 },
		{ ISSUED ",\"ended\":[\"" OTHER "\",\"n0t-an-id\"]}", false,
		    0 },
		{ ISSUED ",\"ended\":[],\"ended\":[]}", false, 0 },
	};
	struct lk_gone gone = { .ids = LK_BUF_INIT(LK_GONE_IDS_MAX) };
	struct lk_session session;
	struct lk_token token;

	(void)state;
	EACH(c, cases) {
		const struct lk_agent_reply reply = { .http = 201,
			.body = c->body,
			.len = strlen(c->body) };

		assert_int_equal(lk_agent_read_issued(&reply, "alice", "web",
		    &token, &session, &gone), c->fits);
		assert_int_equal(gone.count, c->ended);
		lk_gone_forget(&gone);
		/* Nobody may use a token of an answer that does not fit. */
		assert_int_equal(token.len > 0, c->fits);
	}
	lk_token_wipe(&token);
	lk_buf_free(&gone.ids);
}

/* What a user's history may not say. */
static void
test_history_is_whole_or_does_not_fit(void **state)
{
#define ENTRY(event, reason) \
	"{\"time\":1,\"event\":" event ",\"id\":null,\"client\":\"web\"," \
	"\"reason\":" reason ",\"peer\":null,\"agent\":null," \
	"\"actor\":\"gate\",\"count\":2}"
	static const struct {
		const char *body;
		bool fits;
	} cases[] = {
		{ "[]\n", true },
		{ "[" ENTRY("\"issued\"", "null") ",\n"
		  ENTRY("\"ended\"", "\"limit\"") "]", true },
		{ ENTRY("\"issued\"", "null"), false },
		{ "[" ENTRY("\"issued\"", "null") "", false },
		{ "[" ENTRY("\"issued\"", "\"limit\"") "]", false },
		{ "[" ENTRY("\"ended\"", "null") "]", false },
		{ "[" ENTRY("\"ended\"", "\"weather\"") "]", false },
		{ "[" ENTRY("\"began\"", "null") "]", false },
		{ "[" ENTRY("1", "null") "]", false },
		{ "[{\"time\":1,\"event\":\"issued\"}]", false },
		{ "[null]", false },
		{ "{}", false },
	};

	(void)state;
	EACH(c, cases) {
		const struct lk_agent_reply reply = { .http = 200,
			.body = c->body,
			.len = strlen(c->body) };

		assert_int_equal(lk_agent_read_history(&reply, NULL, NULL),
		    c->fits);
	}
}

static void
test_question_is_one_line_whatever_its_fields_are(void **state)
{
	struct lk_buf fields = LK_BUF_INIT(1024), out = LK_BUF_INIT(2048);

	(void)state;
	lk_agent_field(&fields, "user", "a b&c=d\r\n\xc3\xa9%+~");
	lk_agent_field(&fields, "client", "");
	lk_agent_field(&fields, "url", NULL);
	lk_agent_field_int(&fields, "ttl", 0);
	lk_agent_field_int(&fields, "ttl", 60);
	assert_string_equal(fields.data,
	    "user=a%20b%26c%3Dd%0D%0A%C3%A9%25%2B~&ttl=60");
	lk_agent_question("sessions", true, &fields, 500, &out);
	assert_string_equal(out.data,
	    "GET /v1/sessions?user=a%20b%26c%3Dd%0D%0A%C3%A9%25%2B~&ttl=60 "
	    "HTTP/1.1\r\nHost: localhost\r\nLatchkey-Timeout: 500\r\n\r\n");
	lk_buf_free(&fields);
	lk_buf_free(&out);
}

#include "support/suite.h"
