#include "support/test.h"
#include "verdict/verdict_reply.h"

struct scene {
	struct lk_settings settings;
	char login_url[128];
	char realm[64];
	char places[4][16];
	char *tokens[5];
	char cookie[16], domain[1], path[2];
	struct gate_request request;
	struct lk_session session;
	struct gate_facts facts;
	struct gate_verdict verdict;
	struct lk_buf out;
};

static struct scene scene;
static char *const no_env[] = { NULL };

static int
teardown(void **state)
{
	lk_buf_free(&scene.out);
	return (0);
}

/* At most four places, then NULL. */
static void
set_tokens(const char *place, ...)
{
	va_list args;
	size_t n = 0;

	va_start(args, place);
	for (; place != NULL; place = va_arg(args, const char *)) {
		(void)snprintf(scene.places[n], sizeof(scene.places[n]), "%s",
		    place);
		scene.tokens[n] = scene.places[n];
		n++;
	}
	va_end(args);
	assert_int_equal(lk_token_sources_read(&(struct lk_strings){
	    scene.tokens, n }, "latchkey", &scene.settings.gate.sources), n);
}

static void
set_scene(unsigned int http)
{
	lk_buf_free(&scene.out);
	memset(&scene, 0, sizeof(scene));
	(void)snprintf(scene.realm, sizeof(scene.realm), "latchkey");
	scene.settings.gate.realm = scene.realm;
	scene.settings.gate.login_url = scene.login_url;
	set_tokens("bearer", "basic", NULL);
	(void)snprintf(scene.cookie, sizeof(scene.cookie), "latchkey");
	scene.path[0] = '/';
	scene.settings.cookie.name = scene.cookie;
	scene.settings.cookie.domain = scene.domain;
	scene.settings.cookie.path = scene.path;
	scene.request.authorizer = true;
	scene.request.method = "GET";
	scene.request.uri = "/app";
	scene.request.env = no_env;
	(void)snprintf(scene.session.user, sizeof(scene.session.user),
	    "alice");
	(void)snprintf(scene.session.id, sizeof(scene.session.id), "ID");
	(void)snprintf(scene.session.client, sizeof(scene.session.client),
	    "web");
	scene.session.expires_at = 2000000000;
	scene.facts.settings = &scene.settings;
	scene.facts.request = &scene.request;
	scene.facts.session = &scene.session;
	scene.verdict.http = http;
	scene.verdict.reason = http == 200 ? NULL : "The reason.";
	scene.out = (struct lk_buf)LK_BUF_INIT(GATE_REPLY_MAX);
}

static const char *
respond(void)
{
	return (gate_verdict_reply(&scene.facts, &scene.verdict,
	    &scene.out));
}

/* One Status line, and it comes first; never cached; text after headers. */
static void
expect_sound(const char *reply, const char *status)
{
	const char *end = strstr(reply, "\r\n\r\n");

	assert_int_equal(strncmp(reply, status, strlen(status)), 0);
	assert_null(strstr(reply + 1, "Status:"));
	assert_non_null(strstr(reply, "\r\nCache-Control: no-store\r\n"));
	assert_non_null(end);
	assert_true(strlen(end + 4) < 1024);
}

static void
test_verdict_reply_allowed_names_the_session(void **state)
{
	set_scene(200);
	assert_string_equal(respond(),
	    "Status: 200 OK\r\n"
	    "Variable-LATCHKEY_USER: alice\r\n"
	    "Variable-LATCHKEY_SESSION: ID\r\n"
	    "Variable-LATCHKEY_CLIENT: web\r\n"
	    "Variable-LATCHKEY_EXPIRES: 2000000000\r\n"
	    "Variable-REMOTE_USER: alice\r\n"
	    "\r\n");
}

static void
test_verdict_reply_subrequest_names_the_session_in_headers(void **state)
{
	set_scene(200);
	scene.request.subrequest = true;
	assert_string_equal(respond(),
	    "Status: 200 OK\r\n"
	    "Latchkey-User: alice\r\n"
	    "Latchkey-Session: ID\r\n"
	    "Latchkey-Client: web\r\n"
	    "Latchkey-Expires: 2000000000\r\n"
	    "\r\n");
	scene.session.user[1] = '\n';
	assert_null(strstr(respond(), "Latchkey-"));
}

