/* Layout `latchkey` key by key. */
#include <sodium.h>

#include "world.h"

#define HEX "0123456789abcdef0123456789abcdef"

/* alice's user tag in base64url: the first 16 bytes of SHA-256("alice"). */
#define ALICE "K9gGyX8OAK8aH8Myj6djqQ"

/* A digest that is nobody's. */
#define ZEROS "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* All keys and what they hold, as one text. */
static char *
dump(struct world *world)
{
	return (world_text(world, "EVAL %s 0",
	    "local all = '' "
	    "for i, k in ipairs(redis.call('KEYS', '*')) do "
	    "  all = all .. k .. '\\n' "
	    "  local t = redis.call('TYPE', k).ok "
	    "  if t == 'string' then all = all .. redis.call('GET', k) "
	    "  else all = all .. table.concat( "
	    "    t == 'hash' and redis.call('HGETALL', k) or "
	    "    t == 'list' and redis.call('LRANGE', k, 0, -1) or "
	    "    redis.call('ZRANGE', k, 0, -1, 'WITHSCORES'), ' ') end "
	    "  all = all .. '\\n' "
	    "end return all"));
}

static void
test_store_holds_no_part_of_a_token(void **state)
{
	struct world *world = *state;
	struct lk_token token;
	char part[9], *all;
	uint64_t revoked;
	size_t i;

	world_issue(world, "alice", 600, &token, NULL);
	world_issue(world, "alice", 600, &token, NULL);
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	all = dump(world);
	assert_non_null(strstr(all, "}:d:"));
	assert_non_null(strstr(all, "alice"));
	/* The random part begins at the 22nd character of the body. */
	for (i = 3 + 22; i + 8 <= token.len; i++) {
		memcpy(part, token.text + i, 8);
		part[8] = '\0';
		assert_null(strstr(all, part));
	}
	free(all);
}

static void
test_all_keys_of_a_user_carry_one_hash_tag(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	redisReply *keys;
	size_t i;

	world_issue(world, "alice", 600, &token, &session);
	assert_status(LK_OK, lk_user_put(world->m, "alice", "{}", 60));
	keys = world_redis(world, "KEYS *");
	assert_int_equal(keys->elements, 6);
	for (i = 0; i < keys->elements; i++)
		assert_memory_equal(keys->element[i]->str,
		    "latchkey:{" ALICE "}:", strlen("latchkey:{" ALICE "}:"));
	freeReplyObject(keys);
	assert_int_equal(strlen(token.text), 67);
	assert_memory_equal(token.text, "lk_", 3);
}

static void
test_record_ends_with_its_session_and_index_with_the_last(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token, longer;
	redisReply *keys;
	long long end;

	world_issue(world, "alice", 600, &token, &session);
	keys = world_redis(world, "KEYS *:s:*");
	assert_int_equal(keys->elements, 1);
	end = world_int(world, "PEXPIRETIME %s", keys->element[0]->str);
	freeReplyObject(keys);
	assert_int_equal((end + 999) / 1000, session.expires_at);
	/* An hour more, for those who come late. */
	assert_int_equal(
	    world_int(world, "PEXPIRETIME latchkey:{" ALICE "}:i"),
	    end + 3600000);
	world_issue(world, "alice", 6000, &longer, NULL);
	assert_in_range(
	    world_int(world, "TTL latchkey:{" ALICE "}:i"), 9599, 9600);
	assert_status(LK_OK, lk_refresh(world->m, &longer, 60, &session));
	assert_in_range(
	    world_int(world, "TTL latchkey:{" ALICE "}:i"), 4198, 4200);
}

static void
test_index_forgets_what_expired_long_ago(void **state)
{
	struct world *world = *state;
	struct lk_token token;

	world_issue(world, "alice", 600, &token, NULL);
	(void)world_int(world,
	    "ZADD latchkey:{" ALICE "}:i 1000 AAAAAAAAAAAAAAAAAAAAAA 2000 "
	    "BBBBBBBBBBBBBBBBBBBBBB");
	world_issue(world, "alice", 600, &token, NULL);
	assert_int_equal(world_int(world, "ZCARD latchkey:{" ALICE "}:i"), 2);
}

