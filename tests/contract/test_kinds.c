/* What every store promises about kinds of clients, and lives that end. */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "children.h"

#define TABLE(more)                                               \
	"clients = ( { kinds = [ \"web\" ]; max = 3; " more " }," \
	" { kinds = [ \"ios\", \"android\" ]; max = 1; },"        \
	" { kinds = [ \"ssh\" ]; max = 2; on_limit = \"refuse\"; } );"

static struct world *
settle(void **state, const char *session)
{
	struct world *world = *state;

	/* Its sessions have no kinds. */
	if (world_is_gosession(world) && strstr(session, "clients") != NULL)
		skip();
	world_settle(world, session, "", "");
	return (world);
}

static enum lk_status
issue(struct world *world, const char *client, int64_t ttl,
    struct lk_token *token)
{
	const struct lk_issue_options options = { .client = client,
		.ttl = ttl };

	return (lk_issue(world->m, "alice", &options, token, NULL));
}

static void
assert_live(struct world *world, bool live, const struct lk_token *token)
{
	struct lk_session session;

	assert_status(live ? LK_OK : LK_UNKNOWN,
	    world_check(world, token, &session));
}

/* ---- Limits ------------------------------------------------------------ */

static void
test_kinds_the_oldest_of_the_row_ends_and_no_other(void **state)
{
	struct world *world = settle(state, TABLE(""));
	struct lk_token web[4], ios, android, none;
	size_t i;

	assert_status(LK_OK, issue(world, NULL, 60, &none));
	assert_status(LK_OK, issue(world, "ios", 60, &ios));
	for (i = 0; i < 4; i++)
		assert_status(LK_OK, issue(world, "web", 60, &web[i]));
	assert_live(world, false, &web[0]);
	for (i = 1; i < 4; i++)
		assert_live(world, true, &web[i]);
	assert_live(world, true, &ios);
	assert_status(LK_OK, issue(world, "android", 60, &android));
	assert_live(world, false, &ios);
	assert_live(world, true, &android);
	assert_live(world, true, &none);
	assert_int_equal(world_count(world, "alice"), 5);
}

static void
test_kinds_a_row_that_refuses_ends_nothing(void **state)
{
	struct world *world = settle(state, TABLE(""));
	struct lk_token ssh[2], more, dies;
	uint64_t revoked;

	assert_status(LK_OK, issue(world, "ssh", 60, &ssh[0]));
	assert_status(LK_OK, issue(world, "ssh", 60, &ssh[1]));
	assert_status(LK_LIMIT, issue(world, "ssh", 60, &more));
	assert_int_equal(more.len, 0);
	assert_live(world, true, &ssh[0]);
	assert_live(world, true, &ssh[1]);
	/* What ends makes room, by itself or not. */
	assert_status(LK_OK, lk_revoke(world->m, &ssh[0], NULL, &revoked));
	assert_status(LK_OK, issue(world, "ssh", 1, &dies));
	assert_status(LK_LIMIT, issue(world, "ssh", 60, &more));
	assert_status(LK_EXPIRED, world_wait_for_end(world, &dies));
	assert_status(LK_OK, issue(world, "ssh", 60, &more));
}

static void
test_kinds_the_limit_of_all_counts_after_that_of_the_row(void **state)
{
	struct world *world = settle(state, TABLE("") "max_per_user = 3;");
	struct lk_token none, web[3], ios;
	size_t i;

	assert_status(LK_OK, issue(world, NULL, 60, &none));
	for (i = 0; i < 3; i++)
		assert_status(LK_OK, issue(world, "web", 60, &web[i]));
	assert_live(world, false, &none);
	assert_live(world, true, &web[0]);
	assert_status(LK_OK, issue(world, "ios", 60, &ios));
	assert_live(world, false, &web[0]);
	assert_int_equal(world_count(world, "alice"), 3);
}

