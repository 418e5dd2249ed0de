/* What an HTTP request says of the one that it is about, and what is none. */
#include <stdlib.h>

#include "support/test.h"
#include "door/web_request.h"

struct header {
	const char *name, *value;
};

enum { MOST = 8 };

/* All of it said, as a web server is to say it. */
static const struct header good[] = { { "X-Latchkey-Method", "GET" },
	{ "X-Latchkey-Uri", "/a?b=c,d" }, { "X-Latchkey-Host", "www.example" },
	{ "X-Latchkey-Peer", "192.0.2.1" } };

enum { SAID = sizeof(good) / sizeof(good[0]) };

static struct gate_web_request
request_of(const struct header *headers, size_t n)
{
	static struct gate_web_request request;
	size_t i;

	memset(&request, 0, sizeof(request));
	request.endpoint = "authorize";
	for (i = 0; i < n; i++)
		gate_web_header(&request, headers[i].name, headers[i].value);
	return (request);
}

/* The value of a parameter, the only one of its name; NULL if there is none. */
static const char *
value_of(char *const *env, const char *name)
{
	const size_t len = strlen(name);
	const char *found = NULL;

	for (; *env != NULL; env++) {
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=') {
			assert_null(found);
			found = *env + len + 1;
		}
	}
	return (found);
}

/* The good headers, of which the one at ${at} is ${value}, or left out. */
static const char *
refuses_with(size_t at, const char *value)
{
	struct header headers[SAID];
	struct gate_web_request request;

	memcpy(headers, good, sizeof(good));
	headers[at].value = value;
	if (value == NULL)
		headers[at] = headers[SAID - 1];
	request = request_of(headers, value == NULL ? SAID - 1 : SAID);
	return (gate_web_refuses(&request));
}

/* The good ones and one more, before or behind them. */
static const char *
refuses_beside(const char *name, const char *value, bool before)
{
	struct header headers[SAID + 1];
	struct gate_web_request request;

	memcpy(headers + (before ? 1 : 0), good, sizeof(good));
	headers[before ? 0 : SAID] = (struct header){ name, value };
	request = request_of(headers, SAID + 1);
	return (gate_web_refuses(&request));
}

static void
test_web_request_has_the_parameters_of_fastcgi(void **state)
{
	static const struct header more[] = { { "x-latchkey-METHOD", "POST" },
		{ "X-LATCHKEY-URI", "/p" }, { "x-latchkey-host", "[::1]:80" },
		{ "X-Latchkey-Peer", "2001:db8::1%eth0" }, { "Cookie", "a=b" },
		{ "X-Session-Token", "t" }, { "X_Session_Token", "forged" },
		{ "Authorization", "" } };
	const struct gate_web_request request = request_of(more,
	    sizeof(more) / sizeof(more[0]));
	char **env = gate_web_env(&request);

	assert_null(gate_web_refuses(&request));
	assert_non_null(env);
	assert_string_equal(value_of(env, "LATCHKEY_ENDPOINT"), "authorize");
	assert_string_equal(value_of(env, "LATCHKEY_METHOD"), "POST");
	assert_string_equal(value_of(env, "REQUEST_URI"), "/p");
	assert_string_equal(value_of(env, "LATCHKEY_HOST"), "[::1]:80");
	assert_string_equal(value_of(env, "REMOTE_ADDR"), "2001:db8::1%eth0");
	assert_string_equal(value_of(env, "HTTP_COOKIE"), "a=b");
	assert_string_equal(value_of(env, "HTTP_X_SESSION_TOKEN"), "t");
	assert_string_equal(value_of(env, "HTTP_AUTHORIZATION"), "");
	assert_null(value_of(env, "HTTP_X_LATCHKEY_URI"));
	assert_null(value_of(env, "REQUEST_METHOD"));
	free(env);
}

/* What a client calls its own headers stands for no parameter of another. */
static void
test_web_request_takes_no_parameter_from_a_client(void **state)
{
	static const char *const names[] = { "LATCHKEY_ENDPOINT",
		"Latchkey-Endpoint", "X_Latchkey_Uri", "X-Latchkey_Uri",
		"REQUEST_URI", "Request-Uri", "REMOTE_ADDR", "X.Latchkey.Peer",
		"LATCHKEY_HOST", "X-Latchkey-Uri2", "X-Forwarded-Method",
		"X-Latchkey-Methods" };

	EACH(name, names) {
		struct header headers[SAID + 1];
		struct gate_web_request request;
		char **env;

		memcpy(headers, good, sizeof(good));
		headers[SAID] = (struct header){ *name, "/forged" };
		request = request_of(headers, SAID + 1);
		assert_null(gate_web_refuses(&request));
		env = gate_web_env(&request);
		assert_string_equal(value_of(env, "LATCHKEY_ENDPOINT"),
		    "authorize");
		assert_string_equal(value_of(env, "LATCHKEY_METHOD"), "GET");
		assert_string_equal(value_of(env, "REQUEST_URI"), "/a?b=c,d");
		assert_string_equal(value_of(env, "LATCHKEY_HOST"),
		    "www.example");
		assert_string_equal(value_of(env, "REMOTE_ADDR"), "192.0.2.1");
		free(env);
	}
}