static void
test_verdict_reply_public_names_nobody(void **state)
{
	set_scene(200);
	scene.settings.gate.detail = true;
	scene.facts.session = NULL;
	assert_string_equal(respond(),
	    "Status: 200 OK\r\n\r\n");
	scene.request.subrequest = true;
	assert_string_equal(respond(),
	    "Status: 200 OK\r\n\r\n");
}

static void
test_verdict_reply_detail_is_sent_if_asked_for(void **state)
{
	char detail[] = "{\"a\":[1,\"b\"]}";
	struct lk_user user = { .detail = detail };

	set_scene(200);
	scene.facts.user = &user;
	assert_null(strstr(respond(), "DETAIL"));
	scene.settings.gate.detail = true;
	assert_non_null(strstr(respond(),
	    "\r\nVariable-LATCHKEY_DETAIL: {\"a\":[1,\"b\"]}\r\n"));
	scene.request.subrequest = true;
	assert_non_null(strstr(respond(),
	    "\r\nLatchkey-Detail: {\"a\":[1,\"b\"]}\r\n"));
	detail[2] = '\177';
	expect_sound(respond(), "Status: 503 ");
	assert_null(strstr(respond(), "Latchkey-"));
	scene.verdict.http = 403;
	detail[2] = 'a';
	assert_null(strstr(respond(), "Latchkey-"));
}

static void
test_verdict_reply_members_of_the_detail_are_told(void **state)
{
	char json[] = "{\"groups\":[\"a\",\"b\"],\"none\":[],\"n\":7}";
	char names[][20] = { "Latchkey-Groups", "Latchkey-None",
		"Latchkey-My-N" };
	char fields[][8] = { "groups", "none", "n" };
	struct lk_told told[] = { { names[0], fields[0] },
		{ names[1], fields[1] }, { names[2], fields[2] } };
	struct lk_user user = { .detail = json };

	set_scene(200);
	scene.settings.gate.headers = (struct lk_told_list){ told, 3 };
	scene.facts.user = &user;
	assert_non_null(strstr(respond(),
	    "\r\nVariable-LATCHKEY_GROUPS: a,b\r\n"
	    "Variable-LATCHKEY_MY_N: 7\r\n"));
	assert_null(strstr(respond(), "NONE"));
	assert_null(strstr(respond(), "DETAIL"));
	scene.request.subrequest = true;
	assert_non_null(strstr(respond(),
	    "\r\nLatchkey-Groups: a,b\r\nLatchkey-My-N: 7\r\n"));
	scene.facts.user = NULL;
	expect_sound(respond(), "Status: 503 ");
	/* A public page has no user. */
	scene.facts.session = NULL;
	assert_non_null(strstr(respond(), "Status: 200 OK\r\n"));
	assert_null(strstr(respond(), "Latchkey-"));
}

static void
test_verdict_reply_login_of_another_host_is_told_the_whole_url(void **state)
{
	static const struct {
		const char *login_url, *host, *location;
	} cases[] = {
		{ "https://in.example/", "wiki.example",
		    "https://in.example/?url=https%3A%2F%2Fwiki.example"
		    "%2Fapp" },
		{ "http://in.example:81/?a", "wiki.example", "http://in.example"
		    ":81/?a&url=http%3A%2F%2Fwiki.example%2Fapp" },
		{ "https://wiki.example/in", "wiki.example",
		    "https://wiki.example/in?url=%2Fapp" },
		{ "https://wiki.example.x/", "wiki.example", "https://wiki."
		    "example.x/?url=https%3A%2F%2Fwiki.example%2Fapp" },
		{ "/in", "wiki.example", "/in?url=%2Fapp" },
		{ "https://in.example/", "*",
		    "https://in.example/?url=%2Fapp" },
	};
	char host[40], line[160];
	char *env[] = { host, NULL };

	EACH(c, cases) {
		set_scene(302);
		scene.verdict.login = true;
		scene.request.env = env;
		(void)snprintf(host, sizeof(host), "LATCHKEY_HOST=%s", c->host);
		(void)snprintf(scene.login_url, sizeof(scene.login_url), "%s",
		    c->login_url);
		(void)snprintf(line, sizeof(line), "\r\nLocation: %s\r\n",
		    c->location);
		if (strstr(respond(), line) == NULL)
			fail_msg("%s: %s", c->login_url, respond());
	}
}

