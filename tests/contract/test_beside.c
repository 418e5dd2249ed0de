/*
 * What latchkey keeps beside the keys of gosession: names that this library
 * never says, and what services that use it do meanwhile on the same sessions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "world.h"

#define HEX "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"
#define DAYS30 2592000
#define BASE "latchkey-gosession-token_alice:"

static struct world *
settle(void **state, const char *session)
{
	struct world *world = *state;

	world_settle(world, session, "", "");
	return (world);
}

static long long
seconds(struct world *world)
{
	return (world_int(world, "EVAL %s 0",
	    "return tonumber(redis.call('TIME')[1])"));
}

/* ---- What services do that use the library ----------------------------- */

/* SetToken and RefreshToken, which differ in nothing but that the token is
 * new; whether it is known they do not ask. */
static void
their_set(struct world *world, const char *token, int ttl)
{
	freeReplyObject(world_redis(world, "MULTI"));
	freeReplyObject(world_redis(world,
	    "SETEX gosession-token_%s %d gosession-user_alice", token, ttl));
	freeReplyObject(world_redis(world, "HSET gosession-token_alice %s %lld",
	    token, (long long)time(NULL) + ttl));
	freeReplyObject(
	    world_redis(world, "EXPIRE gosession-token_alice %d", DAYS30));
	freeReplyObject(world_redis(world, "EXEC"));
}

static void
their_delete(struct world *world, const char *token)
{
	freeReplyObject(world_redis(world, "MULTI"));
	freeReplyObject(world_redis(world, "DEL gosession-token_%s", token));
	freeReplyObject(
	    world_redis(world, "HDEL gosession-token_alice %s", token));
	freeReplyObject(world_redis(world, "EXEC"));
}

static bool
they_let_in(struct world *world, const char *token)
{
	return (world_int(world, "EXISTS gosession-token_%s", token) == 1 &&
	    world_int(world, "HEXISTS gosession-token_alice %s", token) == 1);
}

static enum lk_reason
ended(struct world *world, const struct lk_token *token)
{
	struct lk_session session;

	assert_status(LK_UNKNOWN, world_check(world, token, &session));
	return (lk_ended(world->m));
}

static struct lk_session listed;

static void
keep(void *arg, const struct lk_session *session, const struct lk_token *token)
{
	(void)token;
	listed = *session;
	*(size_t *)arg += 1;
}

static size_t
list(struct world *world)
{
	size_t n = 0;

	assert_status(LK_OK, lk_list(world->m, "alice", keep, &n));
	return (n);
}

/* ---- Names and values --------------------------------------------------- */

static void
test_beside_has_names_that_gosession_never_says(void **state)
{
	static const char *const names[] = { "m", "h", "h:issued - web",
		"h:ended revoked web" };
	struct world *world = settle(state, "max_life = 1000;");
	const struct lk_issue_options options = { .client = "web",
		.peer = "192.0.2.1",
		.agent = "a b",
		.ttl = 600 };
	char handle[23], digest[44], expected[256];
	struct lk_token token;
	uint64_t revoked;
	char *text;

	assert_status(LK_OK,
	    lk_issue(world->m, "alice", &options, &token, NULL));
	text = world_text(world, "HGET " BASE "m %s", token.text + 6);
	assert_int_equal(sscanf(text, "%22[A-Za-z0-9_-] %43s", handle, digest),
	    2);
	(void)snprintf(expected, sizeof(expected), "%s %s web ", handle,
	    digest);
	assert_memory_equal(text, expected, strlen(expected));
	assert_string_equal(strrchr(text, '-'), "- 192.0.2.1 a b");
	free(text);
	assert_int_equal(world_int(world, "TTL " BASE "m") > DAYS30 + 900, 1);
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	text = world_text(world, "GET " BASE "d:%s", handle);
	assert_string_equal(strrchr(text, ' ') + 1, digest);
	free(text);
	EACH(c, names)
	assert_int_equal(world_int(world, "EXISTS %s%s", BASE, *c),
	    strcmp(*c, "m") != 0);
	/* And these are all: neither pattern meets one of them. */
	assert_int_equal(world_int(world, "DBSIZE"), 4);
	assert_int_equal(world_int(world, "EVAL %s 0",
	                     "return #redis.call('KEYS', 'gosession-*')"),
	    0);
	/* None names a token. */
	assert_int_equal(
	    world_int(world, "EVAL %s 0 %s",
	        "for _, k in ipairs(redis.call('KEYS', '*')) do "
	        "local v = redis.call('TYPE', k).ok == 'list' and "
	        "redis.call('LRANGE', k, 0, -1) or {} "
	        "v[#v + 1] = k "
	        "if string.find(table.concat(v), ARGV[1], 1, true) "
	        "then return 1 end end return 0",
	        token.text + 6),
	    0);
}

