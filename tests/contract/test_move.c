/* What every store and layout promises about being moved, swept, counted. */
#include <time.h>

#include "world.h"

/* Lines that were exported, or are to be imported. */
struct lines {
	char *text;
	size_t len;
};

#define HEADER                                                   \
	"{\"type\":\"header\",\"format\":\"latchkey-sessions\"," \
	"\"version\":1}\n"
#define END "{\"type\":\"end\"}\n"

static void
collect(void *arg, const char *text, size_t len)
{
	struct lines *lines = arg;

	lines->text = realloc(lines->text, lines->len + len + 1);
	assert_non_null(lines->text);
	memcpy(lines->text + lines->len, text, len);
	lines->len += len;
	lines->text[lines->len] = '\0';
}

/* Write all of the store out; the caller frees the text. */
static struct lk_export_state
export_all(struct world *world, bool tokens, struct lines *lines)
{
	struct lk_export_state state = { .done = false };
	struct lk_export *exporting;
	double part = 0;

	memset(lines, 0, sizeof(*lines));
	assert_status(LK_OK, lk_export_new(world->m, tokens, &exporting));
	while (!state.done) {
		assert_status(LK_OK,
		    lk_export_some(exporting, collect, lines, &state));
		assert_true(state.part >= part && state.part <= 1);
		part = state.part;
	}
	lk_export_free(exporting);
	return (state);
}

static enum lk_status
import_text(struct world *world, const char *text,
    struct lk_import_state *state)
{
	struct lk_import *importing;
	enum lk_status status = LK_OK;
	const char *end;

	assert_status(LK_OK, lk_import_new(world->m, &importing));
	for (; *text != '\0' && status == LK_OK; text = end + 1) {
		end = strchr(text, '\n');
		assert_non_null(end);
		status = lk_import_line(importing, text, (size_t)(end - text));
	}
	if (status == LK_OK)
		assert_status(LK_OK, lk_import_flush(importing));
	lk_import_state(importing, state);
	lk_import_free(importing);
	return (status);
}

/* The same for one line between header and end. */
static struct lk_import_state
import_line(struct world *world, const char *line)
{
	struct lk_import_state state;
	char text[4096];

	(void)snprintf(text, sizeof(text), HEADER "%s\n" END, line);
	assert_status(LK_OK, import_text(world, text, &state));
	return (state);
}

static size_t
count_of(const char *text, const char *what)
{
	size_t count = 0;

	while ((text = strstr(text, what)) != NULL) {
		count++;
		text++;
	}
	return (count);
}

/* A session of gosession's shape that no store has yet. */
#define CAROL "carol_00112233445566778899aabbccddeeff"
#define CAROL_LINE(expires)                                            \
	"{\"type\":\"session\",\"user\":\"carol\",\"client\":\"\","    \
	"\"issued_us\":null,\"expires_ms\":" expires                   \
	",\"digest\":\"3YtUFeYMO7WAlFWaWV8kr8DjCYpugO3BEgj01_CfLVo\"," \
	"\"token\":\"" CAROL "\"}"

static int64_t
now_s(void)
{
	return ((int64_t)time(NULL));
}

/* The line of carol's session that ends ${ttl} seconds from now. */
static void
carol_line(char text[512], int64_t ttl)
{
	(void)snprintf(text, 512, CAROL_LINE("%lld"),
	    (long long)(now_s() + ttl) * 1000);
}

/* ---- Moving ------------------------------------------------------------ */