/* The longest values that settings and store admit fit into a reply. */
static void
test_verdict_reply_longest_detail_fits(void **state)
{
	static char detail[6144 + 1];
	struct lk_user user = { .detail = detail };

	set_scene(200);
	memset(detail, '1', sizeof(detail) - 1);
	memset(scene.session.user, 'u', LK_USER_ID_MAX);
	memset(scene.session.id, 'i', LK_SESSION_ID_MAX);
	memset(scene.session.client, 'c', LK_CLIENT_MAX);
	scene.session.expires_at = INT64_MIN;
	scene.settings.gate.detail = true;
	scene.facts.user = &user;
	assert_non_null(strstr(respond(), "Status: 200 OK\r\n"));
}

static void
test_verdict_reply_no_client_leaves_it_out(void **state)
{
	set_scene(200);
	scene.session.client[0] = '\0';
	assert_null(strstr(respond(), "LATCHKEY_CLIENT"));
}

static void
test_verdict_reply_denial_names_no_session(void **state)
{
	static const struct {
		unsigned int http;
		const char *status;
	} cases[] = {
		{ 302, "Status: 302 Found\r\n" },
		{ 400, "Status: 400 Bad Request\r\n" },
		{ 401, "Status: 401 Unauthorized\r\n" },
		{ 403, "Status: 403 Forbidden\r\n" },
		{ 404, "Status: 404 Not Found\r\n" },
		{ 503, "Status: 503 Service Unavailable\r\n" },
	};
	const char *reply;

	EACH(c, cases) {
		set_scene(c->http);
		scene.verdict.login = c->http == 302;
		reply = respond();
		expect_sound(reply, c->status);
		assert_null(strstr(reply, "Variable-"));
		assert_null(strstr(reply, "alice"));
		assert_non_null(strstr(reply, "\r\n\r\nThe reason.\n"));
	}
}

static void
test_verdict_reply_undecided_is_503(void **state)
{
	static const unsigned int codes[] = { 0, 201, 204, 206, 500, 1200 };

	EACH(c, codes) {
		set_scene(*c);
		expect_sound(respond(),
		    "Status: 503 Service Unavailable\r\n");
	}
}

static void
test_verdict_reply_control_character_is_503(void **state)
{
	set_scene(200);
	(void)snprintf(scene.session.user, sizeof(scene.session.user),
	    "a\r\nStatus: 200 OK");
	expect_sound(respond(), "Status: 503 Service Unavailable\r\n");
	set_scene(302);
	scene.verdict.login = true;
	(void)snprintf(scene.login_url, sizeof(scene.login_url),
	    "/login\nX: y");
	expect_sound(respond(), "Status: 503 Service Unavailable\r\n");
}

static void
test_verdict_reply_full_buffer_is_503(void **state)
{
	set_scene(200);
	scene.out.max = 60;
	expect_sound(respond(), "Status: 503 Service Unavailable\r\n");
}

static void
test_verdict_reply_head_gets_no_text(void **state)
{
	const char *reply;

	set_scene(403);
	scene.request.method = "HEAD";
	reply = respond();
	expect_sound(reply, "Status: 403 Forbidden\r\n");
	assert_string_equal(strstr(reply, "\r\n\r\n"), "\r\n\r\n");
}

#define BEARER "WWW-Authenticate: Bearer realm=\"latchkey\""
#define BASIC \
	"WWW-Authenticate: Basic realm=\"latchkey\", charset=\"UTF-8\"\r\n"