static void
test_kinds_a_user_limit_that_refuses_ends_nothing_of_the_row(void **state)
{
	struct world *world = settle(state,
	    TABLE(
	        "on_limit = \"oldest\";")
	        "max_per_user = 3; on_limit = \"refuse\";");
	struct lk_token web[3], ios, more;
	size_t i;

	for (i = 0; i < 3; i++)
		assert_status(LK_OK, issue(world, "web", 60, &web[i]));
	assert_status(LK_LIMIT, issue(world, "ios", 60, &ios));
	assert_live(world, true, &web[0]);
	/* One for another of the same row is not one more. */
	assert_status(LK_OK, issue(world, "web", 60, &more));
	assert_live(world, false, &web[0]);
	assert_int_equal(world_count(world, "alice"), 3);
}

static void
test_kinds_that_are_not_listed_can_be_refused(void **state)
{
	struct world *world = settle(state, TABLE("") "unlisted = \"refuse\";");
	struct lk_token token;

	assert_status(LK_FORBIDDEN, issue(world, NULL, 60, &token));
	assert_status(LK_FORBIDDEN, issue(world, "WEB", 60, &token));
	assert_status(LK_FORBIDDEN, issue(world, "we", 60, &token));
	assert_int_equal(token.len, 0);
	assert_status(LK_OK, issue(world, "web", 60, &token));
}

/* ---- Lives ------------------------------------------------------------- */

static void
test_kinds_have_lives_of_their_own(void **state)
{
	struct world *world = settle(state,
	    TABLE("ttl = 100; max_life = 200;") "ttl = 50; max_life = 1000;");
	struct lk_session session;
	struct lk_token web, none;

	assert_status(LK_OK, issue(world, "web", 0, &web));
	assert_status(LK_OK, world_check(world, &web, &session));
	world_assert_ttl(session.ttl, 100);
	assert_status(LK_OK, lk_refresh(world->m, &web, 5000, &session));
	world_assert_ttl(session.ttl, 200);
	assert_status(LK_OK, lk_refresh(world->m, &web, 0, &session));
	world_assert_ttl(session.ttl, 100);
	assert_status(LK_OK, issue(world, NULL, 5000, &none));
	assert_status(LK_OK, world_check(world, &none, &session));
	world_assert_ttl(session.ttl, 1000);
}

static void
test_life_is_not_outlived_by_refreshing(void **state)
{
	struct world *world = settle(state, "ttl = 1; max_life = 2;");
	struct lk_session session;
	struct lk_token token;
	enum lk_status status;
	int64_t issued_at;

	assert_status(LK_OK, issue(world, NULL, 1, &token));
	assert_status(LK_OK, world_check(world, &token, &session));
	issued_at = session.expires_at - 1;
	do {
		status = lk_refresh(world->m, &token, 1000, &session);
		if (status == LK_OK)
			assert_in_range(session.expires_at, issued_at,
			    issued_at + 3);
	} while (status == LK_OK);
	assert_status(LK_EXPIRED, status);
	/* Whatever the settings say by then. */
	world_settle(world, "", "", "");
	assert_status(LK_EXPIRED, lk_refresh(world->m, &token, 1000, &session));
}

static void
test_life_is_fixed_at_issue(void **state)
{
	struct world *world = settle(state, "max_life = 100;");
	struct lk_session session;
	struct lk_token bounded, free;

	assert_status(LK_OK, issue(world, NULL, 50, &bounded));
	world_settle(world, "", "", "");
	assert_status(LK_OK, issue(world, NULL, 50, &free));
	assert_status(LK_OK, lk_refresh(world->m, &bounded, 5000, &session));
	world_assert_ttl(session.ttl, 100);
	world_settle(world, "max_life = 100;", "", "");
	assert_status(LK_OK, lk_refresh(world->m, &free, 5000, &session));
	world_assert_ttl(session.ttl, 5000);
}

/* ---- Programs of the version before ------------------------------------ */

static struct world *
settle_sqlite(void **state, const char *session)
{
	if (!world_is_sqlite(*state))
		skip();
	return (settle(state, session));
}

