#include "support/test.h"
#include "question/permit.h"

/* ---- Rows and callers -------------------------------------------------- */

static char *admin[] = { (char[]){ "admin" }, (char[]){ "root" }, NULL };
static char *web[] = { (char[]){ "web" }, NULL };
static char *web_and_app[] = { (char[]){ "web" }, (char[]){ "app" }, NULL };

static const struct lk_caller says[] = {
	/* Who only checks. */
	{ .per_minute = 3 },
	/* A login page. */
	{ .clients = { web, 1 },
	    .not_users = { admin, 2 },
	    .min_uid = 1000,
	    .max_ttl = 86400,
	    .per_minute = 600 },
	/* The same user for apps, whoever's: for an hour. */
	{ .clients = { web_and_app, 2 },
	    .not_users = { admin, 2 },
	    .max_ttl = 3600 },
	/* Nobody. */
	{ .max_ttl = 0 },
};

static uid_t postgres[] = { 101 }, login[] = { 33 };
static uid_t nobody[] = { AGENT_NOBODY };
static gid_t mail[] = { 8, AGENT_NOBODY };

static struct agent_row rows_v[] = {
	{ &says[0], LK_MAY_CHECK, postgres, 1, mail, 2 },
	{ &says[1], LK_MAY_ISSUE | LK_MAY_REVOKE | LK_MAY_LIST, login, 1, NULL,
	    0 },
	{ &says[2], LK_MAY_ISSUE | LK_MAY_REFRESH, login, 1, NULL, 0 },
	{ &says[3], LK_MAY_CHECK | LK_MAY_ISSUE, nobody, 1, NULL, 0 },
};

static const struct agent_rows rows = { 990, rows_v,
	sizeof(rows_v) / sizeof(rows_v[0]) };

static enum agent_permission
ask(uid_t uid, gid_t gid, const struct agent_about *about,
    struct agent_permit *permit)
{
	gid_t groups[] = { 5000, gid };
	const struct agent_caller caller = { uid, 1, groups, 2 };

	return (agent_permit(&rows, &caller, about, permit));
}

/* ---- Cases ------------------------------------------------------------- */

#define ALL AGENT_ROW_NONE
#define MAY(what) .may = LK_MAY_##what
#define THERE(n) .account = AGENT_ACCOUNT_THERE, .uid = (n)
#define NAMED(id) .named = true, .user = (id)

