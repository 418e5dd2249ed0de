/* What every layout promises when Redis is in trouble. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "world.h"

/* Fill Redis until it takes no more. */
static void
fill_memory(struct world *world)
{
	freeReplyObject(world_redis(world, "CONFIG SET maxmemory-policy "
	                                   "noeviction"));
	freeReplyObject(world_redis(world, "CONFIG SET maxmemory 1"));
}

static void
test_full_store_refuses_to_issue_and_still_revokes(void **state)
{
	struct world *world = *state;
	struct lk_token token, second, third, none;
	struct lk_session session, of_second;
	uint64_t revoked;

	world_issue(world, "alice", 600, &token, NULL);
	world_issue(world, "alice", 600, &second, &of_second);
	world_issue(world, "alice", 600, &third, NULL);
	fill_memory(world);
	assert_status(
	    LK_E_STORE, lk_issue(world->m, "alice", NULL, &none, NULL));
	assert_non_null(strstr(lk_manager_error(world->m), "OOM"));
	assert_int_equal(none.len, 0);
	assert_status(LK_OK, lk_check(world->m, &token, &session));
	assert_int_equal(world_count(world, "alice"), 3);

	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(
	    LK_OK, lk_revoke_id(world->m, of_second.id, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(
	    LK_OK, lk_revoke_all(world->m, "alice", NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_UNKNOWN, lk_check(world->m, &third, &session));
}

/* What is kept of it is lost then, and no more. */
static void
test_denied_commands_keep_no_session_alive(void **state)
{
	static const char *const commands[] = { "get", "set", "mget", "exists",
		"hget", "hset", "hdel", "hmget", "hexists", "hlen", "hkeys",
		"pexpire", "pexpireat", "pexpiretime", "zrem", "lpush",
		"lrange", "ltrim", "lrem", "llen" };
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;

	if (getenv("LK_TEST_REDIS_PASSWORD") != NULL)
		skip();
	EACH(c, commands) {
		world_issue(world, "alice", 600, &token, NULL);
		freeReplyObject(
		    world_redis(world, "ACL SETUSER default -%s", *c));
		assert_status(
		    LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
		assert_int_equal(revoked, 1);
		freeReplyObject(
		    world_redis(world, "ACL SETUSER default +%s", *c));
		assert_true(lk_check(world->m, &token, &session) > 0);
	}
}

static void
kill_connections(struct world *world)
{
	(void)world_int(world, "CLIENT KILL TYPE normal SKIPME yes");
}

static void
test_killed_connection_is_replaced_unnoticed(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token, other;
	uint64_t revoked;
	size_t i;

	world_issue(world, "alice", 600, &token, NULL);
	for (i = 0; i < 5; i++) {
		kill_connections(world);
		assert_status(LK_OK, lk_check(world->m, &token, &session));
		kill_connections(world);
		world_issue(world, "alice", 600, &other, NULL);
		kill_connections(world);
		assert_status(
		    LK_OK, lk_refresh(world->m, &token, 60, &session));
		kill_connections(world);
		assert_status(
		    LK_OK, lk_revoke(world->m, &other, NULL, &revoked));
	}
	assert_int_equal(world_count(world, "alice"), 1);
}

/* Whoever is told that nothing ended must not hear that something did. */
static void
test_revoking_nothing_on_a_killed_connection_ends_none(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	char address[32];
	uint64_t revoked;

	/* A unix socket would say at once that nobody has got it. */
	(void)snprintf(address, sizeof(address), "127.0.0.1:%s",
	    getenv("LK_TEST_REDIS_PORT"));
	world_settle_at(world, address, "", "", "");
	world_issue(world, "alice", 600, &token, NULL);
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_int_equal(revoked, 1);
	kill_connections(world);
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_int_equal(revoked, 0);
	kill_connections(world);
	assert_status(
	    LK_OK, lk_revoke_all(world->m, "alice", NULL, &revoked));
	assert_int_equal(revoked, 0);
	assert_status(LK_UNKNOWN, lk_check(world->m, &token, &session));
}

static void
test_flushed_scripts_are_sent_again(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;

	freeReplyObject(world_redis(world, "SCRIPT FLUSH"));
	world_issue(world, "alice", 600, &token, NULL);
	freeReplyObject(world_redis(world, "SCRIPT FLUSH"));
	assert_status(LK_OK, lk_refresh(world->m, &token, 60, &session));
	freeReplyObject(world_redis(world, "SCRIPT FLUSH"));
	assert_int_equal(world_count(world, "alice"), 1);
	freeReplyObject(world_redis(world, "SCRIPT FLUSH"));
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	freeReplyObject(world_redis(world, "SCRIPT FLUSH"));
	assert_status(
	    LK_OK, lk_revoke_all(world->m, "alice", NULL, &revoked));
}

static void
test_hung_store_times_out_and_then_answers(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	enum lk_status status = LK_FAULT;
	char *info;
	int pid;

	world_issue(world, "alice", 600, &token, NULL);
	world_settle(world, "",
	    "connect_timeout_ms = 100; command_timeout_ms = 100;", "");
	assert_status(LK_OK, lk_check(world->m, &token, &session));
	info = world_text(world, "INFO server");
	assert_int_equal(
	    sscanf(strstr(info, "process_id:"), "process_id:%d", &pid), 1);
	free(info);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	status = lk_check(world->m, &token, &session);
	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_status(LK_E_TIMEOUT, status);
	assert_string_equal(session.user, "");
	while (status == LK_E_TIMEOUT) {
		status = lk_check(world->m, &token, &session);
		(void)poll(NULL, 0, 5);
	}
	assert_status(LK_OK, status);
	assert_string_equal(session.user, "alice");
}

static void
test_nobody_there_is_a_store_error(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	world_issue(world, "alice", 600, &token, NULL);
	world_settle_at(world, "unix:/nonexistent/latchkey", "", "", "");
	assert_status(LK_E_STORE, lk_check(world->m, &token, &session));
	assert_non_null(
	    strstr(lk_manager_error(world->m), "/nonexistent/latchkey"));
	assert_status(LK_E_STORE, lk_ping(world->m));
}

static void
test_error_text_never_holds_the_token(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	world_issue(world, "alice", 600, &token, NULL);
	freeReplyObject(world_redis(world, "EVAL %s 0",
	    "for i, k in ipairs(redis.call('KEYS', '*')) do "
	    "redis.call('DEL', k) redis.call('SADD', k, 'x') end"));
	assert_status(LK_E_CORRUPT, lk_check(world->m, &token, &session));
	assert_null(strstr(lk_manager_error(world->m), token.text));
	assert_status(LK_E_CORRUPT,
	    lk_refresh(world->m, &token, 60, &session));
	assert_null(strstr(lk_manager_error(world->m), token.text));
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_REDIS, tests, count)
#include "support/suite.h"
