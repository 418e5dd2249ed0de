/* What every store and layout promises about how many sessions a user has. */
#include <pthread.h>

#include "world.h"

static void
test_single_mode_second_login_ends_the_first(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token first, second, other;

	world_settle(world, "single = true;", "", "");
	world_issue(world, "bob", 600, &other, NULL);
	world_issue(world, "alice", 600, &first, NULL);
	world_issue(world, "alice", 600, &second, NULL);
	assert_status(LK_UNKNOWN, world_check(world, &first, &session));
	assert_status(LK_OK, world_check(world, &second, &session));
	assert_status(LK_OK, world_check(world, &other, &session));
	assert_int_equal(world_count(world, "alice"), 1);
}

static void
test_limit_of_three_ends_the_oldest(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token[10];
	size_t i;

	world_settle(world, "max_per_user = 3;", "", "");
	for (i = 0; i < 10; i++) {
		world_issue(world, "alice", 600, &token[i], NULL);
		assert_int_equal(
		    world_count(world, "alice"), i < 3 ? i + 1 : 3);
		assert_status(LK_OK, world_check(world, &token[i], &session));
		if (i >= 3)
			assert_status(LK_UNKNOWN,
			    world_check(world, &token[i - 3], &session));
	}
}

static void
test_limit_counts_only_what_lives(void **state)
{
	struct world *world = *state;
	struct lk_token lives, dies, revoked_token, fresh, newest;
	struct lk_session session;
	uint64_t revoked;

	world_settle(world, "max_per_user = 3;", "", "");
	world_issue(world, "alice", 600, &lives, NULL);
	world_issue(world, "alice", 600, &revoked_token, NULL);
	world_issue(world, "alice", 1, &dies, NULL);
	assert_status(
	    LK_OK, lk_revoke(world->m, &revoked_token, NULL, &revoked));
	assert_status(LK_EXPIRED, world_wait_for_end(world, &dies));
	world_issue(world, "alice", 600, &fresh, NULL);
	world_issue(world, "alice", 600, &newest, NULL);
	assert_status(LK_OK, world_check(world, &lives, &session));
	assert_status(LK_OK, world_check(world, &fresh, &session));
	assert_status(LK_OK, world_check(world, &newest, &session));
}

static void
test_limit_lowered_later_ends_all_that_are_over(void **state)
{
	struct world *world = *state;
	struct lk_token token;
	size_t i;

	for (i = 0; i < 50; i++)
		world_issue(world, "alice", 600, &token, NULL);
	world_settle(world, "max_per_user = 2;", "", "");
	world_issue(world, "alice", 600, &token, NULL);
	assert_int_equal(world_count(world, "alice"), 2);
}

/* ---- What an issue ended ------------------------------------------------ */

struct told {
	size_t n;
	char id[4][LK_SESSION_ID_MAX + 1];
};

static void
note_told(void *arg, const char *id)
{
	struct told *told = arg;

	if (told->n < 4)
		(void)snprintf(told->id[told->n], LK_SESSION_ID_MAX + 1, "%s",
		    id);
	told->n++;
}

/* The last issue has ended ${n} sessions, and says so: these are they, in
 * whatever order. */
static void
assert_told(struct world *world, size_t n, const struct lk_session *ended)
{
	struct told told = { .n = 0 };
	size_t i, j;

	assert_int_equal(lk_issue_ended(world->m, NULL, NULL), n);
	assert_int_equal(lk_issue_ended(world->m, note_told, &told), n);
	assert_int_equal(told.n, n);
	for (i = 0; i < n; i++) {
		for (j = 0; j < n; j++) {
			if (strcmp(told.id[j], ended[i].id) == 0)
				break;
		}
		assert_true(j < n);
	}
}

/* Issue one in the place of another, and say so as well by ${session}. */
static enum lk_status
replace(struct world *world, const struct lk_token *before,
    struct lk_token *token, struct lk_session *session)
{
	const struct lk_issue_options options = { .ttl = 600,
		.replaces = before };

	return (lk_issue(world->m, "alice", &options, token, session));
}