static void
test_move_sessions_to_an_empty_store_and_their_tokens_work(void **state)
{
	struct world *world = *state;
	struct lk_session before[20], after;
	struct lk_token tokens[20];
	struct lk_export_state exported;
	struct lk_import_state imported;
	struct lines lines;
	char user[16];
	size_t i;

	for (i = 0; i < 20; i++) {
		(void)snprintf(user, sizeof(user), "user %zu", i / 2);
		world_issue(world, user, 600 + (int64_t)i, &tokens[i],
		    &before[i]);
	}
	exported = export_all(world, true, &lines);
	assert_int_equal(exported.sessions, 20);
	assert_int_equal(exported.unreadable, 0);
	world_reset(state);
	assert_status(LK_OK, import_text(world, lines.text, &imported));
	assert_int_equal(imported.sessions, 20);
	assert_true(imported.done);
	for (i = 0; i < 20; i++) {
		assert_status(LK_OK, world_check(world, &tokens[i], &after));
		assert_string_equal(after.user, before[i].user);
		assert_string_equal(after.id, before[i].id);
		assert_string_equal(after.client, before[i].client);
		assert_int_equal(after.expires_at, before[i].expires_at);
		assert_int_equal(after.issued_at, before[i].issued_at);
	}
	assert_int_equal(world_count(world, "user 0"), 2);
	free(lines.text);
}

static void
test_move_of_more_than_a_page_meets_each_once(void **state)
{
	struct world *world = *state;
	struct lk_export_state exported;
	struct lk_session session;
	struct lk_token token;
	struct lines lines;
	char user[16], id[64];
	size_t i;

	for (i = 0; i < 1100; i++) {
		(void)snprintf(user, sizeof(user), "u%zu", i);
		world_issue(world, user, 600, &token, &session);
	}
	exported = export_all(world, false, &lines);
	assert_int_equal(exported.sessions, 1100);
	for (i = 0; i < 1100; i++) {
		(void)snprintf(id, sizeof(id), "\"user\":\"u%zu\",", i);
		assert_int_equal(count_of(lines.text, id), 1);
	}
	assert_int_equal(count_of(lines.text, "\"type\":\"end\""), 1);
	assert_null(strstr(lines.text, "\"token\""));
	free(lines.text);
}

static void
test_move_of_an_empty_store_is_header_and_end(void **state)
{
	struct world *world = *state;
	struct lk_import_state imported;
	struct lines lines;

	(void)export_all(world, false, &lines);
	assert_int_equal(count_of(lines.text, "\n"), 2);
	assert_status(LK_OK, import_text(world, lines.text, &imported));
	assert_int_equal(imported.sessions + imported.known, 0);
	free(lines.text);
}

static void
test_move_of_a_gosession_token_works_in_every_store(void **state)
{
	struct world *world = *state;
	struct lk_import_state imported;
	struct lk_session session;
	struct lk_token token;
	char line[512];

	carol_line(line, 600);
	world_token(&token, CAROL);
	assert_status(LK_UNKNOWN, world_check(world, &token, &session));
	imported = import_line(world, line);
	assert_int_equal(imported.sessions, 1);
	assert_status(LK_OK, world_check(world, &token, &session));
	assert_string_equal(session.user, "carol");
	assert_int_equal(session.issued_at, 0);
	world_assert_ttl(session.ttl, 600);
	assert_int_equal(world_count(world, "carol"), 1);
	assert_status(LK_OK, lk_refresh(world->m, &token, 900, &session));
}

/* What is there twice among lines that are put together is put once. */
static void
test_move_twice_at_once_is_one(void **state)
{
	struct world *world = *state;
	struct lk_import_state imported;
	struct lk_session session;
	struct lk_token token;
	char line[512], later[512], text[2048];

	world_token(&token, CAROL);
	carol_line(line, 600);
	carol_line(later, 1200);
	(void)snprintf(text, sizeof(text), HEADER "%s\n%s\n%s\n" END, line,
	    line, later);
	assert_status(LK_OK, import_text(world, text, &imported));
	assert_int_equal(imported.sessions, 2);
	assert_int_equal(imported.known, 1);
	assert_status(LK_OK, world_check(world, &token, &session));
	world_assert_ttl(session.ttl, 1200);
	assert_int_equal(world_count(world, "carol"), 1);
	if (world_is_gosession(world))
		return;
	/* Another in the place of one that is put with it. */
	world_reset(state);
	*strstr(line, ",\"token\"") = '\0';
	memcpy(later, line, sizeof(later));
	memcpy(strstr(later, "LVo\""), "LVA\"", 4);
	(void)snprintf(text, sizeof(text), HEADER "%s}\n%s}\n" END, line,
	    later);
	assert_status(LK_OK, import_text(world, text, &imported));
	assert_int_equal(imported.sessions, 1);
	assert_int_equal(imported.conflict, 1);
}

