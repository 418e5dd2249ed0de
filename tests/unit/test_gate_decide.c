#include "jwt/keys.h"
#include "support/test.h"
#include "verdict/decide.h"

/* Everything a decision depends on, in one place, for each test anew. */
struct scene {
	struct lk_settings settings;
	char login_url[32];
	char realm[16];
	struct gate_request request;
	struct gate_credentials credentials;
	char path[2];
	struct lk_rule rule;
	struct gate_plan plan;
	struct lk_session session;
	char detail[64];
	struct lk_user user;
	struct gate_facts facts;
};

/* A request by an API client with a live session: to be allowed. */
static void
set_scene(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	(void)snprintf(scene->realm, sizeof(scene->realm), "latchkey");
	scene->settings.gate.sources.v[0].place = LK_TOKEN_BEARER;
	scene->settings.gate.sources.v[1].place = LK_TOKEN_BASIC;
	scene->settings.gate.sources.n = 1;
	scene->settings.gate.realm = scene->realm;
	scene->settings.gate.login_url = scene->login_url;
	scene->request.authorizer = true;
	scene->request.method = "GET";
	scene->request.uri = "/app";
	scene->credentials.kind = GATE_CREDENTIALS_ONE;
	scene->credentials.conflict = "Why not.";
	scene->path[0] = '/';
	scene->rule.path = scene->path;
	scene->rule.access = LK_ACCESS_SESSION;
	scene->plan.need = GATE_NEED_SESSION;
	scene->plan.rule = &scene->rule;
	scene->plan.number = 1;
	(void)snprintf(scene->session.user, sizeof(scene->session.user),
	    "alice");
	(void)snprintf(scene->session.id, sizeof(scene->session.id), "ID");
	scene->session.expires_at = 2000000000;
	scene->facts = (struct gate_facts){
		.settings = &scene->settings,
		.request = &scene->request,
		.credentials = &scene->credentials,
		.plan = &scene->plan,
		.status = LK_OK,
		.session = &scene->session,
	};
}

/* The same under a rule that needs the user's detail. */
static void
set_user_scene(struct scene *scene)
{
	set_scene(scene);
	scene->plan.need = GATE_NEED_USER;
	scene->settings.gate.detail_max = 16;
	(void)snprintf(scene->detail, sizeof(scene->detail), "{\"a\":1}");
	scene->user.detail = scene->detail;
	scene->facts.user = &scene->user;
}

static void
set_login_url(struct scene *scene)
{
	(void)snprintf(scene->login_url, sizeof(scene->login_url),
	    "https://login.example/");
}

static void
set_told(struct scene *scene, struct lk_told *told)
{
	scene->settings.gate.headers = (struct lk_told_list){ told, 1 };
}

static struct gate_verdict
decide(const struct scene *scene)
{
	struct gate_verdict verdict;

	memset(&verdict, 0xff, sizeof(verdict));
	gate_decide(&scene->facts, &verdict);
	return (verdict);
}

/* Every status there is, and two there are not. */
static const struct {
	enum lk_status status;
	unsigned int api;     /* what an API client is answered */
	unsigned int browser; /* what a navigation is, with a login page */
	enum gate_challenge challenge;
} statuses[] = {
	{ LK_OK, 200, 200, GATE_CHALLENGE_NONE },
	{ LK_MALFORMED, 401, 302, GATE_CHALLENGE_INVALID_TOKEN },
	{ LK_UNKNOWN, 401, 302, GATE_CHALLENGE_INVALID_TOKEN },
	{ LK_EXPIRED, 401, 302, GATE_CHALLENGE_INVALID_TOKEN },
	{ LK_NO_USER, 403, 403, GATE_CHALLENGE_NONE },
	{ LK_FORBIDDEN, 403, 403, GATE_CHALLENGE_NONE },
	{ LK_LIMIT, 403, 403, GATE_CHALLENGE_NONE },
	{ LK_FAULT, 503, 503, GATE_CHALLENGE_NONE },
	{ LK_E_NOMEM, 503, 503, GATE_CHALLENGE_NONE },
	{ LK_E_INVAL, 503, 503, GATE_CHALLENGE_NONE },
	{ LK_E_SETTINGS, 503, 503, GATE_CHALLENGE_NONE },
	{ LK_E_STORE, 503, 503, GATE_CHALLENGE_NONE },
	{ LK_E_TIMEOUT, 503, 503, GATE_CHALLENGE_NONE },
	{ LK_E_CORRUPT, 503, 503, GATE_CHALLENGE_NONE },
	{ LK_E_NOT_DURABLE, 503, 503, GATE_CHALLENGE_NONE },
	{ LK_E_WOULD_WAIT, 503, 503, GATE_CHALLENGE_NONE },
};
#define STATUS_COUNT (COUNT(statuses))