static void
test_verdict_reply_challenges_are_as_accepted(void **state)
{
	static const struct {
		const char *tokens[2];
		bool basic, first;
		enum gate_challenge challenge;
		const char *lines;
	} cases[] = {
		{ { "bearer" }, false, false, GATE_CHALLENGE_PLAIN,
		    BEARER "\r\n" },
		{ { "bearer" }, false, false, GATE_CHALLENGE_INVALID_TOKEN,
		    BEARER ", error=\"invalid_token\"\r\n" },
		{ { "bearer" }, false, false, GATE_CHALLENGE_INVALID_REQUEST,
		    BEARER ", error=\"invalid_request\"\r\n" },
		{ { "basic" }, true, true, GATE_CHALLENGE_INVALID_TOKEN,
		    BASIC },
		{ { "basic" }, false, false, GATE_CHALLENGE_PLAIN, "" },
		{ { "cookie" }, false, false, GATE_CHALLENGE_PLAIN, "" },
		{ { "cookie:a", "header:b" }, false, false,
		    GATE_CHALLENGE_INVALID_TOKEN, "" },
		{ { "bearer", "basic" }, true, true, GATE_CHALLENGE_PLAIN,
		    BASIC BEARER "\r\n" },
		{ { "bearer", "basic" }, true, false, GATE_CHALLENGE_PLAIN,
		    BEARER "\r\n" BASIC },
		{ { "basic", "bearer" }, true, false, GATE_CHALLENGE_PLAIN,
		    BASIC BEARER "\r\n" },
		{ { "basic", "bearer" }, false, false, GATE_CHALLENGE_PLAIN,
		    BEARER "\r\n" },
		{ { "bearer", "basic" }, true, true, GATE_CHALLENGE_NONE, "" },
	};
	char expected[256];

	EACH(c, cases) {
		set_scene(401);
		set_tokens(c->tokens[0], c->tokens[1], NULL);
		scene.verdict.challenge = c->challenge;
		scene.verdict.offer_basic = c->basic;
		scene.verdict.basic_first = c->first;
		(void)snprintf(expected, sizeof(expected),
		    "no-store\r\n%sContent-Type", c->lines);
		assert_non_null(strstr(respond(), expected));
	}
}

static void
test_verdict_reply_missing_token_says_where_it_belongs(void **state)
{
	set_scene(401);
	set_tokens("bearer", "cookie", "header:X-T", "basic", NULL);
	scene.verdict.challenge = GATE_CHALLENGE_PLAIN;
	assert_non_null(strstr(respond(), "\r\n\r\nThe reason.\n"
	    "It is looked for in Authorization: Bearer, the cookie latchkey, "
	    "the header X-T, the password of HTTP Basic.\n"));
	scene.verdict.challenge = GATE_CHALLENGE_INVALID_TOKEN;
	assert_null(strstr(respond(), "looked for"));
}

/* Only the one that is ours, and only if it is to outlive the browser. */
static void
test_verdict_reply_renewed_cookie_lives_on(void **state)
{
	static const char *const set = "Cache-Control: no-store\r\n"
	    "Set-Cookie: latchkey=lk_x; Max-Age=60; Path=/; HttpOnly; "
	    "SameSite=Lax; Secure\r\n\r\n";
	struct gate_credentials credentials = { .cookie = true };

	set_scene(200);
	(void)snprintf(credentials.token.text, sizeof(credentials.token.text),
	    "lk_x");
	scene.settings.cookie.secure = true;
	scene.settings.cookie.persistent = true;
	scene.facts.credentials = &credentials;
	scene.session.ttl = 60;
	assert_null(strstr(respond(), "Cookie"));
	scene.facts.renewed = true;
	assert_non_null(strstr(respond(), set));
	scene.request.subrequest = true;
	assert_non_null(strstr(respond(), set));
	credentials.cookie = false;
	assert_null(strstr(respond(), "Cookie"));
	credentials.cookie = true;
	scene.settings.cookie.persistent = false;
	assert_null(strstr(respond(), "Cookie"));
	scene.settings.cookie.persistent = true;
	scene.verdict.http = 401;
	assert_null(strstr(respond(), "Cookie"));
}

