/*
 * Layout `gosession` key by key, as the Go library writes and reads it:
 * sessions written here by hand work, and what latchkey writes is just that.
 */
#include "world.h"

#define HEX "0123456789abcdef0123456789abcdef"
#define DAYS30 2592000

/* How many keys there are but for those beside, which gosession never names. */
static long long
keys_of_gosession(struct world *world)
{
	return (world_int(world, "EVAL %s 0",
	    "return #redis.call('KEYS', 'gosession-*')"));
}

/* Write a session of ${user} as gosession's SetToken does. */
static void
set_token(struct world *world, const char *user, const char *token, int ttl)
{
	long long now;
	redisReply *time = world_redis(world, "TIME");

	now = atoll(time->element[0]->str);
	freeReplyObject(time);
	freeReplyObject(world_redis(world,
	    "SETEX gosession-token_%s %d gosession-user_%s", token, ttl, user));
	(void)world_int(world, "HSET gosession-token_%s %s %lld", user, token,
	    now + ttl);
	(void)world_int(
	    world, "EXPIRE gosession-token_%s %d", user, DAYS30);
}

static void
test_session_written_by_gosession_is_at_home_here(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;

	set_token(world, "alice", "alice_" HEX, 600);
	world_token(&token, "alice_" HEX);
	assert_status(LK_OK, world_check(world, &token, &session));
	assert_string_equal(session.user, "alice");
	world_assert_ttl(session.ttl, 600);
	assert_status(LK_OK, lk_refresh(world->m, &token, 6000, &session));
	assert_status(LK_OK, world_check(world, &token, &session));
	world_assert_ttl(session.ttl, 6000);
	assert_int_equal(world_count(world, "alice"), 1);
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_int_equal(keys_of_gosession(world), 0);
}

static void
test_issue_writes_gosessions_keys_values_and_lives(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	char *text;
	long long now, expiry;
	redisReply *time;

	world_issue(world, "alice", 600, &token, &session);
	assert_int_equal(strlen(token.text), 6 + 32);
	assert_memory_equal(token.text, "alice_", 6);
	assert_int_equal(
	    strspn(token.text + 6, "0123456789abcdef"), 32);
	assert_int_equal(keys_of_gosession(world), 2);

	text = world_text(world, "GET gosession-token_%s", token.text);
	assert_string_equal(text, "gosession-user_alice");
	free(text);
	assert_in_range(
	    world_int(world, "TTL gosession-token_%s", token.text), 599, 600);
	time = world_redis(world, "TIME");
	now = atoll(time->element[0]->str);
	freeReplyObject(time);
	text = world_text(
	    world, "HGET gosession-token_alice %s", token.text);
	assert_non_null(text);
	expiry = atoll(text);
	free(text);
	assert_in_range(expiry, now + 599, now + 600);
	assert_int_equal(world_int(world, "HLEN gosession-token_alice"), 1);
	assert_in_range(world_int(world, "TTL gosession-token_alice"),
	    DAYS30 - 1, DAYS30);
}

static void
test_index_life_is_never_shortened(void **state)
{
	const int64_t days60 = 60 * 86400;
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token, other;

	world_issue(world, "alice", days60, &token, NULL);
	world_issue(world, "alice", 60, &other, NULL);
	assert_in_range(world_int(world, "TTL gosession-token_alice"),
	    days60, days60 + 1);
	assert_status(LK_OK, lk_refresh(world->m, &other, 60, &session));
	assert_in_range(world_int(world, "TTL gosession-token_alice"),
	    days60, days60 + 1);
	assert_status(
	    LK_OK, lk_refresh(world->m, &other, 2 * days60, &session));
	assert_in_range(world_int(world, "TTL gosession-token_alice"),
	    2 * days60, 2 * days60 + 1);
	/* Old ones are renewed for 30 days. */
	(void)world_int(world, "DEL gosession-token_alice");
	set_token(world, "alice", "alice_" HEX, 600);
	(void)world_int(world, "EXPIRE gosession-token_alice 1000");
	world_token(&token, "alice_" HEX);
	assert_status(LK_OK, lk_refresh(world->m, &token, 60, &session));
	assert_in_range(world_int(world, "TTL gosession-token_alice"),
	    DAYS30 - 1, DAYS30);
}