static const enum gate_credentials_kind kinds[] = { GATE_CREDENTIALS_NONE,
	GATE_CREDENTIALS_ONE, GATE_CREDENTIALS_BAD, GATE_CREDENTIALS_SEVERAL,
	GATE_CREDENTIALS_TOO_MANY, GATE_CREDENTIALS_CONFLICT };
#define KIND_COUNT (COUNT(kinds))

struct expected {
	unsigned int http;
	enum gate_challenge challenge;
};

static struct expected
expect(size_t status, enum gate_credentials_kind kind, bool to_login)
{
	switch (kind) {
	case GATE_CREDENTIALS_NONE:
		return ((struct expected){ to_login ? 302 : 401,
		    to_login ? GATE_CHALLENGE_NONE : GATE_CHALLENGE_PLAIN });
	case GATE_CREDENTIALS_SEVERAL:
		/* Unless it is sure that all are live: was the one? */
		if (statuses[status].status != LK_OK)
			return ((struct expected){ 503, GATE_CHALLENGE_NONE });
		__attribute__((fallthrough));
	case GATE_CREDENTIALS_TOO_MANY:
	case GATE_CREDENTIALS_BAD:
		return ((struct expected){ to_login ? 302 : 401,
		    to_login ? GATE_CHALLENGE_NONE :
		    GATE_CHALLENGE_INVALID_TOKEN });
	case GATE_CREDENTIALS_CONFLICT:
		return ((struct expected){ 400,
		    GATE_CHALLENGE_INVALID_REQUEST });
	case GATE_CREDENTIALS_ONE:
		break;
	}
	if (to_login)
		return ((struct expected){ statuses[status].browser,
		    GATE_CHALLENGE_NONE });
	return ((struct expected){ statuses[status].api,
	    statuses[status].challenge });
}

static void
check_combination(size_t status, enum gate_credentials_kind kind,
    bool browser, bool login_page)
{
	struct expected expected = expect(status, kind,
	    browser && login_page);
	struct gate_verdict verdict;
	struct scene scene;

	set_scene(&scene);
	scene.facts.status = statuses[status].status;
	scene.credentials.kind = kind;
	scene.request.accept = browser ? "text/html,*/*;q=0.8" : "*/*";
	if (login_page)
		set_login_url(&scene);
	verdict = decide(&scene);
	assert_int_equal(verdict.http, expected.http);
	assert_int_equal(verdict.challenge, expected.challenge);
	assert_int_equal(verdict.login, expected.http == 302);
	assert_int_equal(verdict.retry_after > 0, expected.http == 503);
	assert_int_equal(verdict.reason == NULL, expected.http == 200);
	assert_false(verdict.offer_basic);
}

static void
test_gate_decide_what_no_header_carries_is_503(void **state)
{
	static const struct {
		const char *detail;
		unsigned int http;
	} cases[] = {
		{ "{\"a\":1}", 200 },
		{ "{\"b\":{}}", 200 },
		{ "{\"a\":{}}", 503 },
		{ "{\"a\":[\"b,c\"]}", 503 },
		{ "{\"a\":\" \"}", 503 },
	};
	char name[] = "Latchkey-A", field[] = "a";
	struct lk_told told = { name, field };
	struct scene scene;

	EACH(c, cases) {
		set_user_scene(&scene);
		set_told(&scene, &told);
		(void)snprintf(scene.detail, sizeof(scene.detail), "%s",
		    c->detail);
		assert_int_equal(decide(&scene).http, c->http);
	}
}