static void
test_issue_tells_what_it_ended(void **state)
{
	struct world *world = *state;
	struct lk_session session[5], of_bob, checked;
	struct lk_token token[5], bob, dies;
	uint64_t revoked;
	size_t i;

	world_settle(world, "max_per_user = 3;", "", "");
	world_issue(world, "bob", 600, &bob, &of_bob);
	for (i = 0; i < 4; i++) {
		world_issue(world, "alice", 600, &token[i], &session[i]);
		assert_told(world, i == 3, &session[0]);
	}
	/* By the operation itself, and for no longer. */
	assert_status(LK_OK, lk_check(world->m, &token[3], &checked));
	assert_told(world, 0, NULL);
	/* One that it replaces; it is not over the limit then. */
	assert_status(
	    LK_OK, replace(world, &token[2], &token[4], &session[4]));
	assert_told(world, 1, &session[2]);
	/* One that is over, or was never. */
	assert_status(LK_OK, lk_revoke(world->m, &token[4], NULL, &revoked));
	assert_status(LK_OK, replace(world, &token[4], &token[2], &session[2]));
	assert_told(world, 0, NULL);
	/* Somebody else's, and one at the limit. */
	assert_status(LK_OK, replace(world, &bob, &token[4], &session[4]));
	session[0] = of_bob;
	assert_told(world, 2, session);
	assert_int_equal(world_count(world, "bob"), 0);
	/* Several, of which one ended by itself. */
	world_settle(world, "max_per_user = 4;", "", "");
	world_issue(world, "alice", 1, &dies, NULL);
	assert_told(world, 0, NULL);
	assert_status(LK_EXPIRED, world_wait_for_end(world, &dies));
	world_settle(world, "single = true;", "", "");
	world_issue(world, "alice", 600, &token[0], &session[0]);
	assert_told(world, 3, session + 2);
	/* What is refused has ended nothing. */
	world_settle(world, "single = true;", "", "");
	assert_int_equal(lk_issue(world->m, "", NULL, &dies, NULL), LK_E_INVAL);
	assert_told(world, 0, NULL);
	world_settle(world, "max_per_user = 1; on_limit = \"refuse\";", "", "");
	assert_status(LK_LIMIT, replace(world, NULL, &dies, NULL));
	assert_told(world, 0, NULL);
	assert_status(
	    LK_OK, replace(world, &token[0], &token[1], &session[1]));
	assert_told(world, 1, &session[0]);
}

/* ---- Many at once ------------------------------------------------------ */

#define THREADS 8
#define LOGINS 25

struct login {
	struct lk_manager *m;
	struct lk_token token[LOGINS];
	size_t issued;
};

static void *
log_in(void *arg)
{
	struct login *login = arg;
	size_t i;

	for (i = 0; i < LOGINS; i++) {
		if (lk_issue(login->m, "alice", NULL, &login->token[i],
		        NULL) == LK_OK)
			login->issued++;
	}
	return (NULL);
}

/* 200 logins of one user from eight threads; how many tokens still check. */
static size_t
logins_that_live(struct world *world)
{
	struct login *login = calloc(THREADS, sizeof(*login));
	pthread_t thread[THREADS];
	struct lk_session session;
	size_t t, i, live = 0;

	assert_non_null(login);
	for (t = 0; t < THREADS; t++) {
		login[t].m = world_manager(world);
		assert_int_equal(
		    pthread_create(&thread[t], NULL, log_in, &login[t]), 0);
	}
	for (t = 0; t < THREADS; t++)
		assert_int_equal(pthread_join(thread[t], NULL), 0);
	for (t = 0; t < THREADS; t++) {
		if (login[t].issued != LOGINS)
			fail_msg("%s", lk_manager_error(login[t].m));
		for (i = 0; i < LOGINS; i++) {
			if (world_check(world, &login[t].token[i], &session) ==
			    LK_OK)
				live++;
		}
		lk_manager_free(login[t].m);
	}
	free(login);
	return (live);
}

static void
test_single_mode_200_parallel_logins_leave_exactly_one(void **state)
{
	struct world *world = *state;

	world_settle(world, "single = true;", "", "");
	assert_int_equal(logins_that_live(world), 1);
	assert_int_equal(world_count(world, "alice"), 1);
}

static void
test_limit_200_parallel_logins_leave_exactly_five(void **state)
{
	struct world *world = *state;

	world_settle(world, "max_per_user = 5;", "", "");
	assert_int_equal(logins_that_live(world), 5);
	assert_int_equal(world_count(world, "alice"), 5);
}

static void
test_no_limit_200_parallel_logins_all_live(void **state)
{
	struct world *world = *state;

	assert_int_equal(logins_that_live(world), THREADS * LOGINS);
	assert_int_equal(world_count(world, "alice"), THREADS * LOGINS);
}

/* Revoke-all against logins: what was issued before it must be dead. */
static void *
log_in_and_forget(void *arg)
{
	struct login *login = arg;
	struct lk_session session;
	uint64_t revoked;
	size_t i;

	for (i = 0; i < LOGINS; i++) {
		if (lk_issue(login->m, "alice", NULL, &login->token[0],
		        NULL) != LK_OK ||
		    lk_revoke_all(login->m, "alice", NULL, &revoked) !=
		        LK_OK ||
		    lk_check(login->m, &login->token[0], &session) <= 0)
			return (NULL);
		/* A refresh that comes late must not bring it back. */
		if (lk_refresh(login->m, &login->token[0], 60, &session) <=
		    0)
			return (NULL);
		login->issued++;
	}
	return (NULL);
}

static void
test_revoke_all_among_parallel_logins_leaves_none(void **state)
{
	struct world *world = *state;
	struct login *login = calloc(THREADS, sizeof(*login));
	pthread_t thread[THREADS];
	size_t t;

	assert_non_null(login);
	for (t = 0; t < THREADS; t++) {
		login[t].m = world_manager(world);
		assert_int_equal(pthread_create(&thread[t], NULL,
		                     log_in_and_forget, &login[t]),
		    0);
	}
	for (t = 0; t < THREADS; t++) {
		assert_int_equal(pthread_join(thread[t], NULL), 0);
		assert_int_equal(login[t].issued, LOGINS);
		lk_manager_free(login[t].m);
	}
	assert_int_equal(world_count(world, "alice"), 0);
	free(login);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_SESSIONS, tests, count)
#include "support/suite.h"