static void
test_verdict_reply_realm_is_quoted(void **state)
{
	set_scene(401);
	scene.verdict.challenge = GATE_CHALLENGE_PLAIN;
	(void)snprintf(scene.realm, sizeof(scene.realm), "a\"b\\c\r\nd");
	assert_non_null(strstr(respond(),
	    "Bearer realm=\"a\\\"b\\\\c??d\"\r\n"));
}

static void
test_verdict_reply_retry_after_is_said(void **state)
{
	set_scene(503);
	scene.verdict.retry_after = 7;
	assert_non_null(strstr(respond(), "\r\nRetry-After: 7\r\n"));
}

static void
test_verdict_reply_redirect_carries_the_url(void **state)
{
	static const struct {
		const char *login_url, *uri, *location;
	} cases[] = {
		{ "https://login.example/in", "/app/x y?a=1&b=%2f",
		    "https://login.example/in?url="
		    "%2Fapp%2Fx%20y%3Fa%3D1%26b%3D%252f" },
		{ "/login?x=1", "/", "/login?x=1&url=%2F" },
		{ "/login#top", "/a-b._~", "/login?url=%2Fa-b._~#top" },
		{ "/login", "/\303\244\r\n", "/login?url=%2F%C3%A4%0D%0A" },
		{ "/login", "/%61?//e", "/login?url=%2F%2561%3F%2F%2Fe" },
		/* Not a path on this host: left out. */
		{ "/login", "//evil.example/", "/login" },
		{ "/login", "/\\evil.example/", "/login" },
		{ "/login", "http://evil.example/", "/login" },
		{ "/login", "*", "/login" },
		{ "/login", "", "/login" },
		/* What browsers, or one decoding too many, make such of. */
		{ "/login", "/\t/evil.example/", "/login" },
		{ "/login", "/\177/evil.example/", "/login" },
		{ "/login", "/ /evil.example/", "/login" },
		{ "/login", "/%2fevil.example/", "/login" },
		{ "/login", "/%2Fevil.example/", "/login" },
		{ "/login", "/%5cevil.example/", "/login" },
		{ "/login", "/%09/evil.example/", "/login" },
		{ "/login", "/%00/evil.example/", "/login" },
		{ "/login", "/%252fevil.example/", "/login" },
		{ "/login", "/%g/evil.example/", "/login" },
	};
	char expected[512];

	EACH(c, cases) {
		set_scene(302);
		scene.verdict.login = true;
		(void)snprintf(scene.login_url, sizeof(scene.login_url), "%s",
		    c->login_url);
		scene.request.uri = c->uri;
		(void)snprintf(expected, sizeof(expected),
		    "\r\nLocation: %s\r\nLatchkey-Login: %s\r\n",
		    c->location, c->location);
		assert_non_null(strstr(respond(), expected));
		scene.verdict.http = 401;
		scene.request.subrequest = true;
		(void)snprintf(expected, sizeof(expected),
		    "\r\nLatchkey-Login: %s\r\n", c->location);
		assert_non_null(strstr(respond(), expected));
		assert_null(strstr(respond(), "Location"));
		scene.verdict.login = false;
		assert_null(strstr(respond(), "Login"));
	}
}

static void
test_verdict_reply_long_url_is_left_out(void **state)
{
	/* The slash takes three bytes. */
	static const size_t longest = GATE_LOGIN_MAX -
	    (sizeof("/login?url=%2F") - 1) + 1;
	static char uri[GATE_REPLY_MAX];

	memset(uri, 'a', sizeof(uri) - 1);
	uri[0] = '/';
	uri[longest] = '\0';
	set_scene(302);
	scene.verdict.login = true;
	(void)snprintf(scene.login_url, sizeof(scene.login_url), "/login");
	scene.request.uri = uri;
	assert_non_null(strstr(respond(), "/login?url=%2Faaa"));
	assert_non_null(strstr(respond(), "a\r\nLatchkey-Login: /lo"));
	uri[longest] = 'a';
	assert_non_null(strstr(respond(), "\r\nLocation: /login\r\n"));
}

#define SUITE_TEST(name) cmocka_unit_test_teardown(name, teardown)
#include "support/suite.h"