static void
test_gate_decide_every_combination_as_designed(void **state)
{
	size_t status, kind;
	int browser, login_page;

	for (status = 0; status < STATUS_COUNT; status++) {
		for (kind = 0; kind < KIND_COUNT; kind++) {
			for (browser = 0; browser < 2; browser++) {
				for (login_page = 0; login_page < 2;
				    login_page++)
					check_combination(status, kinds[kind],
					    browser, login_page);
			}
		}
	}
}

static void
test_gate_decide_undefined_value_is_not_allowed(void **state)
{
	struct scene scene;

	set_scene(&scene);
	scene.facts.status = (enum lk_status)99;
	assert_int_equal(decide(&scene).http, 503);
	set_scene(&scene);
	scene.facts.status = (enum lk_status)-99;
	assert_int_equal(decide(&scene).http, 503);
	set_scene(&scene);
	scene.credentials.kind = (enum gate_credentials_kind)99;
	assert_int_equal(decide(&scene).http, 503);
}

static void
test_gate_decide_incomplete_request_is_400(void **state)
{
	struct scene scene;

	set_scene(&scene);
	scene.request.method = NULL;
	assert_int_equal(decide(&scene).http, 400);
	set_scene(&scene);
	scene.request.method = "";
	assert_int_equal(decide(&scene).http, 400);
	set_scene(&scene);
	scene.request.uri = NULL;
	assert_int_equal(decide(&scene).http, 400);
	set_scene(&scene);
	scene.request.uri = "";
	assert_int_equal(decide(&scene).http, 400);
}

static void
test_gate_decide_other_role_is_404(void **state)
{
	struct scene scene;

	set_scene(&scene);
	scene.request.authorizer = false;
	assert_int_equal(decide(&scene).http, 404);
}

static void
test_gate_decide_basic_user_must_be_the_sessions(void **state)
{
	static const struct {
		const char *user;
		unsigned int http;
	} cases[] = {
		{ "", 200 }, { "alice", 200 }, { "Alice", 401 },
		{ "alic", 401 }, { "alice2", 401 }, { "bob", 401 },
	};
	struct gate_verdict verdict;
	struct scene scene;

	EACH(c, cases) {
		set_scene(&scene);
		(void)snprintf(scene.credentials.user,
		    sizeof(scene.credentials.user), "%s", c->user);
		verdict = decide(&scene);
		assert_int_equal(verdict.http, c->http);
		if (verdict.http == 401)
			assert_int_equal(verdict.challenge,
			    GATE_CHALLENGE_INVALID_TOKEN);
	}
}

static void
test_gate_decide_unsound_session_is_503(void **state)
{
	/* What a header loses, or what others show as something else. */
	static const char *const changed[] = { " alice", "alice ", "al\xe9",
		"al\xc2\x85", "alice\xc2\xa0", ("\xe2\x80\x8b" "alice") };
	struct scene scene;

	set_scene(&scene);
	scene.session.user[0] = '\0';
	assert_int_equal(decide(&scene).http, 503);
	set_scene(&scene);
	scene.session.id[0] = '\0';
	assert_int_equal(decide(&scene).http, 503);
	set_scene(&scene);
	scene.session.user[2] = '\n';
	assert_int_equal(decide(&scene).http, 503);
	set_scene(&scene);
	scene.session.id[1] = '\r';
	assert_int_equal(decide(&scene).http, 503);
	set_scene(&scene);
	scene.session.client[0] = '\177';
	assert_int_equal(decide(&scene).http, 503);
	EACH(c, changed) {
		set_scene(&scene);
		strcpy(scene.session.user, *c);
		assert_int_equal(decide(&scene).http, 503);
	}
	set_scene(&scene);
	strcpy(scene.session.id, "a b");
	assert_int_equal(decide(&scene).http, 503);
	set_scene(&scene);
	scene.facts.session = NULL;
	assert_int_equal(decide(&scene).http, 503);
}

