/* What every store and layout promises about sessions. */
#include "manager.h"
#include "world.h"

/* A well-formed token that was never issued. */
static void
never_issued(const struct world *world, struct lk_token *token)
{
	world_token(token,
	    world_is_gosession(world)
	        ? "alice_0123456789abcdef0123456789abcdef"
	        : "lk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	          "AAAAAAAA");
}

static bool
is_zero(const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] != 0)
			return (false);
	}
	return (true);
}

static void
test_issue_valid_user_checks_as_that_user(void **state)
{
	struct world *world = *state;
	const struct lk_issue_options options = { .ttl = 600,
		.client = "web" };
	struct lk_session issued, checked;
	struct lk_token token;

	assert_status(LK_OK,
	    lk_issue(world->m, "alice", &options, &token, &issued));
	assert_status(LK_OK, world_check(world, &token, &checked));
	assert_string_equal(checked.user, "alice");
	assert_string_equal(checked.id, issued.id);
	assert_int_equal(checked.expires_at, issued.expires_at);
	world_assert_ttl(checked.ttl, 600);
	if (world_is_gosession(world)) {
		assert_string_equal(checked.client, "");
		assert_int_equal(checked.issued_at, 0);
	} else {
		assert_string_equal(checked.client, "web");
		assert_in_range(checked.expires_at - checked.issued_at, 600,
		    601);
	}
	assert_null(strstr(checked.id, token.text));
}

static void
test_check_token_never_issued_is_unknown_and_zeroed(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	memset(&session, 0x55, sizeof(session));
	never_issued(world, &token);
	assert_status(LK_UNKNOWN, world_check(world, &token, &session));
	assert_true(is_zero(&session, sizeof(session)));
}

static void
test_check_other_text_is_malformed(void **state)
{
	static const char *const texts[] = { "x", "lk_", "_", "alice_",
		"alice_0123456789abcdef0123456789abcde",
		"alice_0123456789abcdef0123456789abcdef0",
		"alice_0123456789ABCDEF0123456789ABCDEF",
		"alice_0123456789abcdef0123456789abcdeg",
		"_0123456789abcdef0123456789abcdef",
		"a_b_0123456789abcdef0123456789abcdef",
		"lk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAA",
		"lk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAAAA",
		"lk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAA+",
		"LK_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAAA" };
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;

	EACH(c, texts) {
		world_token(&token, *c);
		assert_status(
		    LK_MALFORMED, world_check(world, &token, &session));
		assert_status(LK_MALFORMED,
		    lk_refresh(world->m, &token, 60, &session));
		assert_status(LK_MALFORMED,
		    lk_revoke(world->m, &token, NULL, &revoked));
	}
}

static void
test_check_random_bytes_is_never_allowed(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	unsigned int seed = 1;
	size_t i, j, len;
	char text[LK_TOKEN_MAX];

	for (i = 0; i < 2000; i++) {
		len = (size_t)rand_r(&seed) % (i % 50 == 0 ? 4096 : 100) + 1;
		for (j = 0; j < len; j++)
			text[j] = (char)(rand_r(&seed) & 0xff);
		if (lk_token_set(&token, text, len) != LK_OK)
			assert_true(is_zero(&token, sizeof(token)));
		assert_true(world_check(world, &token, &session) > 0);
	}
}

static void
test_check_token_with_one_other_character_is_refused(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	char kept;
	size_t i;

	world_issue(world, "alice", 600, &token, NULL);
	for (i = 0; i < token.len; i++) {
		kept = token.text[i];
		token.text[i] = kept == 'a' ? 'b' : 'a';
		assert_true(world_check(world, &token, &session) > 0);
		token.text[i] = kept;
	}
	assert_status(LK_OK, world_check(world, &token, &session));
}

static void
test_revoke_live_session_ends_it(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;

	world_issue(world, "alice", 600, &token, NULL);
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_UNKNOWN, world_check(world, &token, &session));
	assert_int_equal(world_count(world, "alice"), 0);
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_int_equal(revoked, 0);
}