static int
calls(struct world *world, const char *command)
{
	char *stats = world_text(world, "INFO commandstats"), name[64];
	const char *at;
	int count = 0;

	(void)snprintf(name, sizeof(name), "cmdstat_%s:calls=", command);
	if ((at = strstr(stats, name)) != NULL)
		count = atoi(at + strlen(name));
	free(stats);
	return (count);
}

/* A live check asks for an end only where there may be one. */
static void
test_beside_costs_a_check_nothing_without_an_end(void **state)
{
	struct world *world = settle(state, "");
	struct lk_session session;
	struct lk_token token;
	int ends;

	for (ends = 0; ends < 2; ends++) {
		world_issue(world, "alice", 600, &token, NULL);
		assert_status(LK_OK, lk_check(world->m, &token, &session));
		freeReplyObject(world_redis(world, "CONFIG RESETSTAT"));
		assert_status(LK_OK, lk_check(world->m, &token, &session));
		assert_int_equal(calls(world, "get"), 1);
		assert_int_equal(calls(world, "pexpiretime"), 1);
		assert_int_equal(calls(world, "hexists"), 1);
		assert_int_equal(calls(world, "hget"), ends);
		world_settle(world, "max_life = 1000;", "", "");
	}
	/* Nor who is unknown, where no reasons are kept. */
	world_settle(world, "reasons = 0;", "", "");
	world_token(&token, "alice_" HEX);
	freeReplyObject(world_redis(world, "CONFIG RESETSTAT"));
	assert_status(LK_UNKNOWN, lk_check(world->m, &token, &session));
	assert_int_equal(calls(world, "get"), 1);
}

/* ---- Lives -------------------------------------------------------------- */

static void
test_beside_no_end_is_outlived_by_what_they_refresh(void **state)
{
	struct world *world = settle(state, "max_life = 1000;");
	char id[LK_SESSION_ID_MAX + 1];
	struct lk_session session;
	struct lk_token token;

	world_issue(world, "alice", 600, &token, &session);
	memcpy(id, session.id, sizeof(id));
	their_set(world, token.text, 5000);
	assert_status(LK_OK, world_check(world, &token, &session));
	world_assert_ttl(session.ttl, 1000);
	assert_status(LK_OK, lk_check_id(world->m, id, &session));
	world_assert_ttl(session.ttl, 1000);
	assert_int_equal(list(world), 1);
	world_assert_ttl(listed.ttl, 1000);
	assert_status(LK_OK, lk_refresh(world->m, &token, 9000, &session));
	world_assert_ttl(session.ttl, 1000);
}

static void
test_beside_past_its_end_it_is_dead_whatever_they_do(void **state)
{
	struct world *world = settle(state, "ttl = 1; max_life = 1;");
	char id[LK_SESSION_ID_MAX + 1];
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;

	world_issue(world, "alice", 1, &token, &session);
	memcpy(id, session.id, sizeof(id));
	their_set(world, token.text, 600);
	assert_status(LK_EXPIRED, world_wait_for_end(world, &token));
	assert_true(they_let_in(world, token.text));
	assert_status(LK_EXPIRED, lk_check_id(world->m, id, &session));
	assert_status(LK_EXPIRED, lk_refresh(world->m, &token, 600, &session));
	assert_int_equal(list(world), 0);
	/* Without the setting a check asks for no end; a refresh always does.
	 */
	world_settle(world, "", "", "");
	assert_status(LK_OK, world_check(world, &token, &session));
	assert_status(LK_EXPIRED, lk_refresh(world->m, &token, 600, &session));
	/* And it can be ended for them too. */
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_false(they_let_in(world, token.text));
}

/* When it began is not known: it may live that long from when one of ours has
 * refreshed it first. */
static void
test_beside_life_of_a_session_of_theirs(void **state)
{
	struct world *world = settle(state, "max_life = 1000;");
	struct lk_session session;
	struct lk_token token;
	int64_t ends_by;

	their_set(world, "alice_" HEX, 5000);
	world_token(&token, "alice_" HEX);
	assert_status(LK_OK, world_check(world, &token, &session));
	world_assert_ttl(session.ttl, 5000);
	assert_status(LK_OK, lk_refresh(world->m, &token, 6000, &session));
	world_assert_ttl(session.ttl, 1000);
	ends_by = session.ends_by;
	assert_in_range(ends_by, seconds(world) + 990, seconds(world) + 1001);
	their_set(world, "alice_" HEX, 5000);
	assert_status(LK_OK, world_check(world, &token, &session));
	world_assert_ttl(session.ttl, 1000);
	world_settle(world, "max_life = 2000;", "", "");
	assert_status(LK_OK, lk_refresh(world->m, &token, 6000, &session));
	assert_int_equal(session.ends_by, ends_by);
}

