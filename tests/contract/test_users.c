/* What every store and layout promises about users' cached info. */
#include <poll.h>

#include "world.h"

/* A user source: what it answers, and how often it was asked. */
struct source {
	enum lk_status status;
	const char *detail;
	size_t asked;
};

static enum lk_status
load(void *arg, const char *id, char **detail)
{
	struct source *source = arg;

	assert_true(id[0] != '\0');
	source->asked++;
	if (source->status == LK_OK && source->detail != NULL)
		*detail = strdup(source->detail);
	return (source->status);
}

static void
assert_cached(struct world *world, const char *id, const char *detail)
{
	struct lk_user user;

	assert_status(LK_OK, lk_user_get(world->m, id, &user));
	assert_string_equal(user.id, id);
	assert_string_equal(user.detail, detail);
	lk_user_clear(&user);
}

static void
test_put_then_get_is_the_same_compact(void **state)
{
	struct world *world = *state;

	assert_status(LK_OK,
	    lk_user_put(world->m, "alice",
	        "{ \"roles\" : [ \"admin\", \"x y\" ],\n \"n\": "
	        "12345678901234567890 }",
	        60));
	assert_cached(world, "alice",
	    "{\"roles\":[\"admin\",\"x y\"],\"n\":12345678901234567890}");
}

static void
test_get_of_nothing_cached_is_no_user(void **state)
{
	struct world *world = *state;
	struct lk_user user;

	assert_status(LK_NO_USER, lk_user_get(world->m, "alice", &user));
	assert_null(user.detail);
}

static void
test_put_what_is_not_json_is_invalid(void **state)
{
	static const char *const details[] = { "", "x", "{", "{}{}", "{]",
		"\"a\nb\"", "{\"a\":1,}", "nul" };
	struct world *world = *state;
	struct lk_user user;
	char *huge;

	EACH(c, details)
		assert_status(LK_E_INVAL,
		    lk_user_put(world->m, "alice", *c, 60));
	huge = malloc(LK_DETAIL_MAX + 2);
	assert_non_null(huge);
	memset(huge, '1', LK_DETAIL_MAX + 1);
	huge[LK_DETAIL_MAX + 1] = '\0';
	assert_status(
	    LK_E_INVAL, lk_user_put(world->m, "alice", huge, 60));
	free(huge);
	assert_status(LK_NO_USER, lk_user_get(world->m, "alice", &user));
}

/* What can be put can be read, however deep it is. */
static void
test_put_nested_deeply_is_read_or_refused(void **state)
{
	struct world *world = *state;
	char detail[600];
	size_t depth;

	for (depth = 254; depth <= 257; depth++) {
		memset(detail, '[', depth);
		memset(detail + depth, ']', depth);
		detail[2 * depth] = '\0';
		if (depth > 255) {
			assert_status(LK_E_INVAL,
			    lk_user_put(world->m, "alice", detail, 60));
			continue;
		}
		assert_status(LK_OK,
		    lk_user_put(world->m, "alice", detail, 60));
		assert_cached(world, "alice", detail);
	}
}

static void
test_check_user_ttl_caches_for_that_time(void **state)
{
	struct world *world = *state;
	struct source source = { LK_OK, "{}", 0 };
	struct lk_session session;
	struct lk_token token;
	struct lk_user user;
	enum lk_status status = LK_OK;

	world_issue(world, "alice", 600, &token, NULL);
	lk_set_user_loader(world->m, load, &source);
	assert_status(LK_OK,
	    lk_check_user_ttl(world->m, &token, -1, &session, &user));
	assert_string_equal(session.user, "alice");
	assert_null(user.detail);
	assert_int_equal(source.asked, 0);
	assert_status(LK_E_INVAL,
	    lk_check_user_ttl(world->m, &token, LK_TTL_MAX + 1, &session,
	        &user));
	assert_status(LK_OK,
	    lk_check_user_ttl(world->m, &token, 1, &session, &user));
	lk_user_clear(&user);
	assert_int_equal(source.asked, 1);
	while (status == LK_OK) {
		(void)poll(NULL, 0, 5);
		status = lk_user_get(world->m, "alice", &user);
		lk_user_clear(&user);
	}
	assert_status(LK_NO_USER, status);
	assert_status(LK_OK,
	    lk_check_user_ttl(world->m, &token, 0, &session, &user));
	lk_user_clear(&user);
	assert_int_equal(source.asked, 2);
	assert_cached(world, "alice", "{}");
}