static void
run(struct world *world, const char *text)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(world_store_path(world), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(db);
}

/* They extend sessions by a statement that knows no such end. */
static void
test_life_is_not_outlived_by_the_program_before(void **state)
{
	struct world *world = settle_sqlite(state, "max_life = 100;");
	struct lk_session session;
	struct lk_token token;

	assert_status(LK_OK, issue(world, NULL, 50, &token));
	run(world, "UPDATE session SET expires_ms = expires_ms + 9000000");
	assert_status(LK_OK, world_check(world, &token, &session));
	world_assert_ttl(session.ttl, 100);
	run(world, "DELETE FROM session");
	assert_live(world, false, &token);
}

/* Its sessions have no such end recorded, and its file no tables beside. */
static void
test_life_of_a_session_of_the_program_before(void **state)
{
	struct world *world = settle_sqlite(state, "max_life = 100;" TABLE(""));
	struct lk_session session;
	struct lk_token token, web;
	size_t i;

	assert_status(LK_OK, issue(world, "web", 50, &token));
	lk_manager_free(world->m);
	run(world,
	    "DROP TABLE beside; DROP TABLE ended; DROP TABLE history;"
	    "DROP INDEX session_by_issue;"
	    "DROP TRIGGER session_gone; DROP TRIGGER session_extended");
	world->m = world_manager(world);
	assert_status(LK_OK, lk_refresh(world->m, &token, 5000, &session));
	world_assert_ttl(session.ttl, 100);
	/* They count for their kind all the same. */
	for (i = 0; i < 3; i++)
		assert_status(LK_OK, issue(world, "web", 50, &web));
	assert_live(world, false, &token);
}

/* ---- Many at once ------------------------------------------------------ */

#define PROCESSES 25
#define LOGINS 8

struct tally {
	int issued, refused;
};

/* Log in by two kinds, all together with the others. */
static int
log_in(struct task *task)
{
	struct lk_issue_options options = { .ttl = 600 };
	struct tally tally = { 0, 0 };
	enum lk_status status;
	struct lk_token token;
	int i;

	wait_for_parent(task);
	for (i = 0; i < LOGINS; i++) {
		options.client = i % 2 == 0 ? "one" : "five";
		do
			status = lk_issue(task->m, "alice", &options, &token,
			    NULL);
		while (status == LK_E_TIMEOUT);
		tally.issued += status == LK_OK;
		tally.refused += status == LK_LIMIT;
	}
	return (tell(task, &tally, sizeof(tally)) ? 0 : 1);
}

/* 200 logins of two kinds from 25 processes; how many were issued. */
static int
logins(struct world *world)
{
	struct child child[PROCESSES];
	struct tally tally;
	int p, issued = 0;

	for (p = 0; p < PROCESSES; p++)
		child_start(&child[p], world, log_in, NULL);
	for (p = 0; p < PROCESSES; p++)
		child_let_go(&child[p]);
	for (p = 0; p < PROCESSES; p++) {
		assert_true(child_says(&child[p], &tally, sizeof(tally)));
		assert_int_equal(tally.issued + tally.refused, LOGINS);
		issued += tally.issued;
		child_finish(&child[p]);
	}
	assert_int_equal(world_count(world, "alice"), 6);
	return (issued);
}

#define ONE_AND_FIVE                                      \
	"clients = ( { kinds = [ \"one\" ]; max = 1; }, " \
	"{ kinds = [ \"five\" ]; max = 5; } );"

static void
test_kinds_200_parallel_logins_leave_one_and_five(void **state)
{
	struct world *world = settle(state, ONE_AND_FIVE);

	assert_int_equal(logins(world), PROCESSES * LOGINS);
}

static void
test_kinds_200_parallel_logins_are_refused_but_one_and_five(void **state)
{
	struct world *world = settle(state,
	    ONE_AND_FIVE "on_limit = \"refuse\";");

	assert_int_equal(logins(world), 6);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_SESSIONS, tests, count)
#include "support/suite.h"
