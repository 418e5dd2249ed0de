#include "support/test.h"
#include "endpoints/handlers.h"

#define PARAMS_MAX 3

/* What is asked by at most two parameters; NULL is none. */
static enum gate_endpoint
ask(bool cgi, const char *first, const char *second)
{
	char texts[PARAMS_MAX][64];
	char *env[PARAMS_MAX + 1] = { NULL };
	struct gate_request request = { .env = env };
	size_t n = 0;

	if (first != NULL) {
		(void)snprintf(texts[n], sizeof(texts[n]), "%s", first);
		env[n] = texts[n];
		n++;
	}
	if (second != NULL) {
		(void)snprintf(texts[n], sizeof(texts[n]), "%s", second);
		env[n] = texts[n];
		n++;
	}
	return (gate_endpoint_asked(&request, cgi));
}

static enum gate_endpoint
asked_by(const char *first, const char *second)
{
	return (ask(false, first, second));
}

static void
test_gate_endpoint_named_is_asked(void **state)
{
	assert_int_equal(asked_by("LATCHKEY_ENDPOINT=authorize", NULL),
	    GATE_ENDPOINT_AUTHORIZE);
	assert_int_equal(asked_by("LATCHKEY_ENDPOINT=authorize",
	                     "LATCHKEY_ENDPOINT=authorize"),
	    GATE_ENDPOINT_AUTHORIZE);
}

static void
test_gate_endpoint_unclear_is_none(void **state)
{
	static const char *const texts[] = { "LATCHKEY_ENDPOINT=",
		"LATCHKEY_ENDPOINT", "LATCHKEY_ENDPOINT=Authorize",
		"LATCHKEY_ENDPOINT=authorize ", "LATCHKEY_ENDPOINT=authoriz",
		"LATCHKEY_ENDPOINT=authorize,authorize",
		"HTTP_LATCHKEY_ENDPOINT=authorize",
		"XLATCHKEY_ENDPOINT=authorize", "latchkey_endpoint=authorize" };

	EACH(c, texts)
	assert_int_equal(asked_by(*c, NULL), GATE_ENDPOINT_NONE);
	assert_int_equal(asked_by(NULL, NULL), GATE_ENDPOINT_NONE);
	assert_int_equal(
	    asked_by("LATCHKEY_ENDPOINT=authorize", "LATCHKEY_ENDPOINT=health"),
	    GATE_ENDPOINT_NONE);
	assert_int_equal(
	    asked_by("LATCHKEY_ENDPOINT=", "LATCHKEY_ENDPOINT=authorize"),
	    GATE_ENDPOINT_NONE);
}

static void
test_gate_endpoint_each_is_asked_by_its_name(void **state)
{
	char text[64];
	int i;

	assert_string_equal(gate_endpoint_name(GATE_ENDPOINT_NONE), "none");
	assert_int_equal(asked_by("LATCHKEY_ENDPOINT=none", NULL),
	    GATE_ENDPOINT_NONE);
	for (i = GATE_ENDPOINT_AUTHORIZE; i < GATE_ENDPOINT_COUNT; i++) {
		(void)snprintf(text, sizeof(text), "LATCHKEY_ENDPOINT=%s",
		    gate_endpoint_name((enum gate_endpoint)i));
		assert_int_equal(asked_by(text, NULL), i);
	}
}

