/*
 * Access tokens in every store and layout: a session that ends ends them, and
 * they change nothing.
 */
#include "base/buf.h"
#include "jwt/jwt.h"
#include "world.h"

/* Make keys, and use settings by which access tokens are issued. */
static void
settle(struct world *world, const char *session)
{
	struct lk_buf jwk = LK_BUF_INIT(4096);
	struct lk_error error = { "" };
	char path[512], rest[2048];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/key", world->dir);
	if (lk_jwt_keygen(path, &jwk, &error) != LK_OK)
		fail_msg("%s", error.text);
	(void)snprintf(path, sizeof(path), "%s/pub", world->dir);
	assert_non_null(file = fopen(path, "we"));
	assert_true(fputs(jwk.data, file) >= 0);
	assert_int_equal(fclose(file), 0);
	lk_buf_free(&jwk);
	(void)snprintf(rest, sizeof(rest),
	    "jwt = { issuer = \"i\"; audience = [ \"a\" ]; "
	    "sign = \"%s/key\"; verify = [ \"%s/pub\" ]; };",
	    world->dir, world->dir);
	world_settle(world, session, "", rest);
}

/* Issue a session with ${ttl}, and an access token for it. */
static void
issue(struct world *world, const char *user, int64_t ttl,
    struct lk_token *token, struct lk_token *access)
{
	world_issue(world, user, ttl, token, NULL);
	assert_status(LK_OK,
	    lk_access_issue(world->m, token, NULL, access, NULL));
}

/* Check by a manager and, where these can tell, by checks that do not wait. */
static enum lk_status
check(struct world *world, const struct lk_token *access,
    struct lk_session *session)
{
	if (world_is_gosession(world))
		return (lk_check(world->m, access, session));
	return (world_check(world, access, session));
}

static void
test_access_stands_for_its_session(void **state)
{
	struct world *world = *state;
	struct lk_session by_token, session;
	struct lk_token token, access;
	struct lk_user user;

	settle(world, "");
	issue(world, "alice", 600, &token, &access);
	assert_status(LK_OK, lk_check(world->m, &token, &by_token));
	assert_status(LK_OK, check(world, &access, &session));
	assert_string_equal(session.user, "alice");
	assert_string_equal(session.id, by_token.id);
	assert_int_equal(session.expires_at, by_token.expires_at);
	assert_status(LK_OK, lk_user_put(world->m, "alice", "[1]", 60));
	assert_status(LK_OK, lk_check_user(world->m, &access, &session, &user));
	assert_string_equal(user.id, "alice");
	assert_string_equal(user.detail, "[1]");
	lk_user_clear(&user);
}

static long
gets(struct world *world)
{
	char *stats = world_text(world, "INFO commandstats");
	const char *at = strstr(stats, "cmdstat_get:calls=");
	long calls = at == NULL ? 0 : strtol(at + 18, NULL, 10);

	free(stats);
	return (calls);
}

static void
test_access_check_is_one_get(void **state)
{
	struct world *world = *state;
	struct lk_token token, access;
	struct lk_session session;
	long before;

	if (!world_is_single(world) || world_is_gosession(world))
		return; /* no GET, or others' */
	settle(world, "");
	issue(world, "alice", 600, &token, &access);
	assert_status(LK_OK, lk_check(world->m, &access, &session));
	before = gets(world);
	assert_status(LK_OK, lk_check(world->m, &access, &session));
	assert_int_equal(gets(world), before + 1);
}

static void
test_access_of_a_session_that_ended_is_refused(void **state)
{
	struct world *world = *state;
	struct lk_token token, access, other, others;
	struct lk_session session;
	uint64_t revoked;

	settle(world, "max_per_user = 2;");
	issue(world, "alice", 600, &token, &access);
	issue(world, "alice", 600, &other, &others);
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_status(LK_UNKNOWN, check(world, &access, &session));
	assert_true(lk_manager_error(world->m)[0] != '\0');
	assert_status(LK_OK, check(world, &others, &session));
	/* Kicked out by a limit. */
	world_issue(world, "alice", 601, &token, NULL);
	world_issue(world, "alice", 602, &token, NULL);
	assert_true(check(world, &others, &session) > 0);
	issue(world, "alice", 603, &token, &access);
	assert_status(LK_OK, lk_revoke_all(world->m, "alice", NULL, &revoked));
	assert_status(LK_UNKNOWN, check(world, &access, &session));
}

/* Within the leeway its own time is not over, but the session's is. */
static void
test_access_is_never_valid_past_its_session(void **state)
{
	struct world *world = *state;
	struct lk_token token, access;
	struct lk_session session;

	settle(world, "");
	issue(world, "alice", 1, &token, &access);
	(void)world_wait_for_end(world, &token);
	assert_status(LK_OK,
	    lk_access_verify(world->settings, &access, 0, &session, NULL));
	assert_true(check(world, &access, &session) > 0);
	assert_int_equal(
	    lk_access_issue(world->m, &token, NULL, &access, NULL) > 0, true);
}

static void
test_access_changes_nothing(void **state)
{
	struct world *world = *state;
	struct lk_token token, access, more;
	struct lk_session session;
	uint64_t revoked;

	settle(world, "");
	issue(world, "alice", 600, &token, &access);
	world_issue(world, "alice", 600, &more, NULL);
	assert_status(LK_MALFORMED,
	    lk_refresh(world->m, &access, 900, &session));
	assert_status(LK_MALFORMED,
	    lk_revoke(world->m, &access, NULL, &revoked));
	assert_int_equal(revoked, 0);
	assert_status(LK_MALFORMED,
	    lk_revoke_others(world->m, &access, NULL, &revoked));
	assert_int_equal(revoked, 0);
	assert_status(LK_MALFORMED,
	    lk_access_issue(world->m, &access, NULL, &more, NULL));
	assert_int_equal(world_count(world, "alice"), 2);
}

/* A public id opens nothing, in whatever it is dressed up. */
static void
test_access_without_a_signature_is_refused(void **state)
{
	struct world *world = *state;
	struct lk_token token, access;
	struct lk_session session;
	char *dot;

	settle(world, "");
	issue(world, "alice", 600, &token, &access);
	dot = strrchr(access.text, '.');
	memset(dot + 1, 'A', strlen(dot + 1));
	assert_status(LK_UNKNOWN, check(world, &access, &session));
	assert_status(LK_OK, lk_check(world->m, &token, &session));
	world_token(&access, session.id);
	assert_status(LK_MALFORMED, check(world, &access, &session));
}

#define SUITE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, world_reset, NULL)
#define SUITE_RUN(tests, count) world_run(WORLD_SESSIONS, (tests), (count))
#include "support/suite.h"
