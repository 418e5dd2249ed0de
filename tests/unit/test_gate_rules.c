#include "support/test.h"
#include "settings/table.h"
#include "verdict/rules.h"

/* Copies, since settings own their strings. */
static struct lk_strings
strings_of(const char *first, const char *second)
{
	const char *v[] = { first, second };
	struct lk_strings list = { NULL, 0 };

	assert_int_equal(lk_strings_set(&list, v,
	    first == NULL ? 0 : second == NULL ? 1 : 2), LK_OK);
	return (list);
}

static struct lk_rule
rule_of(const char *path, enum lk_access access, const char *method)
{
	struct lk_rule rule = { .path = strdup(path), .access = (int)access,
		.methods = strings_of(method, NULL) };

	assert_non_null(rule.path);
	return (rule);
}

static void
free_rules(struct lk_settings *settings)
{
	lk_setting_clear(lk_setting_find("gate.rules"), settings);
}

/* Settings with these rules; free_rules() ends them. */
static void
set_rules(struct lk_settings *settings, const struct lk_rule *rules, size_t n)
{
	memset(settings, 0, sizeof(*settings));
	settings->gate.rules.v = calloc(n, sizeof(*rules));
	assert_non_null(settings->gate.rules.v);
	memcpy(settings->gate.rules.v, rules, n * sizeof(*rules));
	settings->gate.rules.n = n;
}

static struct gate_plan
plan_of(const struct lk_settings *settings, const char *method,
    const char *uri)
{
	char *env[] = { NULL };
	const struct gate_request request = { .authorizer = true, .env = env,
		.method = method, .uri = uri };
	struct gate_plan plan;

	memset(&plan, 0xff, sizeof(plan));
	gate_plan(settings, &request, &plan);
	assert_int_equal(plan.number == 0, plan.rule == NULL);
	assert_int_equal(plan.need == GATE_NEED_REFUSED, plan.reason != NULL);
	return (plan);
}

/* A site as people set one up. */
static void
set_site(struct lk_settings *settings)
{
	const struct lk_rule rules[] = {
		rule_of("/public/", LK_ACCESS_PUBLIC, NULL),
		rule_of("/login", LK_ACCESS_PUBLIC, "GET"),
		rule_of("/login", LK_ACCESS_PUBLIC, "POST"),
		rule_of("/admin/", LK_ACCESS_DENY, "DELETE"),
		rule_of("/admin/", LK_ACCESS_SESSION, NULL),
		rule_of("/**.css", LK_ACCESS_PUBLIC, NULL),
		rule_of("/app/", LK_ACCESS_SESSION, NULL),
	};

	set_rules(settings, rules, COUNT(rules));
}

static void
test_gate_rules_first_match_wins(void **state)
{
	static const struct {
		const char *method, *uri;
		size_t number;
		enum gate_need need;
		unsigned int http;
	} cases[] = {
		{ "GET", "/public/a", 1, GATE_NEED_NOTHING, 0 },
		{ "PUT", "/public", 1, GATE_NEED_NOTHING, 0 },
		{ "GET", "/publican", 0, GATE_NEED_REFUSED, 403 },
		{ "GET", "/Public/", 0, GATE_NEED_REFUSED, 403 },
		{ "GET", "/login?x", 2, GATE_NEED_NOTHING, 0 },
		{ "HEAD", "/login", 2, GATE_NEED_NOTHING, 0 },
		{ "POST", "/login", 3, GATE_NEED_NOTHING, 0 },
		{ "PUT", "/login", 0, GATE_NEED_REFUSED, 403 },
		{ "get", "/login", 0, GATE_NEED_REFUSED, 400 },
		{ "GET", "/login/", 0, GATE_NEED_REFUSED, 403 },
		{ "DELETE", "/admin/x", 4, GATE_NEED_REFUSED, 403 },
		{ "GET", "/admin/x", 5, GATE_NEED_SESSION, 0 },
		{ "GET", "/admin/x.css", 5, GATE_NEED_SESSION, 0 },
		{ "GET", "/app/x.css", 6, GATE_NEED_NOTHING, 0 },
		{ "GET", "/app/", 7, GATE_NEED_SESSION, 0 },
		{ "GET", "/", 0, GATE_NEED_REFUSED, 403 },
		{ "GET", "http://h/app/x", 7, GATE_NEED_SESSION, 0 },
	};
	struct lk_settings settings;
	struct gate_plan plan;

	set_site(&settings);
	EACH(c, cases) {
		plan = plan_of(&settings, c->method, c->uri);
		if (plan.number != c->number || plan.need != c->need)
			fail_msg("%s %s: rule %zu", c->method,
			    c->uri, plan.number);
		if (plan.need == GATE_NEED_REFUSED)
			assert_int_equal(plan.http, c->http);
	}
	free_rules(&settings);
}