static void
test_gate_endpoint_path_counts_as_cgi_only(void **state)
{
	static const struct {
		const char *first;
		const char *second;
		enum gate_endpoint endpoint;
	} cases[] = {
		{ "PATH_INFO=/session", NULL, GATE_ENDPOINT_SESSION },
		{ "PATH_INFO=/a/b/logout-others", NULL,
		    GATE_ENDPOINT_LOGOUT_OTHERS },
		{ "PATH_INFO=/a/b/logout-all", NULL, GATE_ENDPOINT_LOGOUT_ALL },
		{ "PATH_INFO=/session/", NULL, GATE_ENDPOINT_NONE },
		{ "PATH_INFO=session", NULL, GATE_ENDPOINT_NONE },
		{ "PATH_INFO=/", NULL, GATE_ENDPOINT_NONE },
		{ "PATH_INFO=", NULL, GATE_ENDPOINT_NONE },
		{ NULL, NULL, GATE_ENDPOINT_NONE },
		/* The web server's word counts. */
		{ "PATH_INFO=/session", "LATCHKEY_ENDPOINT=logout",
		    GATE_ENDPOINT_LOGOUT },
		{ "PATH_INFO=/session",
		    "LATCHKEY_ENDPOINT=", GATE_ENDPOINT_NONE },
		{ "PATH_INFO=/metrics", NULL, GATE_ENDPOINT_NONE },
		{ "LATCHKEY_ENDPOINT=metrics", NULL, GATE_ENDPOINT_NONE },
		{ "PATH_INFO=/login", NULL, GATE_ENDPOINT_NONE },
		{ "LATCHKEY_ENDPOINT=login", NULL, GATE_ENDPOINT_NONE },
		{ "PATH_INFO=/page", NULL, GATE_ENDPOINT_PAGE },
		{ "PATH_INFO=/watch", NULL, GATE_ENDPOINT_NONE },
		{ "LATCHKEY_ENDPOINT=watch", NULL, GATE_ENDPOINT_NONE },
	};

	EACH(c, cases)
	assert_int_equal(ask(true, c->first, c->second), c->endpoint);
	assert_int_equal(asked_by("PATH_INFO=/session", NULL),
	    GATE_ENDPOINT_NONE);
}

/* What a request with ${method}, that says nothing else, may ask. */
static struct gate_admission
admit(enum gate_endpoint endpoint, const char *method, bool deliberate,
    bool exposed)
{
	char *env[] = { NULL };
	const struct gate_request request = { .env = env, .method = method };
	char issuer[] = "i", sign[] = "/key", none[] = "";
	const struct lk_settings settings = {
		.gate = { .expose_metrics = exposed,
		    .login.check = exposed ? LK_LOGIN_EXEC : LK_LOGIN_OFF,
		    .page.show = exposed,
		    .watch.max = exposed ? 1 : 0 },
		.jwt = { .issuer = exposed ? issuer : none, .sign = sign }
	};

	return (gate_handler_admit(gate_handler_of(endpoint), &request,
	    deliberate, &settings));
}

static void
test_gate_endpoint_admits_as_designed(void **state)
{
	static const struct {
		enum gate_endpoint endpoint;
		unsigned int get; /* also HEAD */
		unsigned int post;
		unsigned int hidden_get; /* if not exposed, without jwt */
	} cases[] = {
		{ GATE_ENDPOINT_NONE, 404, 404, 404 },
		{ GATE_ENDPOINT_AUTHORIZE, 404, 404, 404 },
		{ GATE_ENDPOINT_SESSION, 200, 405, 200 },
		{ GATE_ENDPOINT_SESSIONS, 200, 405, 200 },
		{ GATE_ENDPOINT_LOGOUT, 405, 200, 405 },
		{ GATE_ENDPOINT_LOGOUT_ALL, 405, 200, 405 },
		{ GATE_ENDPOINT_LOGOUT_OTHERS, 405, 200, 405 },
		{ GATE_ENDPOINT_REVOKE, 405, 200, 405 },
		{ GATE_ENDPOINT_HEALTH, 200, 405, 404 },
		{ GATE_ENDPOINT_METRICS, 200, 405, 404 },
		{ GATE_ENDPOINT_TOKEN, 405, 200, 404 },
		{ GATE_ENDPOINT_JWKS, 200, 405, 404 },
		/* Whoever logs in has not meant anything yet. */
		{ GATE_ENDPOINT_LOGIN, 200, 403, 404 },
		{ GATE_ENDPOINT_PAGE, 200, 200, 404 },
		{ GATE_ENDPOINT_WATCH, 200, 405, 404 },
	};
	enum gate_endpoint endpoint;

	assert_int_equal(COUNT(cases), GATE_ENDPOINT_COUNT);
	EACH(c, cases)
	{
		endpoint = c->endpoint;
		assert_int_equal(admit(endpoint, "GET", true, true).http,
		    c->get);
		assert_int_equal(admit(endpoint, "HEAD", true, true).http,
		    c->get);
		assert_int_equal(admit(endpoint, "POST", true, true).http,
		    c->post);
		assert_int_equal(admit(endpoint, "GET", true, false).http,
		    c->hidden_get);
		/* Reading harms nobody, changing needs to be meant. */
		assert_int_equal(admit(endpoint, "GET", false, true).http,
		    c->get);
		assert_int_equal(admit(endpoint, "POST", false, true).http,
		    c->post == 200 ? 403 : c->post);
		assert_int_not_equal(admit(endpoint, "post", true, true).http,
		    200);
		assert_int_not_equal(
		    admit(endpoint, "OPTIONS", true, true).http, 200);
		assert_int_not_equal(admit(endpoint, NULL, true, true).http,
		    200);
	}
}