static void
test_gate_decide_unsafe_method_is_never_redirected(void **state)
{
	static const char *const methods[] = { "POST", "PUT", "DELETE",
		"OPTIONS", "get", "GETT" };
	struct gate_verdict verdict;
	struct scene scene;

	EACH(c, methods) {
		set_scene(&scene);
		set_login_url(&scene);
		scene.request.accept = "text/html";
		scene.request.method = *c;
		scene.credentials.kind = GATE_CREDENTIALS_NONE;
		assert_int_equal(decide(&scene).http, 401);
	}
	scene.request.method = "HEAD";
	assert_int_equal(decide(&scene).http, 302);
	/* Nor is a script, to which a login page would be an answer. */
	scene.request.fetch_mode = "cors";
	assert_int_equal(decide(&scene).http, 401);
	assert_false(decide(&scene).login);
	scene.request.fetch_mode = NULL;
	scene.request.requested_with = "XMLHttpRequest";
	assert_int_equal(decide(&scene).http, 401);
	/* Nor who asks for something else than a verdict. */
	scene.request.requested_with = NULL;
	scene.request.authorizer = false;
	scene.request.subrequest = true;
	gate_decide_bearer(&scene.facts, &verdict);
	assert_int_equal(verdict.http, 401);
	assert_false(verdict.login);
}

static void
test_gate_decide_basic_is_offered_if_accepted(void **state)
{
	struct scene scene;

	set_scene(&scene);
	scene.credentials.kind = GATE_CREDENTIALS_NONE;
	scene.settings.gate.sources.n = 2;
	assert_true(decide(&scene).offer_basic);
	/* First to programs, unless they know a Bearer. */
	assert_true(decide(&scene).basic_first);
	scene.credentials.bearer = true;
	assert_false(decide(&scene).basic_first);
	scene.credentials.bearer = false;
	scene.request.accept = "text/html";
	assert_true(decide(&scene).offer_basic);
	assert_false(decide(&scene).basic_first);
	scene.request.accept = NULL;
	scene.credentials.kind = GATE_CREDENTIALS_BAD;
	assert_true(decide(&scene).offer_basic);
	scene.request.fetch_mode = "navigate";
	assert_true(decide(&scene).offer_basic);
	/* A script's request would pop a dialog up. */
	scene.request.fetch_mode = "cors";
	assert_false(decide(&scene).offer_basic);
	assert_false(decide(&scene).basic_first);
	scene.request.fetch_mode = NULL;
	scene.request.requested_with = "XMLHttpRequest";
	assert_false(decide(&scene).offer_basic);
	scene.request.requested_with = NULL;
	scene.credentials.kind = GATE_CREDENTIALS_CONFLICT;
	assert_false(decide(&scene).offer_basic);
}

/* What the plan refuses is refused, whoever asks and whatever he has. */
static void
test_gate_decide_refused_plan_is_refused_for_everybody(void **state)
{
	static const struct {
		unsigned int plan, http, subrequest;
	} cases[] = {
		{ 400, 400, 403 }, { 403, 403, 403 }, { 404, 404, 404 },
		{ 0, 503, 503 },
	};
	struct gate_verdict verdict;
	struct scene scene;
	size_t kind;

	EACH(c, cases) {
		for (kind = 0; kind < KIND_COUNT; kind++) {
			set_user_scene(&scene);
			set_login_url(&scene);
			scene.request.accept = "text/html";
			scene.credentials.kind = kinds[kind];
			scene.plan.need = GATE_NEED_REFUSED;
			scene.plan.http = c->plan;
			scene.plan.reason = "Why.";
			verdict = decide(&scene);
			assert_int_equal(verdict.http, c->http);
			assert_string_equal(verdict.reason, "Why.");
			assert_int_equal(verdict.rule, 1);
			scene.request.subrequest = true;
			assert_int_equal(decide(&scene).http, c->subrequest);
		}
	}
}