/* Move a session of gosession into this layout, as an import does. */
static void
import_gosession(struct world *world, const char *text, const char *user)
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	char full[64], handle[32];

	crypto_hash_sha256(
	    digest, (const unsigned char *)text, strlen(text));
	sodium_bin2base64(full, sizeof(full), digest, 32,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_bin2base64(handle, sizeof(handle), digest, 16,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	freeReplyObject(world_redis(world,
	    "SET latchkey:{" ALICE "}:s:%s %s PX 600000", handle, ""));
	freeReplyObject(world_redis(world,
	    "EVAL %s 1 latchkey:{" ALICE "}:s:%s %s %s",
	    "local e = redis.call('PEXPIRETIME', KEYS[1]) "
	    "local r = string.format('1 1700000000000000 %.0f %s - %s', e, "
	    "ARGV[1], ARGV[2]) "
	    "return redis.call('SET', KEYS[1], r, 'KEEPTTL')",
	    handle, full, user));
	(void)world_int(world,
	    "ZADD latchkey:{" ALICE "}:i 99999999999999 %s", handle);
}

static void
test_token_of_gosessions_shape_is_at_home_here(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;

	import_gosession(world, "alice_" HEX, "alice");
	world_token(&token, "alice_" HEX);
	assert_status(LK_OK, world_check(world, &token, &session));
	assert_string_equal(session.user, "alice");
	assert_int_equal(session.issued_at, 1700000000);
	assert_status(LK_OK, lk_refresh(world->m, &token, 60, &session));
	assert_int_equal(session.issued_at, 1700000000);
	assert_int_equal(world_count(world, "alice"), 1);
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_UNKNOWN, world_check(world, &token, &session));
}

static void
test_record_of_another_user_is_never_allowed(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	import_gosession(world, "alice_" HEX, "bob");
	world_token(&token, "alice_" HEX);
	assert_status(LK_E_CORRUPT, world_check(world, &token, &session));
}

static void
test_record_of_another_digest_is_corrupt(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	world_issue(world, "alice", 600, &token, NULL);
	/* The same handle, but another second half of the digest. */
	freeReplyObject(world_redis(world, "EVAL %s 0",
	    "local k = redis.call('KEYS', '*:s:*')[1] "
	    "local a, d, b = string.match(redis.call('GET', k), "
	    "'^(1 %d+ %d+ )(%S+)( .+)$') "
	    "d = string.sub(d, 1, 30) .. string.rep('A', 13) "
	    "return redis.call('SET', k, a .. d .. b, 'KEEPTTL')"));
	assert_status(LK_E_CORRUPT, world_check(world, &token, &session));
	assert_status(
	    LK_E_CORRUPT, lk_refresh(world->m, &token, 60, &session));
}