static void
test_gate_endpoint_refusal_says_why(void **state)
{
	struct gate_admission admission;

	admission = admit(GATE_ENDPOINT_LOGOUT, "GET", true, true);
	assert_string_equal(admission.allow, "POST");
	assert_non_null(admission.reason);
	admission = admit(GATE_ENDPOINT_SESSION, "POST", true, true);
	assert_string_equal(admission.allow, "GET, HEAD");
	admission = admit(GATE_ENDPOINT_NONE, "GET", true, true);
	assert_null(admission.allow);
	assert_non_null(admission.reason);
}

static void
test_gate_endpoint_id_of_query_is_exactly_one(void **state)
{
	static const struct {
		const char *query; /* QUERY_STRING, or NULL */
		const char *uri;   /* REQUEST_URI, or NULL */
		const char *id;    /* NULL: none */
	} cases[] = {
		{ "id=aZ0-_", NULL, "aZ0-_" },
		{ "a=b&id=x&c=d", NULL, "x" },
		{ "&&id=x&", NULL, "x" },
		{ "", "/r?id=x", "x" },
		{ NULL, "/r?id=x", "x" },
		{ "id=x", "/r?id=y", "x" },
		{ NULL, NULL, NULL },
		{ "", "/r", NULL },
		{ "id", NULL, NULL },
		{ "id=", NULL, NULL },
		{ "id=x&id=y", NULL, NULL },
		{ "id=x&id=x", NULL, NULL },
		{ "id=x&id=", NULL, NULL },
		{ "id=&id=x", NULL, NULL },
		{ "id=%41", NULL, NULL },
		{ "id=x+y", NULL, NULL },
		{ "id=x;y", NULL, NULL },
		{ "id=x=", NULL, NULL },
		{ "id=x#y", NULL, NULL },
		{ "xid=x", NULL, NULL },
		{ "ID=x", NULL, NULL },
	};
	char text[64], id[LK_SESSION_ID_MAX + 1];
	char *env[2] = { NULL, NULL };
	struct gate_request request = { .env = env };

	EACH(one, cases)
	{
		env[0] = NULL;
		if (one->query != NULL) {
			(void)snprintf(text, sizeof(text), "QUERY_STRING=%s",
			    one->query);
			env[0] = text;
		}
		request.uri = one->uri;
		assert_int_equal(gate_query_id(&request, id), one->id != NULL);
		assert_string_equal(id, one->id == NULL ? "" : one->id);
	}
}

static void
test_gate_endpoint_id_is_capped(void **state)
{
	char text[sizeof("QUERY_STRING=id=") + LK_SESSION_ID_MAX + 1];
	char id[LK_SESSION_ID_MAX + 1];
	char *env[] = { text, NULL };
	const struct gate_request request = { .env = env };
	size_t prefix;

	prefix = (size_t)snprintf(text, sizeof(text), "QUERY_STRING=id=");
	memset(text + prefix, 'A', LK_SESSION_ID_MAX + 1);
	text[prefix + LK_SESSION_ID_MAX + 1] = '\0';
	assert_false(gate_query_id(&request, id));
	text[prefix + LK_SESSION_ID_MAX] = '\0';
	assert_true(gate_query_id(&request, id));
	assert_int_equal(strlen(id), LK_SESSION_ID_MAX);
}

#include "support/suite.h"