static void
test_move_twice_leaves_the_later_end(void **state)
{
	struct world *world = *state;
	struct lk_import_state imported;
	struct lk_session session;
	struct lk_token token;
	char line[512];

	world_token(&token, CAROL);
	carol_line(line, 600);
	assert_int_equal(import_line(world, line).sessions, 1);
	imported = import_line(world, line);
	assert_int_equal(imported.sessions, 0);
	assert_int_equal(imported.known, 1);
	carol_line(line, 60);
	assert_int_equal(import_line(world, line).known, 1);
	assert_status(LK_OK, world_check(world, &token, &session));
	world_assert_ttl(session.ttl, 600);
	carol_line(line, 1200);
	assert_int_equal(import_line(world, line).sessions, 1);
	assert_status(LK_OK, world_check(world, &token, &session));
	world_assert_ttl(session.ttl, 1200);
	assert_int_equal(world_count(world, "carol"), 1);
}

static void
test_move_of_an_expired_session_leaves_it_out(void **state)
{
	struct world *world = *state;
	struct lk_import_state imported;
	struct lk_session session;
	struct lk_token token;
	char line[512];

	world_token(&token, CAROL);
	carol_line(line, -1);
	imported = import_line(world, line);
	assert_int_equal(imported.expired, 1);
	assert_int_equal(imported.sessions, 0);
	assert_status(LK_UNKNOWN, world_check(world, &token, &session));
}

static void
test_move_without_token_depends_on_the_layout(void **state)
{
	struct world *world = *state;
	struct lk_import_state imported;
	struct lk_session session;
	struct lk_token token;
	char line[512], *comma;

	carol_line(line, 600);
	comma = strstr(line, ",\"token\"");
	assert_non_null(comma);
	strcpy(comma, "}");
	world_token(&token, CAROL);
	imported = import_line(world, line);
	if (world_is_gosession(world)) {
		assert_int_equal(imported.no_token, 1);
		assert_status(LK_UNKNOWN, world_check(world, &token, &session));
	} else {
		assert_int_equal(imported.sessions, 1);
		assert_status(LK_OK, world_check(world, &token, &session));
	}
}

static void
test_move_ignores_limits_until_the_next_login(void **state)
{
	struct world *world = *state;
	struct lk_token token;
	char line[512];

	world_settle(world, "single = true;", "", "");
	world_issue(world, "carol", 600, &token, NULL);
	carol_line(line, 600);
	assert_int_equal(import_line(world, line).sessions, 1);
	assert_int_equal(world_count(world, "carol"), 2);
	world_issue(world, "carol", 600, &token, NULL);
	assert_int_equal(world_count(world, "carol"), 1);
}