/* ---- Reasons ------------------------------------------------------------ */

static void
test_beside_says_why_a_session_of_theirs_ended(void **state)
{
	struct world *world = settle(state, "");
	struct lk_token token, other, ours;
	struct lk_session session;
	char id[LK_SESSION_ID_MAX + 1];
	struct lk_why why;
	uint64_t revoked;

	world_token(&token, "alice_" HEX);
	world_token(&other, "alice_" OTHER);
	their_set(world, token.text, 600);
	assert_status(LK_OK, world_check(world, &token, &session));
	memcpy(id, session.id, sizeof(id));
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_int_equal(ended(world, &token), LK_REASON_REVOKED);
	assert_status(LK_OK, lk_why(world->m, id, &why));
	assert_int_equal(why.end.reason, LK_REASON_REVOKED);
	assert_string_equal(why.end.id, id);
	/* Of those that nobody named no more is known than their tokens. */
	their_set(world, token.text, 600);
	their_set(world, other.text, 700);
	assert_status(LK_OK, world_check(world, &token, &session));
	world_issue(world, "alice", 800, &ours, NULL);
	assert_status(LK_OK, lk_revoke_all(world->m, "alice", NULL, &revoked));
	assert_int_equal(revoked, 3);
	assert_int_equal(ended(world, &other), LK_REASON_REVOKED);
	assert_int_equal(ended(world, &ours), LK_REASON_REVOKED);
	their_set(world, other.text, 600);
	world_settle(world, "single = true;", "", "");
	world_issue(world, "alice", 800, &ours, NULL);
	assert_false(they_let_in(world, other.text));
	assert_int_equal(ended(world, &other), LK_REASON_LIMIT);
	/* What they end themselves leaves none. */
	their_delete(world, ours.text);
	assert_int_equal(ended(world, &ours), LK_REASON_NONE);
}

/* They revive what has ended: it lives, whatever stands beside it. */
static void
test_beside_ends_nothing_that_they_revive(void **state)
{
	struct world *world = settle(state, "");
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;

	world_issue(world, "alice", 600, &token, NULL);
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	their_set(world, token.text, 600);
	assert_status(LK_OK, world_check(world, &token, &session));
	assert_int_equal(lk_ended(world->m), LK_REASON_NONE);
}

/* ---- In proportion ------------------------------------------------------ */

static void
test_beside_forgets_what_they_have_ended(void **state)
{
	struct world *world = settle(state, "");
	struct lk_token token, kept;
	int i;

	world_issue(world, "alice", 600, &kept, NULL);
	for (i = 0; i < 100; i++) {
		world_issue(world, "alice", 600, &token, NULL);
		their_delete(world, token.text);
	}
	assert_in_range(world_int(world, "HLEN " BASE "m"), 1, 20);
	assert_int_equal(
	    world_int(world, "HEXISTS " BASE "m %s", kept.text + 6), 1);
}

/* ---- Where it may not be written ---------------------------------------- */

/* Let who the managers are reach only what ${keys} says. */
static void
allow_keys(struct world *world, const char *keys)
{
	freeReplyObject(
	    world_redis(world, "ACL SETUSER default resetkeys %s", keys));
}

static void
test_beside_denied_ends_sessions_all_the_same(void **state)
{
	struct world *world = settle(state, "");
	struct lk_token token[4], none;
	struct lk_session session;
	uint64_t revoked;
	size_t i;

	if (getenv("LK_TEST_REDIS_PASSWORD") != NULL)
		skip();
	for (i = 0; i < 4; i++)
		world_issue(world, "alice", 600, &token[i], &session);
	allow_keys(world, "~gosession-*");
	/* A login is not done halfway. */
	assert_true(lk_issue(world->m, "alice", NULL, &none, NULL) < 0);
	assert_int_equal(world_int(world, "HLEN gosession-token_alice"), 4);
	assert_status(LK_OK, world_check(world, &token[0], &session));
	assert_status(LK_OK, lk_revoke(world->m, &token[0], NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_int_equal(ended(world, &token[0]), LK_REASON_NONE);
	assert_status(LK_OK,
	    lk_revoke_id(world->m, session.id, NULL, &revoked));
	assert_int_equal(revoked, 0);
	assert_status(LK_OK, world_check(world, &token[1], &session));
	assert_status(LK_OK,
	    lk_revoke_id(world->m, session.id, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_OK,
	    lk_revoke_others(world->m, &token[2], NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_OK, lk_revoke_all(world->m, "alice", NULL, &revoked));
	assert_int_equal(revoked, 1);
	for (i = 0; i < 4; i++)
		assert_int_equal(ended(world, &token[i]), LK_REASON_NONE);
	allow_keys(world, "~*");
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_OPEN world_open_gosession
#define SUITE_CLOSE world_close
#include "support/suite.h"