static void
test_refresh_of_an_invented_token_creates_nothing(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	world_token(&token, "root_" HEX);
	assert_status(
	    LK_UNKNOWN, lk_refresh(world->m, &token, 600, &session));
	assert_int_equal(world_int(world, "DBSIZE"), 0);
	world_token(&token, "root_anything");
	assert_status(
	    LK_MALFORMED, lk_refresh(world->m, &token, 600, &session));
	world_token(&token, "root_x_" HEX);
	assert_status(
	    LK_MALFORMED, lk_refresh(world->m, &token, 600, &session));
	assert_int_equal(world_int(world, "DBSIZE"), 0);
}

static void
test_session_missing_from_the_index_is_unknown(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	set_token(world, "alice", "alice_" HEX, 600);
	(void)world_int(
	    world, "HDEL gosession-token_alice alice_%s", HEX);
	world_token(&token, "alice_" HEX);
	assert_status(LK_UNKNOWN, world_check(world, &token, &session));
	assert_status(
	    LK_UNKNOWN, lk_refresh(world->m, &token, 600, &session));
	assert_status(LK_UNKNOWN, world_check(world, &token, &session));
}

static void
test_token_key_of_another_user_is_never_allowed(void **state)
{
	static const char *const values[] = { "gosession-user_bob",
		"gosession-user_", "gosession-user_alice_x", "alice", "", "x" };
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	world_token(&token, "alice_" HEX);
	EACH(c, values) {
		set_token(world, "alice", "alice_" HEX, 600);
		freeReplyObject(world_redis(world,
		    "SETEX gosession-token_alice_%s 600 %s", HEX, *c));
		assert_status(
		    LK_E_CORRUPT, world_check(world, &token, &session));
		assert_true(
		    lk_refresh(world->m, &token, 600, &session) != LK_OK);
	}
}

static void
test_token_key_without_end_is_never_allowed(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	set_token(world, "alice", "alice_" HEX, 600);
	(void)world_int(world, "PERSIST gosession-token_alice_%s", HEX);
	world_token(&token, "alice_" HEX);
	assert_status(LK_E_CORRUPT, world_check(world, &token, &session));
}

static void
test_keys_of_another_type_are_corrupt(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	(void)world_int(world, "SADD gosession-token_alice_%s x", HEX);
	world_token(&token, "alice_" HEX);
	assert_status(LK_E_CORRUPT, world_check(world, &token, &session));
	freeReplyObject(world_redis(world, "SET gosession-token_bob x"));
	assert_status(
	    LK_E_CORRUPT, lk_issue(world->m, "bob", NULL, &token, NULL));
}

static void
test_foreign_fields_of_the_index_are_passed_over(void **state)
{
	struct world *world = *state;
	struct lk_token token;

	set_token(world, "alice", "alice_" HEX, 600);
	set_token(world, "alice", "junk", 600);
	freeReplyObject(world_redis(
	    world, "SETEX gosession-token_bob_%s 600 x", HEX));
	(void)world_int(
	    world, "HSET gosession-token_alice bob_%s 99999999999", HEX);
	assert_int_equal(world_count(world, "alice"), 1);
	world_token(&token, "alice_" HEX);
}

static void
test_index_forgets_expired_tokens_at_issue(void **state)
{
	struct world *world = *state;
	struct lk_token token;
	size_t i;

	for (i = 0; i < 500; i++)
		(void)world_int(world,
		    "HSET gosession-token_alice alice_%032x 1000", (unsigned)i);
	for (i = 0; i < 1000; i++)
		world_issue(world, "alice", 600, &token, NULL);
	/* All 500 are gone and none of the living. */
	assert_int_equal(
	    world_int(world, "HLEN gosession-token_alice"), 1000);
	assert_int_equal(world_count(world, "alice"), 1000);
}