static void
test_web_request_without_each_of_them_is_refused(void **state)
{
	size_t i;

	for (i = 0; i < SAID; i++) {
		assert_non_null(refuses_with(i, NULL));
		assert_non_null(refuses_with(i, ""));
		assert_null(refuses_with(i, good[i].value));
	}
}

static void
test_web_request_with_one_of_them_twice_is_refused(void **state)
{
	size_t i, j;

	for (i = 0; i < SAID; i++) {
		const char *names[] = { good[i].name, NULL, NULL };
		char lower[32], upper[32];

		for (j = 0; j <= strlen(good[i].name); j++) {
			lower[j] = (char)(good[i].name[j] |
			    (good[i].name[j] >= 'A' && good[i].name[j] <= 'Z'
			            ? 0x20
			            : 0));
			upper[j] = (char)(lower[j] >= 'a' && lower[j] <= 'z'
			        ? lower[j] - 0x20
			        : lower[j]);
		}
		names[1] = lower;
		names[2] = upper;
		EACH(name, names) {
			/* Also the same once more. */
			assert_non_null(
			    refuses_beside(*name, good[i].value, true));
			assert_non_null(
			    refuses_beside(*name, good[i].value, false));
			assert_non_null(refuses_beside(*name, "", true));
			assert_non_null(refuses_beside(*name, "x", false));
		}
	}
}

static void
test_web_request_with_several_values_in_one_is_refused(void **state)
{
	static const struct {
		size_t at;
		const char *value;
	} lists[] = { { 0, "GET, POST" }, { 0, "GET,POST" }, { 0, "GET POST" },
		{ 0, " GET" }, { 0, "GET;" }, { 0, "\"GET\"" },
		{ 1, "/a, /b" }, { 1, "/a /b" }, { 1, " /a" }, { 1, "/a\t" },
		{ 1, "/a\x7f" }, { 1, "/a\x01" }, { 2, "a.example, b.example" },
		{ 2, "a.example,b.example" }, { 2, "a b" }, { 2, "a;b" },
		{ 3, "192.0.2.1, 192.0.2.2" }, { 3, "192.0.2.1,192.0.2.2" },
		{ 3, "192.0.2.1 192.0.2.2" }, { 3, "\"[::1]\"" },
		{ 3, "for=192.0.2.1;by=x" } };

	EACH(one, lists)
		assert_non_null(refuses_with(one->at, one->value));
	/* A path may have a comma; for want of a name or address a web server
	 * says these. */
	assert_null(refuses_with(1, "/a,/b"));
	assert_null(refuses_with(1, "*"));
	assert_null(refuses_with(2, "_"));
	assert_null(refuses_with(3, "unix:"));
	assert_null(refuses_with(3, "@"));
}

static void
test_web_request_with_a_body_is_refused(void **state)
{
	static const struct header bodies[] = { { "Content-Length", "1" },
		{ "content-length", "00" }, { "Content-Length", "" },
		{ "Content-Length", "0, 5" }, { "Content-Length", "-1" },
		{ "Transfer-Encoding", "chunked" },
		{ "TRANSFER-ENCODING", "identity" } };

	EACH(body, bodies) {
		assert_non_null(refuses_beside(body->name, body->value, true));
		assert_non_null(refuses_beside(body->name, body->value, false));
	}
	assert_null(refuses_beside("Content-Length", "0", true));
}

static void
test_web_request_with_too_many_headers_is_refused(void **state)
{
	static struct header many[GATE_PARAMS_MAX + 1];
	struct gate_web_request request;
	size_t i;

	memcpy(many, good, sizeof(good));
	for (i = SAID; i <= GATE_PARAMS_MAX; i++)
		many[i] = (struct header){ "X-Many", "x" };
	request = request_of(many, GATE_PARAMS_MAX);
	assert_null(gate_web_refuses(&request));
	request = request_of(many, GATE_PARAMS_MAX + 1);
	assert_non_null(gate_web_refuses(&request));
}

static void
test_web_endpoint_is_the_whole_path(void **state)
{
	static const char *const none[] = { "", "/", "?", "/?authorize",
		"authorize", "//authorize", "/authorize/", "/Authorize",
		"/authorize%00", "/%61uthorize", "/authorize/../session",
		"/./authorize", "/authorize;x", "/authorize#", "/none",
		"http://latchkey/authorize", "*", "/authorizes", "/authoriz",
		"/logout-", "/authorize?" };
	size_t i;

	assert_string_equal(gate_web_endpoint("/authorize"), "authorize");
	assert_string_equal(gate_web_endpoint("/logout-all"), "logout-all");
	assert_string_equal(gate_web_endpoint("/logout"), "logout");
	assert_string_equal(gate_web_endpoint("/revoke?id=x"), "revoke");
	for (i = 0; i + 1 < sizeof(none) / sizeof(none[0]); i++)
		assert_null(gate_web_endpoint(none[i]));
	assert_string_equal(gate_web_endpoint(none[i]), "authorize");
}

#include "support/suite.h"