static void
test_gate_decide_public_plan_is_allowed_for_everybody(void **state)
{
	struct gate_verdict verdict;
	struct scene scene;
	size_t kind;

	for (kind = 0; kind < KIND_COUNT; kind++) {
		set_scene(&scene);
		scene.credentials.kind = kinds[kind];
		scene.plan.need = GATE_NEED_NOTHING;
		scene.settings.gate.renew_below = 100;
		scene.facts.status = LK_FAULT;
		scene.facts.session = NULL;
		verdict = decide(&scene);
		assert_int_equal(verdict.http, 200);
		assert_false(verdict.renew);
		assert_null(verdict.reason);
	}
	/* But not for who does not ask for a verdict. */
	scene.request.authorizer = false;
	assert_int_equal(decide(&scene).http, 404);
}

static void
test_gate_decide_zero_or_unknown_plan_is_503(void **state)
{
	struct scene scene;

	set_scene(&scene);
	memset(&scene.plan, 0, sizeof(scene.plan));
	assert_int_equal(decide(&scene).http, 503);
	set_scene(&scene);
	scene.plan.need = (enum gate_need)99;
	assert_int_equal(decide(&scene).http, 503);
	set_scene(&scene);
	scene.facts.plan = NULL;
	assert_int_equal(decide(&scene).http, 503);
	set_scene(&scene);
	scene.plan.rule = NULL;
	assert_int_equal(decide(&scene).http, 503);
	/* A detail that is needed and was not looked up. */
	set_user_scene(&scene);
	assert_int_equal(decide(&scene).http, 200);
	scene.user.detail = NULL;
	assert_int_equal(decide(&scene).http, 503);
	scene.facts.user = NULL;
	assert_int_equal(decide(&scene).http, 503);
}

static void
test_gate_decide_rule_that_does_not_admit_is_403(void **state)
{
	char bob[] = "bob", alice[] = "alice", web[] = "web";
	char *names[] = { bob, NULL }, *both[] = { bob, alice, NULL };
	char *clients[] = { web, NULL };
	struct scene scene;

	set_scene(&scene);
	scene.rule.users = (struct lk_strings){ names, 1 };
	assert_int_equal(decide(&scene).http, 403);
	assert_int_equal(decide(&scene).challenge, GATE_CHALLENGE_NONE);
	/* Who he is comes first. */
	scene.facts.status = LK_EXPIRED;
	assert_int_equal(decide(&scene).http, 401);
	scene.facts.status = LK_E_STORE;
	assert_int_equal(decide(&scene).http, 503);
	scene.facts.status = LK_OK;
	scene.rule.users = (struct lk_strings){ both, 2 };
	assert_int_equal(decide(&scene).http, 200);
	scene.rule.clients = (struct lk_strings){ clients, 1 };
	assert_int_equal(decide(&scene).http, 403);
	(void)snprintf(scene.session.client, sizeof(scene.session.client),
	    "web");
	assert_int_equal(decide(&scene).http, 200);
}

static void
test_gate_decide_detail_over_the_limit_is_503(void **state)
{
	struct scene scene;

	set_user_scene(&scene);
	scene.settings.gate.detail = true;
	(void)snprintf(scene.detail, sizeof(scene.detail), "\"%014d\"", 0);
	assert_int_equal(decide(&scene).http, 200);
	(void)snprintf(scene.detail, sizeof(scene.detail), "\"%015d\"", 0);
	assert_int_equal(decide(&scene).http, 503);
	/* It is not sent, so that its length does not matter. */
	scene.settings.gate.detail = false;
	assert_int_equal(decide(&scene).http, 200);
}

static void
test_gate_decide_session_is_renewed_below_the_limit(void **state)
{
	static const struct {
		int64_t below, ttl;
		bool renew;
	} cases[] = {
		{ 0, 1, false }, { 60, 61, false }, { 60, 60, false },
		{ 60, 59, true }, { 60, 1, true },
	};
	struct gate_verdict verdict;
	struct scene scene;

	EACH(c, cases) {
		set_scene(&scene);
		scene.settings.gate.renew_below = c->below;
		scene.session.ttl = c->ttl;
		verdict = decide(&scene);
		assert_int_equal(verdict.http, 200);
		assert_int_equal(verdict.renew, c->renew);
		/* Never what is refused. */
		scene.facts.status = LK_EXPIRED;
		assert_false(decide(&scene).renew);
	}
}