static void
test_revoke_id_of_one_session_ends_only_that(void **state)
{
	struct world *world = *state;
	struct lk_session session[3], found;
	struct lk_token token[3];
	uint64_t revoked;
	size_t i;

	for (i = 0; i < 3; i++)
		world_issue(world, "alice", 600, &token[i], &session[i]);
	assert_status(
	    LK_OK, lk_revoke_id(world->m, session[1].id, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_OK, world_check(world, &token[0], &found));
	assert_status(LK_UNKNOWN, world_check(world, &token[1], &found));
	assert_status(LK_OK, world_check(world, &token[2], &found));
	assert_status(
	    LK_OK, lk_revoke_id(world->m, session[1].id, NULL, &revoked));
	assert_int_equal(revoked, 0);
}

static void
test_revoke_id_of_another_user_ends_nothing(void **state)
{
	static const char *const others[] = { "bob", "alic", "alice2", "" };
	struct world *world = *state;
	struct lk_revoke_options options = { .reason = "test" };
	struct lk_session session, found;
	struct lk_token token;
	uint64_t revoked;

	world_issue(world, "alice", 600, &token, &session);
	EACH(c, others) {
		options.user = *c;
		assert_status(LK_OK, lk_revoke_id(world->m, session.id,
		    &options, &revoked));
		assert_int_equal(revoked, 0);
		assert_status(LK_OK, world_check(world, &token, &found));
	}
	options.user = "alice";
	assert_status(LK_OK,
	    lk_revoke_id(world->m, session.id, &options, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_UNKNOWN, world_check(world, &token, &found));
}

static void
test_revoke_id_of_garbage_is_malformed(void **state)
{
	static const char *const ids[] = { "", "A", "AAAAAAAAAAAAAAAAAAAAAA",
		"not base64!", "AAAAAAAAAAAAAAAAAAAAAAAA==", "../../etc" };
	struct world *world = *state;
	char longest[LK_SESSION_ID_MAX + 2];
	uint64_t revoked;

	EACH(c, ids)
		assert_status(LK_MALFORMED,
		    lk_revoke_id(world->m, *c, NULL, &revoked));
	memset(longest, 'A', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_status(LK_MALFORMED,
	    lk_revoke_id(world->m, longest, NULL, &revoked));
}

static void
test_check_id_of_live_session_says_what_check_says(void **state)
{
	struct world *world = *state;
	const struct lk_issue_options options = { .client = "ssh" };
	struct lk_session issued, by_token, by_id, other;
	struct lk_token token;

	world_issue(world, "alice", 600, &token, &other);
	assert_status(LK_OK,
	    lk_issue(world->m, "alice", &options, &token, &issued));
	assert_status(LK_OK, world_check(world, &token, &by_token));
	assert_status(LK_OK, lk_check_id(world->m, issued.id, &by_id));
	assert_string_equal(by_id.user, "alice");
	assert_string_equal(by_id.id, issued.id);
	assert_string_equal(by_id.client, by_token.client);
	assert_int_equal(by_id.issued_at, by_token.issued_at);
	assert_int_equal(by_id.expires_at, by_token.expires_at);
	assert_in_range(by_id.ttl, by_token.ttl - 5, by_token.ttl);
	assert_status(LK_OK, lk_check_id(world->m, other.id, &by_id));
	assert_string_equal(by_id.id, other.id);
}

static void
test_check_id_of_ended_session_is_refused(void **state)
{
	struct world *world = *state;
	static const struct lk_session zero;
	struct lk_session session[2], found;
	struct lk_token token[2];
	uint64_t revoked;

	world_issue(world, "alice", 600, &token[0], &session[0]);
	world_issue(world, "alice", 1, &token[1], &session[1]);
	assert_status(
	    LK_OK, lk_revoke(world->m, &token[0], NULL, &revoked));
	assert_status(
	    LK_UNKNOWN, lk_check_id(world->m, session[0].id, &found));
	assert_memory_equal(&found, &zero, sizeof(zero));
	assert_status(LK_EXPIRED, world_wait_for_end(world, &token[1]));
	assert_status(
	    LK_EXPIRED, lk_check_id(world->m, session[1].id, &found));
	assert_memory_equal(&found, &zero, sizeof(zero));
}

static void
test_check_id_of_garbage_is_malformed(void **state)
{
	static const char *const ids[] = { "", "A", "AAAAAAAAAAAAAAAAAAAAAA",
		"not base64!", "AAAAAAAAAAAAAAAAAAAAAAAA==", "../../etc" };
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	EACH(c, ids)
		assert_status(
		    LK_MALFORMED, lk_check_id(world->m, *c, &session));
	/* A token is no id; one of gosession's may read as one of nobody. */
	if (world_is_gosession(world))
		return;
	world_issue(world, "alice", 600, &token, NULL);
	assert_status(
	    LK_MALFORMED, lk_check_id(world->m, token.text, &session));
}

static void
test_revoke_all_ends_all_of_one_user_only(void **state)
{
	struct world *world = *state;
	struct lk_token alice[20], bob;
	struct lk_session session;
	uint64_t revoked;
	size_t i;

	world_issue(world, "bob", 600, &bob, NULL);
	for (i = 0; i < 20; i++)
		world_issue(world, "alice", 600, &alice[i], NULL);
	assert_status(
	    LK_OK, lk_revoke_all(world->m, "alice", NULL, &revoked));
	assert_int_equal(revoked, 20);
	for (i = 0; i < 20; i++)
		assert_status(
		    LK_UNKNOWN, world_check(world, &alice[i], &session));
	assert_status(LK_OK, world_check(world, &bob, &session));
	assert_status(
	    LK_OK, lk_revoke_all(world->m, "alice", NULL, &revoked));
	assert_int_equal(revoked, 0);
}

static void
test_revoke_others_ends_all_of_one_user_but_this_one(void **state)
{
	struct world *world = *state;
	struct lk_token alice[20], bob, kept;
	struct lk_session session;
	uint64_t revoked;
	size_t i;

	world_issue(world, "bob", 600, &bob, NULL);
	for (i = 0; i < 20; i++)
		world_issue(world, "alice", 600, &alice[i], NULL);
	kept = alice[7];
	assert_status(
	    LK_OK, lk_revoke_others(world->m, &kept, NULL, &revoked));
	assert_int_equal(revoked, 19);
	for (i = 0; i < 20; i++)
		assert_status(i == 7 ? LK_OK : LK_UNKNOWN,
		    world_check(world, &alice[i], &session));
	assert_int_equal(world_count(world, "alice"), 1);
	assert_status(LK_OK, world_check(world, &bob, &session));
	assert_status(
	    LK_OK, lk_revoke_others(world->m, &kept, NULL, &revoked));
	assert_int_equal(revoked, 0);
	/* It is still listed, and can be ended as any other. */
	assert_status(
	    LK_OK, lk_revoke_all(world->m, "alice", NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_UNKNOWN, world_check(world, &kept, &session));
}

/* Who has no session has no say over others. */
static void
test_revoke_others_without_a_live_session_ends_nothing(void **state)
{
	struct world *world = *state;
	struct lk_token dead, live, no_token;
	struct lk_session session;
	uint64_t revoked;

	world_issue(world, "alice", 600, &live, NULL);
	world_issue(world, "alice", 600, &dead, NULL);
	assert_status(LK_OK, lk_revoke(world->m, &dead, NULL, &revoked));
	assert_status(
	    LK_UNKNOWN, lk_revoke_others(world->m, &dead, NULL, &revoked));
	assert_int_equal(revoked, 0);
	world_token(&no_token, "garbage");
	assert_status(LK_MALFORMED,
	    lk_revoke_others(world->m, &no_token, NULL, &revoked));
	assert_int_equal(revoked, 0);
	assert_status(LK_OK, world_check(world, &live, &session));
}

static void
test_refresh_live_session_moves_its_end(void **state)
{
	struct world *world = *state;
	struct lk_session issued, refreshed, checked;
	struct lk_token token;

	world_issue(world, "alice", 60, &token, &issued);
	assert_status(
	    LK_OK, lk_refresh(world->m, &token, 6000, &refreshed));
	assert_in_range(refreshed.expires_at - issued.expires_at, 5940, 6000);
	assert_string_equal(refreshed.id, issued.id);
	assert_int_equal(refreshed.issued_at, issued.issued_at);
	assert_status(LK_OK, world_check(world, &token, &checked));
	assert_int_equal(checked.expires_at, refreshed.expires_at);
	world_assert_ttl(checked.ttl, 6000);

	assert_status(LK_OK, lk_refresh(world->m, &token, 30, &refreshed));
	assert_status(LK_OK, world_check(world, &token, &checked));
	world_assert_ttl(checked.ttl, 30);
}

static void
test_refresh_dead_session_stays_dead(void **state)
{
	struct world *world = *state;
	struct lk_token token, revoked_token, expired;
	struct lk_session session;
	uint64_t revoked;

	never_issued(world, &token);
	assert_status(
	    LK_UNKNOWN, lk_refresh(world->m, &token, 600, &session));
	assert_status(LK_UNKNOWN, world_check(world, &token, &session));

	world_issue(world, "alice", 600, &revoked_token, NULL);
	assert_status(
	    LK_OK, lk_revoke(world->m, &revoked_token, NULL, &revoked));
	assert_status(LK_UNKNOWN,
	    lk_refresh(world->m, &revoked_token, 600, &session));
	assert_status(
	    LK_UNKNOWN, world_check(world, &revoked_token, &session));

	world_issue(world, "alice", 1, &expired, NULL);
	assert_status(LK_EXPIRED, world_wait_for_end(world, &expired));
	assert_status(
	    LK_EXPIRED, lk_refresh(world->m, &expired, 600, &session));
	assert_status(LK_EXPIRED, world_check(world, &expired, &session));
	assert_int_equal(world_count(world, "alice"), 0);
}

static void
test_session_of_one_second_is_valid_at_once_and_then_expired(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	world_issue(world, "alice", 1, &token, &session);
	assert_int_equal(session.ttl, 1);
	assert_status(LK_OK, world_check(world, &token, &session));
	assert_int_equal(session.ttl, 1);
	assert_status(LK_EXPIRED, world_wait_for_end(world, &token));
	assert_true(is_zero(&session, 0));
	assert_int_equal(world_count(world, "alice"), 0);
}

static void
test_session_of_sixty_days_lives_and_is_listed(void **state)
{
	const int64_t days60 = 60 * 86400;
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token, other;
	uint64_t revoked;

	world_issue(world, "alice", days60, &token, NULL);
	/* A shorter one must not shorten what all of them hang on. */
	world_issue(world, "alice", 60, &other, NULL);
	assert_status(LK_OK, lk_refresh(world->m, &other, 10, &session));
	assert_status(LK_OK, world_check(world, &token, &session));
	world_assert_ttl(session.ttl, days60);
	assert_int_equal(world_count(world, "alice"), 2);
	assert_status(
	    LK_OK, lk_revoke_all(world->m, "alice", NULL, &revoked));
	assert_int_equal(revoked, 2);
}

static void
test_ttl_out_of_range_is_invalid(void **state)
{
	static const int64_t ttls[] = { -1, INT64_MIN, LK_TTL_MAX + 1LL,
		4294967296LL, INT64_MAX };
	struct world *world = *state;
	struct lk_issue_options options = { .ttl = 0 };
	struct lk_session session;
	struct lk_token token, live;

	world_issue(world, "alice", 60, &live, NULL);
	EACH(c, ttls) {
		options.ttl = *c;
		assert_status(LK_E_INVAL,
		    lk_issue(world->m, "alice", &options, &token, &session));
		assert_true(is_zero(&token, sizeof(token)));
		assert_status(LK_E_INVAL,
		    lk_refresh(world->m, &live, *c, &session));
	}
	options.ttl = LK_TTL_MAX;
	assert_status(LK_OK,
	    lk_issue(world->m, "alice", &options, &token, &session));
	assert_status(LK_OK, world_check(world, &token, &session));
	assert_true(session.ttl > LK_TTL_MAX - 60);
}

static void
test_ttl_zero_is_the_settings_default(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	world_settle(world, "ttl = 1234;", "", "");
	world_issue(world, "alice", 0, &token, &session);
	assert_int_equal(session.ttl, 1234);
	assert_status(LK_OK, lk_refresh(world->m, &token, 0, &session));
	world_assert_ttl(session.ttl, 1234);
}

static void
test_user_ids_of_any_bytes_are_kept_apart(void **state)
{
	static const char *const ids[] = { "a", "a b", "a  b", "A",
		"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "'", "\"",
		("a\xc2\xa0" "b"),
		"\\", "{a}", "}:s:", "a:b", "*", "?", "%s%n", "$(id)", "-x",
		"0", "1 2 3", "-" };
	struct world *world = *state;
	struct lk_token token[COUNT(ids)];
	struct lk_session session;
	char longest[LK_USER_ID_MAX + 1];
	const size_t n = COUNT(ids);
	uint64_t revoked;
	size_t i;

	for (i = 0; i < n; i++)
		world_issue(world, ids[i], 600, &token[i], NULL);
	for (i = 0; i < n; i++) {
		assert_status(LK_OK, world_check(world, &token[i], &session));
		assert_string_equal(session.user, ids[i]);
		assert_int_equal(world_count(world, ids[i]), 1);
	}
	for (i = 0; i < n; i++) {
		assert_status(LK_OK,
		    lk_revoke_all(world->m, ids[i], NULL, &revoked));
		assert_int_equal(revoked, 1);
	}
	memset(longest, 'x', LK_USER_ID_MAX);
	longest[LK_USER_ID_MAX] = '\0';
	world_issue(world, longest, 600, &token[0], NULL);
	assert_status(LK_OK, world_check(world, &token[0], &session));
	assert_string_equal(session.user, longest);
	assert_status(
	    LK_OK, lk_revoke_id(world->m, session.id, NULL, &revoked));
	assert_int_equal(revoked, 1);
}

static void
test_user_id_unfit_is_invalid(void **state)
{
	struct world *world = *state;
	char too_long[LK_USER_ID_MAX + 2];
	const char *const ids[] = { "", "a\nb", "a\rb", "\x01", "a\x7f",
		"a\tb", too_long };
	static const char *const odd[] = { " a", "a ", "caf\xe9", "\xff\xfe",
		"a\xc2\x85", ("\xe2\x80\xae" "a"), "a\xe3\x80\x80" };
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;

	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	EACH(c, ids) {
		assert_status(LK_E_INVAL,
		    lk_issue(world->m, *c, NULL, &token, &session));
		assert_true(is_zero(&token, sizeof(token)));
		assert_true(is_zero(&session, sizeof(session)));
		assert_status(LK_E_INVAL,
		    lk_revoke_all(world->m, *c, NULL, &revoked));
	}
	EACH(c, odd) {
		assert_status(LK_E_INVAL,
		    lk_issue(world->m, *c, NULL, &token, &session));
		assert_non_null(strstr(lk_manager_error(world->m), "UTF-8"));
		assert_status(LK_E_INVAL, lk_user_put(world->m, *c, "{}", 60));
	}
}

/* Start a session as versions did that took any bytes. */
static void
issue_as_before(struct world *world, const char *user, struct lk_token *token)
{
	struct lk_token_key key;
	const struct lk_issue_request request = { .key = &key, .user = user,
		.client = "", .ttl = 600 };
	struct lk_store *store = world->m->store;
	struct lk_session session;

	assert_status(LK_OK, lk_token_generate(store->shape, user,
	    world->m->surroundings.random, world->m->surroundings.arg, token));
	assert_status(LK_OK, lk_token_parse(token, &key));
	assert_status(LK_OK, store->ops->issue(store, &request,
	    lk_manager_begin(world->m), &session));
}

static void
count_lines(void *arg, const char *lines, size_t len)
{
	size_t *count = arg;

	for (; len > 0; len--)
		*count += *lines++ == '\n';
}

static void
test_user_id_of_a_session_from_before_can_be_ended(void **state)
{
	static const char *const ids[] = { " a", "a ", "caf\xe9", "caf\xe8",
		"a\xc2\x85", "a\xe3\x80\x80" };
	const size_t n = COUNT(ids);
	struct lk_token token[COUNT(ids)];
	struct world *world = *state;
	struct lk_export_state exported;
	struct lk_export *exporting;
	struct lk_session session;
	uint64_t revoked;
	size_t i, lines = 0;

	/* The agent issues none, and exports none. */
	if (world->by_agent)
		return;
	for (i = 0; i < n; i++)
		issue_as_before(world, ids[i], &token[i]);
	assert_status(LK_OK, lk_export_new(world->m, false, &exporting));
	do {
		assert_status(LK_OK, lk_export_some(exporting, count_lines,
		    &lines, &exported));
	} while (!exported.done);
	lk_export_free(exporting);
	assert_int_equal(lines, 2);
	assert_int_equal(exported.unreadable, n);
	for (i = 0; i < n; i++) {
		assert_status(LK_OK, world_check(world, &token[i], &session));
		assert_string_equal(session.user, ids[i]);
		assert_int_equal(world_count(world, ids[i]), 1);
		assert_status(LK_OK, i % 2 == 0
		    ? lk_revoke_all(world->m, ids[i], NULL, &revoked)
		    : lk_revoke_id(world->m, session.id, NULL, &revoked));
		assert_int_equal(revoked, 1);
		assert_status(LK_UNKNOWN,
		    world_check(world, &token[i], &session));
	}
}

static void
test_user_id_with_underscore_depends_on_the_layout(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;

	if (world_is_gosession(world)) {
		assert_status(LK_E_INVAL,
		    lk_issue(world->m, "a_b", NULL, &token, NULL));
		assert_status(LK_E_INVAL,
		    lk_revoke_all(world->m, "a_b", NULL, &revoked));
		return;
	}
	world_issue(world, "a_b", 600, &token, NULL);
	assert_status(LK_OK, world_check(world, &token, &session));
	assert_string_equal(session.user, "a_b");
	assert_status(LK_OK, lk_refresh(world->m, &token, 60, &session));
	assert_int_equal(world_count(world, "a"), 0);
	assert_int_equal(world_count(world, "a_b"), 1);
}

static void
test_client_unfit_is_invalid(void **state)
{
	static const char *const clients[] = { "-", "-x", "a b", "a\nb", "\xc3",
		"123456789012345678901234567890123", "a/b" };
	struct world *world = *state;
	struct lk_issue_options options = { .ttl = 60 };
	struct lk_token token;

	EACH(c, clients) {
		options.client = *c;
		assert_status(LK_E_INVAL,
		    lk_issue(world->m, "alice", &options, &token, NULL));
	}
	options.client = "12345678901234567890123456789012";
	assert_status(
	    LK_OK, lk_issue(world->m, "alice", &options, &token, NULL));
}

/* ---- Lists ------------------------------------------------------------- */

struct seen {
	size_t n;
	struct lk_session session[8];
	struct lk_token token[8];
};

static void
see(void *arg, const struct lk_session *session, const struct lk_token *token)
{
	struct seen *seen = arg;

	assert_true(seen->n < 8);
	seen->session[seen->n] = *session;
	if (token != NULL)
		seen->token[seen->n] = *token;
	seen->n++;
}

static void
test_list_is_by_expiry_and_names_what_check_names(void **state)
{
	static const int64_t ttls[] = { 300, 100, 200 };
	static const size_t order[] = { 1, 2, 0 };
	struct world *world = *state;
	struct seen *seen = calloc(1, sizeof(*seen));
	struct lk_session session[3], checked;
	struct lk_token token[3];
	size_t i;

	assert_non_null(seen);
	for (i = 0; i < 3; i++)
		world_issue(world, "alice", ttls[i], &token[i], &session[i]);
	assert_status(LK_OK, lk_list(world->m, "alice", see, seen));
	assert_int_equal(seen->n, 3);
	for (i = 0; i < 3; i++) {
		assert_status(
		    LK_OK, world_check(world, &token[order[i]], &checked));
		assert_string_equal(seen->session[i].id, checked.id);
		assert_string_equal(seen->session[i].user, "alice");
		assert_int_equal(
		    seen->session[i].expires_at, checked.expires_at);
		assert_int_equal(
		    seen->session[i].issued_at, checked.issued_at);
		assert_string_equal(seen->token[i].text,
		    world_is_gosession(world) ? token[order[i]].text : "");
	}
	free(seen);
}

static void
test_list_of_unknown_user_is_empty(void **state)
{
	assert_int_equal(world_count(*state, "nobody"), 0);
}

static void
test_list_of_ten_thousand_sessions_is_whole(void **state)
{
	struct world *world = *state;
	struct lk_token token;
	uint64_t revoked;
	size_t i;

	world_settle(world, "max_per_user = 0;", "", "");
	for (i = 0; i < 10000; i++)
		world_issue(world, "alice", 600, &token, NULL);
	assert_int_equal(world_count(world, "alice"), 10000);
	assert_status(
	    LK_OK, lk_revoke_all(world->m, "alice", NULL, &revoked));
	assert_int_equal(revoked, 10000);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_SESSIONS, tests, count)
#include "support/suite.h"