/* Every way around the rule for /admin/ ends at it, or is refused. */
static void
test_gate_rules_odd_path_does_not_get_around(void **state)
{
	static const struct {
		const char *uri;
		unsigned int http; /* 0: rule 5 */
	} cases[] = {
		{ "/admin//x", 0 }, { "/%61dmin/x", 0 },
		{ "/admin", 0 }, { "/admin/", 0 }, { "/admin/x/", 0 },
		{ "/admin/x;y", 0 }, { "http://h/admin/x", 0 },
		{ "/admin/a%2fb", 0 }, { "/admin/%2fb", 0 },
		{ "/admin/a%252Fb", 0 }, { "/admin/a%3fb", 0 },
		{ "//admin/x", 400 }, { "///admin", 400 },
		{ "//public/admin/x", 400 }, { "/%2fadmin", 400 },
		{ "/.//admin/x", 400 }, { "/./admin/x", 400 },
		{ "/public/../admin/x", 400 }, { "/admin/../public/x", 400 },
		{ "/public/%2e%2e/admin/x", 400 },
		{ "/x/../%61dmin/../admin/", 400 },
		{ "/public/..%2fadmin/x", 400 }, { "/public%2f../admin", 400 },
		{ "/public/..\\admin", 400 }, { "/public/%5c../admin", 400 },
		{ "/public/..;/admin/x", 400 }, { "/admin;x/y.css", 400 },
		{ "/public/;/../admin/", 400 },
		{ "/public/a;/../../admin/", 400 },
		{ "/public/a/..;/../admin/x", 400 },
		{ "/public/a/..%3b/../admin/x", 400 },
		{ "/admin/x%00.css", 400 }, { "/public#/../admin/x", 400 },
		{ "/public//../admin", 400 }, { "/../admin/x", 400 },
		{ "/admin/%", 400 }, { "/public/%c0%ae%c0%ae/admin", 400 },
		{ "/admin%2fx", 400 }, { "/admin%252fx", 400 },
		{ "/public%2fx", 400 }, { "/%2561dmin/x", 400 },
		{ "/admin%3fx", 400 }, { "/admin%23/x.css", 400 },
		{ "/admin%3b/x", 400 }, { "/;/admin", 400 },
		{ "*", 400 }, { "admin/x", 400 },
	};
	struct lk_settings settings;
	struct gate_plan plan;

	set_site(&settings);
	EACH(c, cases) {
		plan = plan_of(&settings, "GET", c->uri);
		if (c->http == 0 && plan.number != 5)
			fail_msg("%s: rule %zu", c->uri, plan.number);
		if (c->http != 0 && plan.http != c->http)
			fail_msg("%s: %u", c->uri, plan.http);
		assert_int_equal(plan.need, c->http == 0
		    ? GATE_NEED_SESSION : GATE_NEED_REFUSED);
	}
	free_rules(&settings);
}

/* With one rule for all readings it does not matter which one is right. */
static void
test_gate_rules_readings_matter_only_if_rules_differ(void **state)
{
	static const char *const uris[] = { "/a;b/c", "/a//b", "//a/b", "/a//",
		"/@scope%2fpkg", "/job/a%252Fb/", "/a%3Fb",
		"/proxy/http%3A%2F%2Fh",
		"/group%2Fproject/issues?a=%2f..", "/a;b=1/" };
	const struct lk_rule all = rule_of("/", LK_ACCESS_SESSION, NULL);
	struct lk_settings settings;

	set_rules(&settings, &all, 1);
	EACH(one, uris) {
		if (plan_of(&settings, "GET", *one).need != GATE_NEED_SESSION)
			fail_msg("%s", *one);
	}
	free_rules(&settings);
}