/* By its kind, and not what could not be longer for it. */
static void
test_gate_decide_session_is_renewed_as_its_row_says(void **state)
{
	static char kind[] = "web";
	static char *list[] = { kind, NULL };
	struct lk_kinds row = { .kinds = { list, 1 },
		.max = 1,
		.ttl = 100,
		.max_life = 1000,
		.renew_below = 50,
		.on_limit = LK_KINDS_UNSET };
	struct scene scene;

	(void)state;
	set_scene(&scene);
	scene.settings.session.clients.v = &row;
	scene.settings.session.clients.n = 1;
	scene.settings.gate.renew_below = 0;
	scene.session.ttl = 49;
	scene.session.issued_at = 5000;
	scene.session.expires_at = 5999;
	(void)snprintf(scene.session.client, sizeof(scene.session.client),
	    "%s", kind);
	assert_true(decide(&scene).renew);
	scene.session.expires_at = 6000;
	assert_false(decide(&scene).renew);
	scene.session.expires_at = 5999;
	scene.session.client[0] = '\0';
	assert_false(decide(&scene).renew);
}

/* Show an access token in place of a session's own. */
static void
set_access(struct scene *scene, struct lk_jwt_keys *keys)
{
	scene->settings.jwt.keys = keys;
	assert_int_equal(
	    lk_token_set(&scene->credentials.token, "e30.e30.AAAA", 12), LK_OK);
}

static void
test_gate_decide_access_token_renews_nothing(void **state)
{
	static struct lk_jwt_keys keys;
	struct scene scene;

	set_scene(&scene);
	scene.settings.gate.renew_below = 100;
	scene.session.ttl = 1;
	assert_true(decide(&scene).renew);
	set_access(&scene, &keys);
	assert_int_equal(decide(&scene).http, 200);
	assert_false(decide(&scene).renew);
}

static void
test_gate_decide_access_token_is_refused_without_a_reason(void **state)
{
	static struct lk_jwt_keys keys;
	static const enum lk_status refused[] = { LK_MALFORMED, LK_UNKNOWN,
		LK_EXPIRED, LK_OK };
	struct gate_verdict verdict;
	struct scene scene;

	EACH(c, refused) {
		set_scene(&scene);
		set_access(&scene, &keys);
		scene.facts.status = *c;
		/* With LK_OK it is another's. */
		(void)snprintf(scene.credentials.user,
		    sizeof(scene.credentials.user), "bob");
		verdict = decide(&scene);
		assert_int_equal(verdict.http, 401);
		assert_int_equal(verdict.challenge,
		    GATE_CHALLENGE_INVALID_TOKEN);
		assert_string_equal(verdict.reason,
		    "The access token is not valid.");
	}
}

/*
 * Only 200, 401, 403 and 503, whatever is asked; where to log in is said where
 * an authorizer's client would be sent there.
 */
static void
test_gate_decide_subrequest_is_never_answered_302_or_400(void **state)
{
	struct gate_verdict usual, browser, verdict;
	struct scene scene;
	size_t status, kind;

	for (status = 0; status < STATUS_COUNT; status++) {
		for (kind = 0; kind < KIND_COUNT; kind++) {
			set_scene(&scene);
			scene.facts.status = statuses[status].status;
			scene.credentials.kind = kinds[kind];
			usual = decide(&scene);
			scene.request.accept = "text/html";
			set_login_url(&scene);
			browser = decide(&scene);
			scene.request.subrequest = true;
			verdict = decide(&scene);
			assert_int_equal(verdict.login, browser.http == 302);
			assert_int_equal(verdict.http,
			    usual.http == 400 ? 401 : usual.http);
			assert_int_equal(verdict.challenge, usual.challenge);
		}
	}
}

static void
test_gate_decide_incomplete_subrequest_is_403(void **state)
{
	struct scene scene;

	set_scene(&scene);
	scene.request.subrequest = true;
	scene.request.uri = NULL;
	assert_int_equal(decide(&scene).http, 403);
}

#include "support/suite.h"