static void
test_delete_cached_forgets_it(void **state)
{
	struct world *world = *state;
	struct lk_user user;
	bool deleted;

	assert_status(LK_OK, lk_user_put(world->m, "alice", "{}", 60));
	assert_status(LK_OK, lk_user_delete(world->m, "alice", &deleted));
	assert_true(deleted);
	assert_status(LK_NO_USER, lk_user_get(world->m, "alice", &user));
	assert_status(LK_OK, lk_user_delete(world->m, "alice", &deleted));
	assert_false(deleted);
}

static void
test_put_for_one_second_is_forgotten_then(void **state)
{
	struct world *world = *state;
	enum lk_status status = LK_OK;
	struct lk_user user;

	assert_status(LK_OK, lk_user_put(world->m, "alice", "{}", 1));
	assert_cached(world, "alice", "{}");
	while (status == LK_OK) {
		status = lk_user_get(world->m, "alice", &user);
		lk_user_clear(&user);
		(void)poll(NULL, 0, 5);
	}
	assert_status(LK_NO_USER, status);
}

static void
test_check_user_without_source_has_no_detail(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	struct lk_user user;

	world_issue(world, "alice", 60, &token, NULL);
	assert_status(
	    LK_OK, lk_check_user(world->m, &token, &session, &user));
	assert_string_equal(session.user, "alice");
	assert_string_equal(user.id, "alice");
	assert_string_equal(user.detail, "null");
	lk_user_clear(&user);
}

static void
test_check_user_asks_the_source_once_and_caches(void **state)
{
	struct source source = { LK_OK, "{ \"a\": 1 }", 0 };
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	struct lk_user user;
	size_t i;

	world_issue(world, "alice", 60, &token, NULL);
	lk_set_user_loader(world->m, load, &source);
	for (i = 0; i < 3; i++) {
		assert_status(LK_OK,
		    lk_check_user(world->m, &token, &session, &user));
		assert_string_equal(user.detail, "{\"a\":1}");
		lk_user_clear(&user);
	}
	assert_int_equal(source.asked, 1);
	assert_cached(world, "alice", "{\"a\":1}");
}

static void
test_check_id_user_says_what_check_user_says(void **state)
{
	struct source source = { LK_OK, "{\"mail\": \"a@example.org\"}", 0 };
	struct world *world = *state;
	struct lk_session session, by_id;
	struct lk_token token;
	struct lk_user user;
	uint64_t revoked;
	int i;

	world_issue(world, "alice", 600, &token, &session);
	assert_status(LK_OK,
	    lk_check_id_user(world->m, session.id, &by_id, &user));
	assert_string_equal(user.detail, "null");
	lk_user_clear(&user);
	lk_set_user_loader(world->m, load, &source);
	for (i = 0; i < 2; i++) {
		assert_status(LK_OK,
		    lk_check_id_user(world->m, session.id, &by_id, &user));
		assert_string_equal(user.id, "alice");
		assert_string_equal(by_id.id, session.id);
		assert_string_equal(user.detail,
		    "{\"mail\":\"a@example.org\"}");
		lk_user_clear(&user);
	}
	assert_int_equal(source.asked, 1);
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_status(LK_UNKNOWN,
	    lk_check_id_user(world->m, session.id, &by_id, &user));
	assert_null(user.detail);
	assert_string_equal(by_id.id, "");
	assert_status(LK_MALFORMED,
	    lk_check_id_user(world->m, "x", &by_id, &user));
}

static void
test_check_user_whom_the_source_does_not_know_is_no_user(void **state)
{
	struct source source = { LK_NO_USER, NULL, 0 };
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	struct lk_user user;

	world_issue(world, "alice", 60, &token, NULL);
	lk_set_user_loader(world->m, load, &source);
	assert_status(
	    LK_NO_USER, lk_check_user(world->m, &token, &session, &user));
	assert_null(user.detail);
	assert_string_equal(session.user, "");
	assert_status(LK_NO_USER, lk_user_get(world->m, "alice", &user));
}