/* Rules that say the same but are two leave open which one was meant. */
static void
test_gate_rules_final_slash_counts_where_it_was_made(void **state)
{
	const struct lk_rule rules[] = {
		rule_of("/x", LK_ACCESS_DENY, NULL),
		rule_of("/", LK_ACCESS_PUBLIC, NULL),
	};
	static const char *const made[] = { "/x//", "/x/;a", "/x%2f", "/x;/",
		"/x;", "//x", "//a/x", "/a;b//x/..", "/x%252f", "/x%3f" };
	struct lk_settings settings;

	set_rules(&settings, rules, 2);
	EACH(c, made) {
		if (plan_of(&settings, "GET", *c).http != 400)
			fail_msg("%s", *c);
	}
	assert_int_equal(plan_of(&settings, "GET", "/x").http, 403);
	/* It is a path of its own, as the manual says. */
	assert_int_equal(plan_of(&settings, "GET", "/x/").need,
	    GATE_NEED_NOTHING);
	free_rules(&settings);
}

static void
test_gate_rules_method_that_no_rule_could_name_is_400(void **state)
{
	static const char *const bad[] = { "delete", "Delete", "DELETe",
		"dELETE",
		" DELETE", "DELETE ", "DEL ETE", "DELETE,GET", "GET,DELETE",
		"DELETE\t", "-GET", "1GET", "_", "G\xc3\x89T", "GET\x01",
		"{http.request.orig_method}", "*", "GET/",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG" };
	static const char *const good[] = { "GET", "X", "M-SEARCH",
		"VERSION-CONTROL", "PROPFIND", "MKCALENDAR", "BASELINE-CONTROL",
		"RPC_IN_DATA", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF" };
	const struct lk_rule rules[] = {
		rule_of("/", LK_ACCESS_DENY, "DELETE"),
		rule_of("/", LK_ACCESS_PUBLIC, NULL),
	};
	struct lk_settings settings;
	struct gate_plan plan;

	set_rules(&settings, rules, 2);
	EACH(c, bad) {
		plan = plan_of(&settings, *c, "/");
		if (plan.need != GATE_NEED_REFUSED || plan.http != 400)
			fail_msg("%s", *c);
	}
	EACH(c, good) {
		if (plan_of(&settings, *c, "/").need != GATE_NEED_NOTHING)
			fail_msg("%s", *c);
	}
	assert_int_equal(plan_of(&settings, "DELETE", "/").http, 403);
	free_rules(&settings);
}

/* ---- Two paths --------------------------------------------------------- */

static struct gate_plan
plan_with(const struct lk_settings *settings, const char *method,
    const char *const *headers)
{
	char room[4][128], *env[5] = { NULL };
	const struct gate_request request = { .authorizer = true, .env = env,
		.method = method, .uri = "/files/a" };
	struct gate_plan plan;
	size_t i;

	for (i = 0; i < 4 && headers[i] != NULL; i++) {
		(void)snprintf(room[i], sizeof(room[i]), "%s", headers[i]);
		env[i] = room[i];
	}
	memset(&plan, 0xff, sizeof(plan));
	gate_plan(settings, &request, &plan);
	assert_int_equal(plan.to_number == 0, plan.to == NULL);
	return (plan);
}

/* The rule of the destination, from 1 on; or what it is refused with. */
static void
test_gate_rules_destination_has_a_rule_too(void **state)
{
	static const char host[] = "HTTP_HOST=dav.example:8080";
	static const struct {
		const char *method;
		const char *headers[4];
		unsigned int to; /* a rule, 0 for none, or the answer */
	} cases[] = {
		{ "MOVE", { host, "HTTP_DESTINATION=/files/b" }, 1 },
		{ "COPY", { host, "HTTP_DESTINATION=/files/b" }, 1 },
		{ "MOVE", { "HTTP_DESTINATION=/files/b" }, 1 },
		{ "MOVE", { host,
		    "HTTP_DESTINATION=http://dav.example:8080/files/b" }, 1 },
		{ "MOVE", { host,
		    "HTTP_DESTINATION=HTTPS://DAV.example:8080/files/b" }, 1 },
		{ "MOVE", { "HTTP_HOST=dav.example",
		    "HTTP_DESTINATION=http://dav.example:80/files/b" }, 1 },
		{ "MOVE", { "HTTP_HOST=dav.example:443",
		    "HTTP_DESTINATION=https://dav.example/files/b" }, 1 },
		{ "MOVE", { host, "HTTP_DESTINATION=/public/b" }, 3 },
		{ "MOVE", { host, "HTTP_DESTINATION=/bob/b" }, 4 },
		{ "PROPFIND", { host, "HTTP_DESTINATION=/bob/b" }, 4 },
		{ "PROPFIND", { host }, 0 },
		{ "GET", { NULL }, 0 },
		/* Refused. */
		{ "MOVE", { host, "HTTP_DESTINATION=/locked/b" }, 403 },
		{ "COPY", { host, "HTTP_DESTINATION=/half/b" }, 403 },
		{ "GET", { host, "HTTP_DESTINATION=/locked/b" }, 403 },
		{ "MOVE", { host, "HTTP_DESTINATION=/nowhere" }, 403 },
		{ "MOVE", { host }, 400 }, { "COPY", { NULL }, 400 },
		{ "MOVE", { host, "HTTP_DESTINATION=" }, 400 },
		{ "GET", { host, "HTTP_DESTINATION=" }, 400 },
		{ "MOVE", { host, "HTTP_DESTINATION=/files/b",
		    "HTTP_DESTINATION=/files/b" }, 400 },
		{ "MOVE", { host, "HTTP_DESTINATION=/files/b, /locked/b" },
		    400 },
		{ "MOVE", { host, "HTTP_DESTINATION=/files/../locked/b" },
		    400 },
		{ "MOVE", { host, "HTTP_DESTINATION=/files/%2e%2e/files/b" },
		    400 },
		{ "MOVE", { host, "HTTP_DESTINATION=/files%2fb" }, 400 },
		{ "MOVE", { host, "HTTP_DESTINATION=//files/b" }, 400 },
		{ "MOVE", { host, "HTTP_DESTINATION=files/b" }, 400 },
		{ "MOVE", { host, "HTTP_DESTINATION=ftp://x/files/b" }, 400 },
		{ "MOVE", { host,
		    "HTTP_DESTINATION=http://other:8080/files/b" }, 400 },
		{ "MOVE", { host,
		    "HTTP_DESTINATION=http://dav.example/files/b" }, 400 },
		{ "MOVE", { host,
		    "HTTP_DESTINATION=http://x@dav.example:8080/files/b" },
		    400 },
		{ "MOVE", {
		    "HTTP_DESTINATION=http://dav.example:8080/files/b" }, 400 },
		{ "MOVE", { host, "HTTP_HOST=other",
		    "HTTP_DESTINATION=http://dav.example:8080/files/b" }, 400 },
		{ "BIND", { host, "HTTP_DESTINATION=/files/b" }, 400 },
		{ "UNBIND", { host }, 400 }, { "REBIND", { host }, 400 },
	};
	const struct lk_rule rules[] = {
		rule_of("/files/", LK_ACCESS_SESSION, NULL),
		rule_of("/locked/", LK_ACCESS_DENY, NULL),
		rule_of("/public/", LK_ACCESS_PUBLIC, NULL),
		rule_of("/bob/", LK_ACCESS_SESSION, NULL),
		rule_of("/half/", LK_ACCESS_SESSION, "MOVE"),
	};
	struct lk_settings settings;
	struct gate_plan plan;
	size_t i;

	set_rules(&settings, rules, COUNT(rules));
	for (i = 0; i < COUNT(cases); i++) {
		plan = plan_with(&settings, cases[i].method,
		    cases[i].headers);
		if (cases[i].to >= 400 ? plan.need != GATE_NEED_REFUSED ||
		            plan.http != cases[i].to
		                       : plan.need != GATE_NEED_SESSION ||
		            plan.to_number != cases[i].to)
			fail_msg("case %zu: %u, rule %zu", i, plan.http,
			    plan.to_number);
	}
	free_rules(&settings);
}

/* Whoever may move something away need not be let in where it is to go. */
static void
test_gate_rules_destination_asks_for_as_much(void **state)
{
	static const char *const to_bob[4] = { "HTTP_DESTINATION=/bob/b" };
	const struct lk_rule rules[] = {
		rule_of("/files/", LK_ACCESS_PUBLIC, NULL),
		rule_of("/bob/", LK_ACCESS_SESSION, NULL),
	};
	struct lk_session session = { .user = "alice" };
	struct lk_requirement require = { .any.quoted = true };
	struct lk_settings settings;
	struct gate_plan plan;

	set_rules(&settings, rules, 2);
	settings.gate.rules.v[1].users = strings_of("bob", NULL);
	plan = plan_with(&settings, "MOVE", to_bob);
	assert_int_equal(plan.need, GATE_NEED_SESSION);
	assert_non_null(gate_plan_refuses(&plan, &session, NULL));
	(void)snprintf(session.user, sizeof(session.user), "bob");
	assert_null(gate_plan_refuses(&plan, &session, NULL));
	settings.gate.rules.v[1].require.v = &require;
	settings.gate.rules.v[1].require.n = 1;
	plan = plan_with(&settings, "MOVE", to_bob);
	assert_int_equal(plan.need, GATE_NEED_USER);
	settings.gate.rules.v[1].require.v = NULL;
	settings.gate.rules.v[1].require.n = 0;
	free_rules(&settings);
}

static void
test_gate_rules_incomplete_request_is_refused(void **state)
{
	const struct lk_rule all = rule_of("/", LK_ACCESS_PUBLIC, NULL);
	struct gate_request request = { .method = "GET", .uri = "/" };
	struct lk_settings settings;
	struct gate_plan plan;

	set_rules(&settings, &all, 1);
	assert_int_equal(plan_of(&settings, NULL, "/").http, 400);
	assert_int_equal(plan_of(&settings, "", "/").http, 400);
	assert_int_equal(plan_of(&settings, "GET", NULL).http, 400);
	assert_int_equal(plan_of(&settings, "GET", "").http, 400);
	gate_plan(&settings, &request, &plan);
	assert_int_equal(plan.need, GATE_NEED_REFUSED);
	assert_int_equal(plan.http, 404);
	settings.gate.rules.v[0].access = 99;
	assert_int_equal(plan_of(&settings, "GET", "/").http, 403);
	free_rules(&settings);
	assert_int_equal(plan_of(&settings, "GET", "/").http, 403);
}

static void
test_gate_rules_detail_is_asked_for_if_needed(void **state)
{
	struct lk_requirement require = { .any.quoted = true };
	struct lk_rule all = rule_of("/", LK_ACCESS_SESSION, NULL);
	struct lk_settings settings;

	set_rules(&settings, &all, 1);
	assert_int_equal(plan_of(&settings, "GET", "/").need,
	    GATE_NEED_SESSION);
	settings.gate.detail = true;
	assert_int_equal(plan_of(&settings, "GET", "/").need, GATE_NEED_USER);
	settings.gate.detail = false;
	settings.gate.rules.v[0].require.v = &require;
	settings.gate.rules.v[0].require.n = 1;
	assert_int_equal(plan_of(&settings, "GET", "/").need, GATE_NEED_USER);
	settings.gate.rules.v[0].access = LK_ACCESS_PUBLIC;
	assert_int_equal(plan_of(&settings, "GET", "/").need,
	    GATE_NEED_NOTHING);
	settings.gate.rules.v[0].require.v = NULL;
	settings.gate.rules.v[0].require.n = 0;
	free_rules(&settings);
}

/* ---- Hosts --------------------------------------------------------------- */

/* NULL: the web server does not say which one it chose. */
static struct gate_plan
plan_of_host(const struct lk_settings *settings, const char *host,
    const char *again)
{
	char texts[3][300] = { "HTTP_HOST=wiki.example" };
	char *env[] = { texts[0], NULL, NULL, NULL };
	const struct gate_request request = { .authorizer = true, .env = env,
		.method = "GET", .uri = "/x" };
	struct gate_plan plan;
	size_t n = 1;

	if (host != NULL) {
		(void)snprintf(texts[1], sizeof(texts[1]), "LATCHKEY_HOST=%s",
		    host);
		env[n++] = texts[1];
	}
	if (again != NULL) {
		(void)snprintf(texts[2], sizeof(texts[2]), "LATCHKEY_HOST=%s",
		    again);
		env[n++] = texts[2];
	}
	memset(&plan, 0xff, sizeof(plan));
	gate_plan(settings, &request, &plan);
	return (plan);
}

static void
test_gate_rules_by_the_host_that_the_server_chose(void **state)
{
	static const char too_long[] =
	    "1234567890123456789012345678901234567890123456789012345678901234"
	    ".example";
	static const struct {
		const char *host;
		size_t number;
	} cases[] = {
		{ "wiki.example", 1 },
		{ "WIKI.example", 1 },
		{ "www.example", 2 },
		{ "a.b.example", 2 },
		{ "example", 3 },
		{ "xexample", 3 },
		{ "wiki.example.evil", 3 },
		{ "127.0.0.1", 3 },
		/* Not said, or no name. */
		{ NULL, 0 },
		{ "", 0 },
		{ "wiki.example.", 0 },
		{ "wiki.example:80", 0 },
		{ ".example", 0 },
		{ "*.example", 0 },
		{ "wiki_.example", 0 },
		{ "wiki.example www.example", 0 },
		{ "[::1]", 0 },
		{ "a..example", 0 },
		{ "-a.example", 0 },
		{ too_long, 0 },
	};
	struct lk_rule rules[] = { rule_of("/", LK_ACCESS_DENY, NULL),
		rule_of("/", LK_ACCESS_SESSION, NULL),
		rule_of("/", LK_ACCESS_PUBLIC, NULL) };
	struct lk_settings settings;
	struct gate_plan plan;

	rules[0].hosts = strings_of("other", "wiki.example");
	rules[1].hosts = strings_of("*.example", NULL);
	set_rules(&settings, rules, COUNT(rules));
	EACH(c, cases) {
		plan = plan_of_host(&settings, c->host, NULL);
		if (plan.number != c->number)
			fail_msg("%s: rule %zu", c->host, plan.number);
		if (c->number == 0)
			assert_int_equal(plan.http, 400);
	}
	plan = plan_of_host(&settings, "www.example", "www.example");
	assert_int_equal(plan.need, GATE_NEED_REFUSED);
	free_rules(&settings);
}

static void
test_gate_rules_without_hosts_ask_for_none(void **state)
{
	const struct lk_rule rules[] = { rule_of("/", LK_ACCESS_PUBLIC,
	    NULL) };
	struct lk_settings settings;

	set_rules(&settings, rules, COUNT(rules));
	assert_int_equal(plan_of_host(&settings, NULL, NULL).number, 1);
	assert_int_equal(plan_of_host(&settings, "*", NULL).number, 1);
	free_rules(&settings);
}

/* ---- Requirements -------------------------------------------------------- */

static const char detail[] = "{\"role\":\"admin\",\"level\":3}";

/* Everything that a rule names must be so. */
static void
test_gate_rules_all_conditions_must_hold(void **state)
{
	char role[] = "role", level[] = "level", json[sizeof(detail)];
	struct lk_requirement requires[] = {
		{ .field = role, .any = { true, strings_of("admin", NULL) } },
		{ .field = level, .any = { false, strings_of("3", NULL) } },
	};
	struct lk_rule rule = { .users = strings_of("bob", "alice"),
		.clients = strings_of("web", NULL),
		.require = { requires, 2 } };
	struct lk_session session = { .user = "alice", .client = "web" };
	struct lk_user user = { .detail = json };

	memcpy(json, detail, sizeof(detail));
	assert_null(gate_rule_refuses(&rule, &session, &user));
	session.client[0] = '\0';
	assert_non_null(gate_rule_refuses(&rule, &session, &user));
	(void)snprintf(session.client, sizeof(session.client), "web");
	(void)snprintf(session.user, sizeof(session.user), "alic");
	assert_non_null(gate_rule_refuses(&rule, &session, &user));
	(void)snprintf(session.user, sizeof(session.user), "bob");
	assert_null(gate_rule_refuses(&rule, &session, &user));
	requires[1].any.texts.v[0][0] = '4';
	assert_non_null(gate_rule_refuses(&rule, &session, &user));
	requires[1].any.texts.v[0][0] = '3';
	assert_null(gate_rule_refuses(&rule, &session, &user));
	user.detail = NULL;
	assert_non_null(gate_rule_refuses(&rule, &session, &user));
	assert_non_null(gate_rule_refuses(&rule, &session, NULL));
	rule.require.n = 0;
	assert_null(gate_rule_refuses(&rule, &session, NULL));
	lk_strings_free(&rule.users);
	lk_strings_free(&rule.clients);
	lk_strings_free(&requires[0].any.texts);
	lk_strings_free(&requires[1].any.texts);
}

#include "support/suite.h"