static void
test_move_is_revoked_like_any_other(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;
	char line[512];

	world_token(&token, CAROL);
	carol_line(line, 600);
	(void)import_line(world, line);
	assert_status(LK_OK, world_check(world, &token, &session));
	assert_status(LK_OK,
	    lk_revoke_id(world->m, session.id, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_UNKNOWN, world_check(world, &token, &session));
	(void)import_line(world, line);
	assert_status(LK_OK, lk_revoke_all(world->m, "carol", NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_UNKNOWN, world_check(world, &token, &session));
}

/* ---- Users ------------------------------------------------------------- */

static void
test_move_users_to_an_empty_store_keeps_detail_and_life(void **state)
{
	struct world *world = *state;
	struct lk_import_state imported;
	struct lk_user user;
	struct lines lines;

	assert_status(LK_OK,
	    lk_user_put(world->m, "\xc3\xa4-ice", "{\"n\":[1,\"\"]}", 600));
	assert_int_equal(export_all(world, false, &lines).users, 1);
	world_reset(state);
	assert_status(LK_OK, import_text(world, lines.text, &imported));
	assert_int_equal(imported.users, 1);
	assert_status(LK_OK, lk_user_get(world->m, "\xc3\xa4-ice", &user));
	assert_string_equal(user.detail, "{\"n\":[1,\"\"]}");
	lk_user_clear(&user);
	/* What is cached for longer is newer. */
	assert_status(LK_OK, lk_user_put(world->m, "\xc3\xa4-ice", "2", 900));
	assert_status(LK_OK, import_text(world, lines.text, &imported));
	assert_int_equal(imported.known, 1);
	assert_status(LK_OK, lk_user_get(world->m, "\xc3\xa4-ice", &user));
	assert_string_equal(user.detail, "2");
	lk_user_clear(&user);
	assert_status(LK_OK, lk_user_put(world->m, "\xc3\xa4-ice", "3", 60));
	assert_status(LK_OK, import_text(world, lines.text, &imported));
	assert_int_equal(imported.users, 1);
	free(lines.text);
}

static void
test_move_users_of_longest_detail_fits(void **state)
{
	struct world *world = *state;
	char *detail = malloc(LK_DETAIL_MAX + 1), id[16];
	struct lk_import_state imported;
	struct lines lines;
	size_t i;

	assert_non_null(detail);
	memset(detail, 'x', LK_DETAIL_MAX);
	detail[0] = detail[LK_DETAIL_MAX - 1] = '"';
	detail[LK_DETAIL_MAX] = '\0';
	for (i = 0; i < 40; i++) {
		(void)snprintf(id, sizeof(id), "user%zu", i);
		assert_status(LK_OK, lk_user_put(world->m, id, detail, 600));
	}
	assert_int_equal(export_all(world, false, &lines).users, 40);
	world_reset(state);
	assert_status(LK_OK, import_text(world, lines.text, &imported));
	assert_int_equal(imported.users, 40);
	free(lines.text);
	free(detail);
}

static void
test_move_user_with_underscore_depends_on_the_layout(void **state)
{
	struct world *world = *state;
	struct lk_import_state imported;
	char line[256];

	(void)snprintf(line, sizeof(line),
	    "{\"type\":\"user\",\"user\":\"a_b\",\"expires_ms\":%lld,"
	    "\"detail\":1}",
	    (long long)(now_s() + 600) * 1000);
	imported = import_line(world, line);
	assert_int_equal(imported.unfit_user, world_is_gosession(world));
	assert_int_equal(imported.users, !world_is_gosession(world));
}

/* ---- Wrong lines ------------------------------------------------------- */

static void
test_move_wrong_line_is_named_and_those_before_stay(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_import_state imported;
	struct lk_import *importing;
	struct lk_token token;
	char line[512];

	world_token(&token, CAROL);
	carol_line(line, 600);
	assert_status(LK_OK, lk_import_new(world->m, &importing));
	assert_status(LK_OK,
	    lk_import_line(importing, HEADER, strlen(HEADER) - 1));
	assert_status(LK_OK, lk_import_line(importing, line, strlen(line)));
	assert_status(LK_E_INVAL, lk_import_line(importing, "{}", 2));
	assert_non_null(strstr(lk_manager_error(world->m), "line 3: "));
	assert_status(LK_OK, lk_import_flush(importing));
	lk_import_state(importing, &imported);
	assert_int_equal(imported.sessions, 1);
	assert_false(imported.done);
	lk_import_free(importing);
	assert_status(LK_OK, world_check(world, &token, &session));
}

static void
test_move_order_of_lines_matters(void **state)
{
	struct world *world = *state;
	struct lk_import_state imported;
	char line[512], text[2048];

	carol_line(line, 600);
	(void)snprintf(text, sizeof(text), "%s\n", line);
	assert_status(LK_E_INVAL, import_text(world, text, &imported));
	assert_status(LK_E_INVAL, import_text(world, HEADER HEADER, &imported));
	(void)snprintf(text, sizeof(text), HEADER END "%s\n", line);
	assert_status(LK_E_INVAL, import_text(world, text, &imported));
	assert_int_equal(imported.sessions, 0);
	carol_line(line, LK_TTL_MAX + (int64_t)2 * 86400);
	(void)snprintf(text, sizeof(text), HEADER "%s\n" END, line);
	assert_status(LK_E_INVAL, import_text(world, text, &imported));
	assert_non_null(strstr(lk_manager_error(world->m), "ten years"));
}

/* ---- What is not ours -------------------------------------------------- */

static void
test_move_passes_over_what_is_not_ours(void **state)
{
	struct world *world = *state;
	struct lk_export_state exported;
	struct lk_store_stats stats;
	struct lk_token token;
	struct lines lines;

	world_issue(world, "alice", 600, &token, NULL);
	if (!world_is_redis(world))
		return;
	freeReplyObject(world_redis(world, "SET other value"));
	freeReplyObject(world_redis(world, "SET gosession-tokenX_y value"));
	if (world_is_gosession(world)) {
		freeReplyObject(world_redis(world,
		    "SET gosession-token_bob_0123456789abcdef0123456789abcdef "
		    "garbage EX 100"));
		freeReplyObject(world_redis(world,
		    "HSET gosession-token_bob "
		    "bob_0123456789abcdef0123456789abcdef 1"));
		freeReplyObject(
		    world_redis(world, "SET gosession-user_bob x EX 100"));
	} else {
		freeReplyObject(world_redis(world,
		    "SET latchkey:{AAAAAAAAAAAAAAAAAAAAAA}:s:"
		    "AAAAAAAAAAAAAAAAAAAAAA garbage EX 100"));
		freeReplyObject(world_redis(world,
		    "SET latchkey:{AAAAAAAAAAAAAAAAAAAAAA}:u x EX 100"));
	}
	exported = export_all(world, false, &lines);
	assert_int_equal(exported.sessions, 1);
	assert_int_equal(exported.unreadable, 2);
	assert_int_equal(count_of(lines.text, "\n"), 3);
	free(lines.text);
	assert_status(LK_OK, lk_store_stats(world->m, &stats));
	assert_int_equal(stats.sessions, 2);
}

static void
test_move_into_a_place_taken_is_a_conflict(void **state)
{
	struct world *world = *state;
	char line[512];

	carol_line(line, 600);
	(void)import_line(world, line);
	if (!world_is_redis(world))
		return;
	if (world_is_gosession(world))
		freeReplyObject(world_redis(world,
		    "SET gosession-token_" CAROL
		    " gosession-user_bob KEEPTTL"));
	else
		freeReplyObject(world_redis(world, "EVAL %s 0",
		    "for _, k in ipairs(redis.call('KEYS', '*:s:*')) do "
		    "local r = redis.call('GET', k) redis.call('SET', k, "
		    "(string.gsub(r, '(%d+ %d+ %d+ )(%S+)', "
		    "'%13YtUFeYMO7WAlFWaWV8kr8DjCYpugO3BEgj01_CfLAo')), "
		    "'KEEPTTL') end"));
	carol_line(line, 900);
	assert_int_equal(import_line(world, line).conflict, 1);
}

/* ---- Counting and sweeping --------------------------------------------- */

static void
test_stats_of_the_store_count_what_is_there(void **state)
{
	struct world *world = *state;
	struct lk_store_stats stats;
	struct lk_token token;
	size_t i;

	assert_status(LK_OK, lk_store_stats(world->m, &stats));
	assert_int_equal(stats.sessions, 0);
	assert_int_equal(stats.users, 0);
	for (i = 0; i < 300; i++)
		world_issue(world, i % 2 == 0 ? "alice" : "bob", 600, &token,
		    NULL);
	assert_status(LK_OK, lk_user_put(world->m, "alice", "1", 600));
	assert_status(LK_OK, lk_store_stats(world->m, &stats));
	assert_int_equal(stats.sessions, 300);
	assert_int_equal(stats.users, 1);
	/* The leanest of servers has 96 bytes for a session; MariaDB keeps the
	 * room of what the tests before had in its tables. */
	assert_in_range(stats.bytes, 300 * 50,
	    world->maria != NULL ? 300 * 50000 : 300 * 2000);
	assert_non_null(strstr(stats.store, world->layout));
}

/* What gosession's own RefreshToken leaves behind, or the 30 days of its
 * index: a token that no index knows opens nothing, and is no session. */
static void
test_stats_of_the_store_leave_out_orphans(void **state)
{
	struct world *world = *state;
	struct lk_store_stats stats;
	struct lk_session session;
	struct lk_token orphan, token;

	if (!world_is_gosession(world)) {
		print_message("# skipped: there are none in this layout\n");
		skip();
	}
	world_issue(world, "alice", 600, &orphan, NULL);
	world_issue(world, "bob", 600, &token, NULL);
	freeReplyObject(
	    world_redis(world, "HDEL gosession-token_alice %s", orphan.text));
	assert_status(LK_UNKNOWN, world_check(world, &orphan, &session));
	assert_status(LK_OK, lk_store_stats(world->m, &stats));
	assert_int_equal(stats.sessions, 1);
}

static void
test_sweep_of_the_store_clears_only_what_expired(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token alice, bob;
	uint64_t swept;

	world_issue(world, "alice", 1, &alice, NULL);
	world_issue(world, "bob", 600, &bob, NULL);
	assert_status(LK_EXPIRED, world_wait_for_end(world, &alice));
	assert_status(LK_OK, lk_store_sweep(world->m, &swept));
	assert_int_equal(swept, 1);
	assert_status(LK_OK, lk_store_sweep(world->m, &swept));
	assert_int_equal(swept, 0);
	assert_status(LK_UNKNOWN, world_check(world, &alice, &session));
	assert_status(LK_OK, world_check(world, &bob, &session));
	assert_int_equal(world_count(world, "bob"), 1);
}

/* Refused lines take no room from those that follow. */
static void
test_move_goes_on_after_any_number_of_refused_users(void **state)
{
	struct world *world = *state;
	struct lk_import_state imported;
	struct lk_import *importing;
	char *line = malloc(LK_DETAIL_MAX + 256), *detail;
	struct lk_user user;
	int i;

	assert_non_null(line);
	detail = malloc(LK_DETAIL_MAX - 1);
	assert_non_null(detail);
	memset(detail, 'x', LK_DETAIL_MAX - 2);
	detail[LK_DETAIL_MAX - 2] = '\0';
	assert_status(LK_OK, lk_import_new(world->m, &importing));
	assert_status(LK_OK,
	    lk_import_line(importing, HEADER, strlen(HEADER) - 1));
	for (i = 0; i < 40; i++) {
		/* It ends too far ahead. */
		(void)snprintf(line, LK_DETAIL_MAX + 256,
		    "{\"type\":\"user\",\"user\":\"u%d\","
		    "\"expires_ms\":99999999999999,\"detail\":\"%s\"}",
		    i, detail);
		assert_status(LK_E_INVAL,
		    lk_import_line(importing, line, strlen(line)));
	}
	(void)snprintf(line, LK_DETAIL_MAX + 256,
	    "{\"type\":\"user\",\"user\":\"alice\",\"expires_ms\":%lld,"
	    "\"detail\":{}}",
	    (long long)(now_s() + 600) * 1000);
	assert_status(LK_OK, lk_import_line(importing, line, strlen(line)));
	assert_status(LK_OK, lk_import_flush(importing));
	lk_import_state(importing, &imported);
	assert_int_equal(imported.users, 1);
	lk_import_free(importing);
	assert_status(LK_OK, lk_user_get(world->m, "alice", &user));
	assert_string_equal(user.detail, "{}");
	lk_user_clear(&user);
	free(detail);
	free(line);
}

static void
test_move_of_a_session_issued_in_the_future_is_refused(void **state)
{
	struct world *world = *state;
	struct lk_import_state imported;
	char line[512], text[1024], *issued;

	carol_line(line, 600);
	issued = strstr(line, "null");
	assert_non_null(issued);
	(void)snprintf(text, sizeof(text), HEADER "%.*s%s%s\n" END,
	    (int)(issued - line), line, "999999999999999999",
	    issued + strlen("null"));
	assert_status(LK_E_INVAL, import_text(world, text, &imported));
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_ALL, tests, count)
#include "support/suite.h"