static void
test_check_user_with_a_failing_source_is_not_found_out(void **state)
{
	static const struct source sources[] = { { LK_E_STORE, NULL, 0 },
		{ LK_FAULT, NULL, 0 }, { LK_OK, NULL, 0 },
		{ LK_OK, "not json", 0 } };
	struct world *world = *state;
	struct source source;
	struct lk_session session;
	struct lk_token token;
	struct lk_user user;

	world_issue(world, "alice", 60, &token, NULL);
	EACH(c, sources) {
		source = *c;
		lk_set_user_loader(world->m, load, &source);
		assert_true(
		    lk_check_user(world->m, &token, &session, &user) < 0);
		assert_null(user.detail);
	}
}

static void
test_check_user_with_a_dead_token_does_not_ask(void **state)
{
	struct source source = { LK_OK, "{}", 0 };
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	struct lk_user user;
	uint64_t revoked;

	world_issue(world, "alice", 60, &token, NULL);
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	lk_set_user_loader(world->m, load, &source);
	assert_status(
	    LK_UNKNOWN, lk_check_user(world->m, &token, &session, &user));
	assert_int_equal(source.asked, 0);
}

static void
test_load_replaces_what_is_cached(void **state)
{
	struct source source = { LK_OK, "{\"v\":2}", 0 };
	struct world *world = *state;
	struct lk_user user;

	assert_status(LK_OK, lk_user_put(world->m, "alice", "{\"v\":1}", 60));
	lk_set_user_loader(world->m, load, &source);
	assert_status(LK_OK, lk_user_load(world->m, "alice", 0, &user));
	assert_string_equal(user.detail, "{\"v\":2}");
	lk_user_clear(&user);
	assert_cached(world, "alice", "{\"v\":2}");

	source.status = LK_NO_USER;
	assert_status(LK_NO_USER, lk_user_load(world->m, "alice", 0, &user));
	assert_status(LK_NO_USER, lk_user_get(world->m, "alice", &user));
}

static void
test_load_without_source_is_a_settings_error(void **state)
{
	struct world *world = *state;
	struct lk_user user;

	assert_status(
	    LK_E_SETTINGS, lk_user_load(world->m, "alice", 0, &user));
}

/* Knows everybody but bob. */
static enum lk_status
load_but_bob(void *arg, const char *id, char **detail)
{
	(void)arg;
	if (strcmp(id, "bob") == 0)
		return (LK_NO_USER);
	*detail = strdup("{}");
	return (LK_OK);
}

static void
test_refresh_of_a_batch_tells_each(void **state)
{
	const char *const ids[] = { "alice", "bob", "carol", "" };
	struct world *world = *state;
	enum lk_status each[4];
	struct lk_user user;

	lk_set_user_loader(world->m, load_but_bob, NULL);
	assert_status(
	    LK_NO_USER, lk_user_refresh(world->m, ids, 4, 0, each));
	assert_status(LK_OK, each[0]);
	assert_status(LK_NO_USER, each[1]);
	assert_status(LK_OK, each[2]);
	assert_status(LK_E_INVAL, each[3]);
	assert_cached(world, "carol", "{}");
	assert_status(LK_NO_USER, lk_user_get(world->m, "bob", &user));
	assert_status(LK_OK, lk_user_refresh(world->m, ids, 1, 0, NULL));
}

static void
test_user_ids_of_any_bytes_are_cached_apart(void **state)
{
	static const char *const ids[] = { "a", "a b", "\"", "\\", "{}",
		"\xc3\xa4", "a/b", ("a\xc2\xa0" "b") };
	struct world *world = *state;
	char detail[32];
	size_t i;

	for (i = 0; i < COUNT(ids); i++) {
		(void)snprintf(detail, sizeof(detail), "{\"n\":%zu}", i);
		assert_status(
		    LK_OK, lk_user_put(world->m, ids[i], detail, 60));
	}
	for (i = 0; i < COUNT(ids); i++) {
		(void)snprintf(detail, sizeof(detail), "{\"n\":%zu}", i);
		assert_cached(world, ids[i], detail);
	}
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_SESSIONS, tests, count)
#include "support/suite.h"