static void
test_prefixes_are_written_without_underscores(void **state)
{
	struct world *world = *state;
	struct lk_token token;
	char *text;

	world_settle(world,
	    "token_prefix = \"my_tokens\"; user_prefix = \"my_users_\";", "",
	    "");
	world_issue(world, "alice", 600, &token, NULL);
	text = world_text(world, "GET my-tokens_%s", token.text);
	assert_string_equal(text, "my-users-_alice");
	free(text);
	assert_int_equal(world_int(world, "EXISTS my-tokens_alice"), 1);
}

static void
test_user_info_has_gosessions_key_and_value(void **state)
{
	struct world *world = *state;
	struct lk_user user;
	char *text;

	assert_status(LK_OK, lk_user_put(world->m, "alice", "null", 100));
	text = world_text(world, "GET gosession-user_alice");
	assert_string_equal(text, "{\"id\":\"alice\",\"detail\":null}");
	free(text);
	assert_in_range(
	    world_int(world, "TTL gosession-user_alice"), 99, 100);

	freeReplyObject(world_redis(world, "SETEX gosession-user_alice 60 %s",
	    "{\"id\":\"alice\",\"detail\":{\"name\":\"Alice\"}}"));
	assert_status(LK_OK, lk_user_get(world->m, "alice", &user));
	assert_string_equal(user.detail, "{\"name\":\"Alice\"}");
	lk_user_clear(&user);
}

static void
test_latchkey_token_is_malformed_here(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	world_token(&token,
	    "lk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	    "AAAAAAAA");
	assert_status(LK_MALFORMED, world_check(world, &token, &session));
}

static void
take_id(void *arg, const struct lk_session *session,
    const struct lk_token *token)
{
	(void)token;
	memcpy(arg, session->id, sizeof(session->id));
}

/* What check says, every other operation says. */
static void
test_token_key_that_is_not_ours_is_corrupt_to_all(void **state)
{
	static const char *const spoil[] = {
		"SET gosession-token_alice_" HEX " gosession-user_bob KEEPTTL",
		"PERSIST gosession-token_alice_" HEX
	};
	struct world *world = *state;
	char id[LK_SESSION_ID_MAX + 1];
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;
	size_t i;

	for (i = 0; i < 2; i++) {
		set_token(world, "alice", "alice_" HEX, 600);
		world_token(&token, "alice_" HEX);
		assert_status(
		    LK_OK, lk_list(world->m, "alice", take_id, id));
		freeReplyObject(world_redis(world, spoil[i]));
		assert_status(LK_E_CORRUPT,
		    world_check(world, &token, &session));
		assert_status(LK_E_CORRUPT,
		    lk_check_id(world->m, id, &session));
		assert_status(LK_E_CORRUPT,
		    lk_list(world->m, "alice", take_id, id));
		assert_status(LK_E_CORRUPT,
		    lk_refresh(world->m, &token, 60, &session));
		assert_status(
		    LK_OK, lk_revoke_id(world->m, id, NULL, &revoked));
		assert_int_equal(revoked, 1);
	}
}

/* Ending a session needs no index that can be read. */
static void
test_session_beside_a_foreign_index_can_be_ended(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;

	set_token(world, "alice", "alice_" HEX, 600);
	world_token(&token, "alice_" HEX);
	freeReplyObject(world_redis(world, "SET gosession-token_alice x"));
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_int_equal(
	    world_int(world, "EXISTS gosession-token_alice_" HEX), 0);
	assert_status(LK_E_CORRUPT,
	    lk_revoke_all(world->m, "alice", NULL, &revoked));
	assert_status(LK_E_CORRUPT,
	    lk_issue(world->m, "alice", NULL, &token, &session));
	assert_int_equal(keys_of_gosession(world), 1);
}

/* Nobody lives longer whose end for good cannot be written. */
static void
test_refresh_that_cannot_write_its_end_changes_none(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	world_issue(world, "alice", 600, &token, NULL);
	freeReplyObject(
	    world_redis(world, "SET latchkey-gosession-token_alice:m x"));
	assert_true(lk_refresh(world->m, &token, 6000, &session) != LK_OK);
	assert_in_range(
	    world_int(world, "TTL gosession-token_%s", token.text), 590, 600);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_OPEN world_open_gosession
#define SUITE_CLOSE world_close
#include "support/suite.h"