static const struct {
	const char *what;
	uid_t uid;
	gid_t gid;
	struct agent_about about;
	enum agent_permission permission;
	size_t row;
} cases[] = {
	{ "root", 0, 0,
	    { MAY(ISSUE), NAMED("root"), .client = "", .ttl = LK_TTL_MAX },
	    AGENT_PERMITTED, ALL },
	{ "the agent's own user", 990, 990,
	    { MAY(USER), NAMED("root") }, AGENT_PERMITTED, ALL },
	{ "root's group alone", 500, 0, { MAY(CHECK) }, AGENT_NO_ROW, ALL },
	{ "nobody has a row", 500, 500, { MAY(CHECK) }, AGENT_NO_ROW, ALL },
	{ "nor for what takes any", 500, 500, { MAY(NOTHING) }, AGENT_NO_ROW,
	    ALL },
	{ "any row", 101, 101, { MAY(NOTHING) }, AGENT_PERMITTED, 0 },
	{ "a user who may check", 101, 101, { MAY(CHECK) }, AGENT_PERMITTED,
	    0 },
	{ "a group that may", 500, 8, { MAY(CHECK) }, AGENT_PERMITTED, 0 },
	{ "by id as well", 101, 101, { MAY(CHECK), .named = true },
	    AGENT_PERMITTED, 0 },
	{ "but not issue", 101, 101,
	    { MAY(ISSUE), NAMED("alice"), .client = "web" }, AGENT_NO_ROW,
	    ALL },
	{ "nor list", 101, 101, { MAY(LIST), NAMED("alice") }, AGENT_NO_ROW,
	    ALL },
	{ "nor revoke", 101, 101, { MAY(REVOKE) }, AGENT_NO_ROW, ALL },
	{ "nor refresh", 101, 101, { MAY(REFRESH) }, AGENT_NO_ROW, ALL },
	{ "nor load users", 101, 101, { MAY(USER), NAMED("alice") },
	    AGENT_NO_ROW, ALL },
	{ "the unmapped user matches no row", AGENT_NOBODY, AGENT_NOBODY,
	    { MAY(CHECK) }, AGENT_NO_ROW, ALL },
	{ "nor the unmapped group", 500, AGENT_NOBODY, { MAY(CHECK) },
	    AGENT_NO_ROW, ALL },
	{ "no user at all", (uid_t)-1, (gid_t)-1, { MAY(CHECK) },
	    AGENT_NO_ROW, ALL },

	{ "an account is to be looked up", 33, 33,
	    { MAY(ISSUE), NAMED("alice"), .client = "web" },
	    AGENT_NEEDS_ACCOUNT, ALL },
	{ "and is one", 33, 33,
	    { MAY(ISSUE), NAMED("alice"), .client = "web", THERE(1000) },
	    AGENT_PERMITTED, 1 },
	{ "of the longest life", 33, 33,
	    { MAY(ISSUE), NAMED("alice"), .client = "web", .ttl = 86400,
	        THERE(1000) },
	    AGENT_PERMITTED, 1 },
	{ "and not longer", 33, 33,
	    { MAY(ISSUE), NAMED("alice"), .client = "web", .ttl = 86401,
	        THERE(1000) },
	    AGENT_OUT_OF_BOUNDS, ALL },
	{ "the number is too low: the next row", 33, 33,
	    { MAY(ISSUE), NAMED("daemon"), .client = "web", THERE(1) },
	    AGENT_PERMITTED, 2 },
	{ "there rows do not add up", 33, 33,
	    { MAY(ISSUE), NAMED("daemon"), .client = "web", .ttl = 3601,
	        THERE(1) },
	    AGENT_OUT_OF_BOUNDS, ALL },
	{ "no account: the next row", 33, 33,
	    { MAY(ISSUE), NAMED("x"), .client = "web",
	        .account = AGENT_ACCOUNT_NONE },
	    AGENT_PERMITTED, 2 },
	{ "nobody can tell, and the next row need not know", 33, 33,
	    { MAY(ISSUE), NAMED("x"), .client = "web",
	        .account = AGENT_ACCOUNT_AWAY },
	    AGENT_PERMITTED, 2 },
	{ "nobody can tell, and it matters", 33, 33,
	    { MAY(ISSUE), NAMED("x"), .client = "web", .ttl = 7200,
	        .account = AGENT_ACCOUNT_AWAY },
	    AGENT_CANNOT_TELL, ALL },
	{ "to list: an account of no number", 33, 33,
	    { MAY(LIST), NAMED("x"), THERE((uid_t)-1) }, AGENT_OUT_OF_BOUNDS,
	    ALL },
	{ "to list: no account", 33, 33,
	    { MAY(LIST), NAMED("x"), .account = AGENT_ACCOUNT_NONE },
	    AGENT_OUT_OF_BOUNDS, ALL },
	{ "to list: nobody can tell", 33, 33,
	    { MAY(LIST), NAMED("x"), .account = AGENT_ACCOUNT_AWAY },
	    AGENT_CANNOT_TELL, ALL },
	{ "who is not to be", 33, 33,
	    { MAY(ISSUE), NAMED("admin"), .client = "web", THERE(1000) },
	    AGENT_OUT_OF_BOUNDS, ALL },
	{ "spelled otherwise he is another", 33, 33,
	    { MAY(ISSUE), NAMED("Admin"), .client = "web", THERE(1000) },
	    AGENT_PERMITTED, 1 },
	{ "another kind: the next row", 33, 33,
	    { MAY(ISSUE), NAMED("alice"), .client = "app", THERE(1000) },
	    AGENT_PERMITTED, 2 },
	{ "a kind of neither", 33, 33,
	    { MAY(ISSUE), NAMED("alice"), .client = "ssh", THERE(1000) },
	    AGENT_OUT_OF_BOUNDS, ALL },
	{ "no kind is none of them", 33, 33,
	    { MAY(ISSUE), NAMED("alice"), .client = "", THERE(1000) },
	    AGENT_OUT_OF_BOUNDS, ALL },
	{ "another row's verb has its bounds alone", 33, 33,
	    { MAY(REVOKE), NAMED("alice"), .client = "app", THERE(1000) },
	    AGENT_OUT_OF_BOUNDS, ALL },

	{ "whose id it is must be known", 33, 33,
	    { MAY(REVOKE), .named = true }, AGENT_NEEDS_SESSION, ALL },
	{ "and then whether he may be", 33, 33,
	    { MAY(REVOKE), NAMED("root"), .client = "web" },
	    AGENT_OUT_OF_BOUNDS, ALL },
	{ "a presented token is anybody's", 33, 33, { MAY(REVOKE) },
	    AGENT_PERMITTED, 1 },
	{ "refreshed within the row", 33, 33, { MAY(REFRESH), .ttl = 3600 },
	    AGENT_PERMITTED, 2 },
	{ "and not for longer", 33, 33, { MAY(REFRESH), .ttl = 3601 },
	    AGENT_OUT_OF_BOUNDS, ALL },
};

static void
test_agent_permit_case_by_case(void **state)
{
	struct agent_permit permit;
	enum agent_permission got;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		got = ask(cases[i].uid, cases[i].gid, &cases[i].about, &permit);
		if (got != cases[i].permission || permit.row != cases[i].row)
			fail_msg("%s: %d by row %zd", cases[i].what, got,
			    (ssize_t)permit.row);
	}
}

static void
test_agent_permit_zeroed_denies(void **state)
{
	const struct agent_rows none = { .own = 990 };
	const struct agent_caller caller = { .uid = 33 };
	const struct agent_about about = { MAY(NOTHING) };
	enum agent_permission zero = { 0 };
	struct agent_permit permit;

	(void)state;
	assert_int_equal(zero, AGENT_NO_ROW);
	assert_int_equal(agent_permit(&none, &caller, &about, &permit), zero);
	assert_false(agent_rows_have(&none, &caller));
}

static void
test_agent_permit_unmapped_user_is_never_the_agents(void **state)
{
	const struct agent_rows none = { .own = AGENT_NOBODY };
	const struct agent_caller caller = { .uid = AGENT_NOBODY };
	const struct agent_about about = { MAY(CHECK) };
	struct agent_permit permit;

	(void)state;
	assert_int_equal(agent_permit(&none, &caller, &about, &permit),
	    AGENT_NO_ROW);
}

static void
test_agent_permit_hands_its_bounds_on(void **state)
{
	const struct agent_about about = { MAY(LIST), NAMED("alice"),
		THERE(1000) };
	const struct agent_about check = { MAY(CHECK) };
	struct agent_permit permit;

	(void)state;
	assert_int_equal(ask(33, 33, &about, &permit), AGENT_PERMITTED);
	assert_int_equal(permit.max_ttl, 86400);
	assert_int_equal(permit.per_minute, 600);
	assert_string_equal(permit.clients->v[0], "web");
	assert_int_equal(ask(101, 101, &check, &permit), AGENT_PERMITTED);
	assert_int_equal(permit.per_minute, 3);
	assert_null(permit.clients);
}

#include "support/suite.h"