static void
test_record_of_any_other_form_is_corrupt(void **state)
{
	static const char *const records[] = { "x", "1", "2 1 1 A - alice",
		"1 1 1", "1 -1 1 " HEX " - alice", "1  1 1 x - a",
		"1 1 1 " ZEROS " - ",
		"1 1 1 " ZEROS " -- a",
		"1 1 1 " ZEROS "A - a",
		"1 9999999999999999999 1 " ZEROS " - a",
		"{\"user\":\"alice\"}" };
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;
	size_t i;

	for (i = 0; i < COUNT(records); i++) {
		world_issue(world, "alice", 600, &token, NULL);
		freeReplyObject(world_redis(world, "EVAL %s 0 %s",
		    "for i, k in ipairs(redis.call('KEYS', '*:s:*')) do "
		    "redis.call('SET', k, ARGV[1], 'KEEPTTL') end",
		    records[i]));
		assert_status(
		    LK_E_CORRUPT, world_check(world, &token, &session));
		assert_status(LK_E_CORRUPT,
		    lk_refresh(world->m, &token, 60, &session));
		/* Revoking works on whatever is there. */
		assert_status(
		    LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
		assert_int_equal(revoked, 1);
		freeReplyObject(world_redis(world, "FLUSHALL"));
	}
}

/* A key that has lost its end is refused once, and has it again. */
static void
test_refresh_of_a_key_without_end_is_corrupt(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	world_issue(world, "alice", 600, &token, NULL);
	freeReplyObject(world_redis(world, "EVAL %s 0",
	    "return redis.call('PERSIST', redis.call('KEYS', '*:s:*')[1])"));
	assert_status(LK_E_CORRUPT,
	    lk_refresh(world->m, &token, 60, &session));
	assert_true(world_int(world, "EVAL %s 0",
	                "return redis.call('TTL', redis.call('KEYS', "
	                "'*:s:*')[1])") > 590);
	assert_status(LK_OK, lk_refresh(world->m, &token, 60, &session));
}

/* What names a session outlives it, seen to at each refresh or not. */
static void
test_refresh_lets_what_names_it_live_on(void **state)
{
	static const char *const names[] = { "i", "m", "k:web" };
	struct world *world = *state;
	const struct lk_issue_options options = { .client = "web",
		.ttl = 599000 };
	struct lk_session session;
	struct lk_token token;
	int64_t ttl;
	size_t i;

	assert_status(
	    LK_OK, lk_issue(world->m, "alice", &options, &token, &session));
	for (ttl = 600000; ttl < 603000; ttl += 150) {
		assert_status(
		    LK_OK, lk_refresh(world->m, &token, ttl, &session));
		for (i = 0; i < 3; i++)
			assert_in_range(
			    world_int(world,
			        "TTL latchkey:{" ALICE "}:%s", names[i]),
			    ttl + 2599, ttl + 3600);
	}
	/* One that is lost comes back, and not for ever. */
	for (i = 0; i < 2; i++) {
		assert_int_equal(
		    world_int(
		        world, "DEL latchkey:{" ALICE "}:%s", names[i]),
		    1);
		assert_status(
		    LK_OK, lk_refresh(world->m, &token, ttl, &session));
		assert_in_range(world_int(world, "TTL latchkey:{" ALICE "}:%s",
		                    names[i]),
		    ttl + 3598, ttl + 3600);
	}
}

/* Ending a session needs no index that can be read. */
static void
test_session_beside_a_foreign_index_can_be_ended(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token, other;
	uint64_t revoked;

	world_issue(world, "alice", 600, &token, NULL);
	world_issue(world, "alice", 600, &other, &session);
	freeReplyObject(world_redis(world, "EVAL %s 0",
	    "return redis.call('SET', redis.call('KEYS', '*:i')[1], 'x')"));
	assert_status(LK_E_CORRUPT,
	    lk_refresh(world->m, &token, 60, &session));
	assert_status(LK_E_CORRUPT,
	    lk_revoke_all(world->m, "alice", NULL, &revoked));
	assert_int_equal(revoked, 0);
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_OK, world_check(world, &other, &session));
	assert_status(
	    LK_OK, lk_revoke_id(world->m, session.id, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_true(world_check(world, &other, &session) != LK_OK);
	assert_status(LK_E_CORRUPT,
	    lk_issue(world->m, "alice", NULL, &token, &session));
	assert_int_equal(world_int(world, "EVAL %s 0",
	                     "return #redis.call('KEYS', '*:s:*')"),
	    0);
}

/* Nor one of what stands beside it. */
static void
test_session_beside_foreign_keys_can_be_ended(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;

	world_issue(world, "alice", 600, &token, NULL);
	freeReplyObject(world_redis(world, "EVAL %s 0",
	    "for i, k in ipairs(redis.call('KEYS', '*')) do "
	    "if string.match(k, '}:[mh]') then redis.call('SET', k, 'x') end "
	    "end"));
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_true(world_check(world, &token, &session) != LK_OK);
}

/* What a session leaves behind is told to who holds its whole digest. */
static void
test_reason_of_another_digest_is_not_told(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;

	world_issue(world, "alice", 600, &token, NULL);
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_status(LK_UNKNOWN, world_check(world, &token, &session));
	assert_int_equal(lk_ended(world->m), LK_REASON_REVOKED);
	freeReplyObject(world_redis(world, "EVAL %s 0",
	    "local k = redis.call('KEYS', '*}:d:*')[1] "
	    "redis.call('SET', k, string.gsub(redis.call('GET', k), "
	    "'%S+$', string.rep('A', 43)), 'KEEPTTL')"));
	assert_true(world_check(world, &token, &session) != LK_OK);
	assert_int_equal(lk_ended(world->m), LK_REASON_NONE);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_OPEN world_open_latchkey
#define SUITE_CLOSE world_close
#include "support/suite.h"
