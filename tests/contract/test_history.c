/* What every store promises about why sessions ended, and their history. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/settings.h"
#include "world.h"

#define FIREFOX "Firefox on a phone"

static struct world *
settle(void **state, const char *session)
{
	struct world *world = *state;

	world_settle(world, session, "", "");
	return (world);
}

/* The same, and one session of a user may be "web"; where there are no kinds,
 * he may have one. */
static struct world *
settle_one_web(void **state, const char *session)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%s %s", session,
	    world_is_gosession(*state)
	        ? "single = true;"
	        : "clients = ( { kinds = [ \"web\" ]; max = 1; } );");
	return (settle(state, text));
}

static enum lk_status
issue(struct world *world, const char *client, const char *peer,
    struct lk_token *token)
{
	const struct lk_issue_options options = { .client = client,
		.peer = peer,
		.agent = FIREFOX,
		.actor = "test" };

	return (lk_issue(world->m, "alice", &options, token, NULL));
}

/* Why the session of ${token}, which is dead, ended; by both ways to ask. */
static enum lk_reason
ended(struct world *world, const struct lk_token *token)
{
	struct lk_session session;

	assert_status(LK_UNKNOWN, world_check(world, token, &session));
	return (lk_ended(world->m));
}

/* The history, the newest first. */
#define ENTRIES 512
struct history {
	struct lk_entry entry[ENTRIES];
	size_t n;
};

static void
take(void *arg, const struct lk_entry *entry)
{
	struct history *history = arg;

	assert_true(history->n < ENTRIES);
	history->entry[history->n++] = *entry;
}

static struct history *
history_of(struct world *world, const char *user)
{
	struct history *history = calloc(1, sizeof(*history));

	assert_non_null(history);
	assert_status(LK_OK, lk_history(world->m, user, take, history));
	return (history);
}

/* How many entries are of a sort, and how many events they stand for. */
static size_t
count(struct world *world, enum lk_event event, enum lk_reason reason,
    const char *client, uint64_t *events)
{
	struct history *history = history_of(world, "alice");
	size_t i, n = 0;

	*events = 0;
	for (i = 0; i < history->n; i++) {
		if (history->entry[i].event != event ||
		    history->entry[i].reason != reason ||
		    strcmp(history->entry[i].client, client) != 0)
			continue;
		n++;
		*events += history->entry[i].count;
	}
	free(history);
	return (n);
}

/* ---- Reasons ------------------------------------------------------------ */

static void
test_reason_of_each_end_is_told_to_who_holds_the_token(void **state)
{
	struct world *world = settle_one_web(state, "");
	struct lk_token limited, web, kept, token[6];
	struct lk_revoke_options options = { .reason = "logout" };
	struct lk_session session;
	uint64_t revoked;
	size_t i;

	assert_status(LK_OK, issue(world, "web", NULL, &limited));
	assert_status(LK_OK, issue(world, "web", NULL, &web));
	assert_int_equal(ended(world, &limited), LK_REASON_LIMIT);
	world_settle(world, "", "", "");
	for (i = 0; i < 6; i++)
		assert_status(LK_OK, issue(world, "ssh", NULL, &token[i]));
	assert_status(LK_OK,
	    lk_revoke(world->m, &token[0], &options, &revoked));
	assert_int_equal(ended(world, &token[0]), LK_REASON_LOGOUT);
	options.reason = "whatever it was";
	assert_status(LK_OK,
	    lk_revoke(world->m, &token[1], &options, &revoked));
	assert_int_equal(ended(world, &token[1]), LK_REASON_REVOKED);
	/* Nobody else may say that it was a limit. */
	options.reason = "limit";
	assert_status(LK_OK, world_check(world, &token[2], &session));
	assert_status(LK_OK,
	    lk_revoke_id(world->m, session.id, &options, &revoked));
	assert_int_equal(ended(world, &token[2]), LK_REASON_REVOKED);
	kept = token[3];
	assert_status(LK_OK,
	    lk_revoke_others(world->m, &kept, NULL, &revoked));
	assert_int_equal(revoked, 3);
	assert_int_equal(ended(world, &web), LK_REASON_LOGOUT_OTHERS);
	assert_int_equal(ended(world, &token[4]), LK_REASON_LOGOUT_OTHERS);
	assert_status(LK_OK, world_check(world, &kept, &session));
	options.reason = "logout-all";
	assert_status(LK_OK,
	    lk_revoke_all(world->m, "alice", &options, &revoked));
	assert_int_equal(ended(world, &kept), LK_REASON_LOGOUT_ALL);
	/* A refresh hears it as well, and revives nothing. */
	assert_status(LK_UNKNOWN,
	    lk_refresh(world->m, &kept, 0, &session));
	assert_int_equal(lk_ended(world->m), LK_REASON_LOGOUT_ALL);
}

static void
test_reason_is_told_to_nobody_who_does_not_hold_the_token(void **state)
{
	struct world *world = settle(state, "");
	struct lk_token token, other;
	struct lk_session session;
	struct lk_user user;
	char id[LK_SESSION_ID_MAX + 1];
	uint64_t revoked;
	char *last;

	assert_status(LK_OK, issue(world, "web", NULL, &token));
	assert_status(LK_OK, world_check(world, &token, &session));
	memcpy(id, session.id, sizeof(id));
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_int_equal(ended(world, &token), LK_REASON_REVOKED);
	/* An id is no token. */
	assert_status(LK_UNKNOWN, lk_check_id(world->m, id, &session));
	assert_int_equal(lk_ended(world->m), LK_REASON_NONE);
	/* Nor is one that differs in its last letter. */
	other = token;
	last = other.text + other.len - 5;
	*last = *last == '1' ? '2' : '1';
	assert_int_equal(ended(world, &other), LK_REASON_NONE);
	/* With the user it is told, and forgotten by what comes next. */
	assert_status(LK_UNKNOWN,
	    lk_check_user(world->m, &token, &session, &user));
	assert_int_equal(lk_ended(world->m), LK_REASON_REVOKED);
	assert_status(LK_OK, lk_ping(world->m));
	assert_int_equal(lk_check_id(world->m, id, &session), LK_UNKNOWN);
	assert_int_equal(lk_ended(world->m), LK_REASON_NONE);
}

static void
test_reasons_are_kept_for_no_longer_than_is_set(void **state)
{
	struct world *world = settle(state, "reasons = 0;");
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;

	assert_status(LK_OK, issue(world, "web", NULL, &token));
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_int_equal(ended(world, &token), LK_REASON_NONE);
	world_settle(world, "reasons = 1;", "", "");
	assert_status(LK_OK, issue(world, "web", NULL, &token));
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	do
		assert_status(LK_UNKNOWN,
		    lk_check(world->m, &token, &session));
	while (lk_ended(world->m) != LK_REASON_NONE);
}

/* One that is over by itself has no reason, and is not ended by a limit. */
static void
test_reason_of_what_has_expired_is_none(void **state)
{
	struct world *world = settle(state, "single = true;");
	const struct lk_issue_options short_one = { .ttl = 1 };
	struct lk_token token, next;
	uint64_t events;

	assert_status(LK_OK,
	    lk_issue(world->m, "alice", &short_one, &token, NULL));
	assert_status(LK_EXPIRED, world_wait_for_end(world, &token));
	assert_int_equal(lk_ended(world->m), LK_REASON_NONE);
	assert_status(LK_OK, issue(world, "web", NULL, &next));
	assert_int_equal(
	    count(world, LK_EVENT_ENDED, LK_REASON_LIMIT, "", &events), 0);
}

/* ---- In place of another ------------------------------------------------- */

static enum lk_status
replace(struct world *world, const char *user, const struct lk_token *before,
    struct lk_token *token)
{
	const struct lk_issue_options options = { .client = "web",
		.replaces = before };

	return (lk_issue(world->m, user, &options, token, NULL));
}

static void
test_replaced_session_ends_and_counts_for_no_limit(void **state)
{
	struct world *world = settle(state,
	    world_is_gosession(*state)
	        ? "on_limit = \"refuse\"; max_per_user = 2;"
	        : "on_limit = \"refuse\"; max_per_user = 2;"
	          "clients = ( { kinds = [ \"web\" ]; max = 1; } );");
	struct lk_token ssh, web, next, none;

	assert_status(LK_OK, issue(world, "ssh", NULL, &ssh));
	assert_status(LK_OK, issue(world, "web", NULL, &web));
	assert_status(LK_LIMIT, issue(world, "web", NULL, &none));
	assert_status(LK_OK, replace(world, "alice", &web, &next));
	assert_int_equal(ended(world, &web), LK_REASON_REPLACED);
	assert_int_equal(world_count(world, "alice"), 2);
	/* Dead, it is not there; what is refused ends nothing. */
	assert_status(LK_LIMIT, replace(world, "alice", &web, &none));
	if (!world_is_gosession(world))
		assert_status(LK_LIMIT, replace(world, "alice", &ssh, &none));
	assert_int_equal(world_count(world, "alice"), 2);
	world_token(&none, "no token");
	assert_status(LK_LIMIT, replace(world, "alice", &none, &none));
	/* Another's ends as well. */
	assert_status(LK_OK, replace(world, "bob", &next, &none));
	assert_int_equal(ended(world, &next), LK_REASON_REPLACED);
	assert_int_equal(world_count(world, "bob"), 1);
}

/* ---- What stands beside a session --------------------------------------- */

static struct lk_session listed;

static void
keep(void *arg, const struct lk_session *session, const struct lk_token *token)
{
	(void)arg;
	(void)token;
	listed = *session;
}

static void
test_session_says_where_it_comes_from_and_when_it_ends(void **state)
{
	struct world *world = settle(state, "max_life = 1000; ttl = 100;");
	const struct lk_issue_options options = { .client = "web",
		.peer = "2001:db8::1\n\x1b[2J",
		.agent = "a\tb \xe2\x80\xae\xff",
		.actor = "test" };
	struct lk_session session;
	struct lk_token token;
	int64_t issued_at;

	assert_status(LK_OK,
	    lk_issue(world->m, "alice", &options, &token, &session));
	issued_at = session.expires_at - 100;
	/* No control character is kept, nor what is never seen. */
	assert_string_equal(session.peer, "2001:db8::1??[2J");
	assert_string_equal(session.agent, "a?b ??");
	assert_int_equal(session.renewed_at, 0);
	assert_in_range(session.ends_by, issued_at + 1000, issued_at + 1001);
	assert_status(LK_OK, lk_list(world->m, "alice", keep, NULL));
	assert_string_equal(listed.peer, session.peer);
	assert_string_equal(listed.agent, session.agent);
	assert_int_equal(listed.ends_by, session.ends_by);
	assert_status(LK_OK, lk_refresh(world->m, &token, 200, &session));
	assert_in_range(session.renewed_at, issued_at - 1, issued_at + 60);
	assert_int_equal(session.ends_by, listed.ends_by);
	assert_status(LK_OK, lk_check_id(world->m, listed.id, &session));
	assert_string_equal(session.peer, listed.peer);
	assert_true(session.renewed_at > 0);
	/* A check by token reads none of it. */
	assert_status(LK_OK, world_check(world, &token, &session));
	assert_string_equal(session.peer, "");
	assert_int_equal(session.ends_by, 0);
}

/* ---- History ------------------------------------------------------------ */

static void
test_history_says_who_when_from_where_and_what_ended_it(void **state)
{
	struct world *world = settle(state, "");
	const struct lk_revoke_options options = { .reason = "logout",
		.peer = "192.0.2.2",
		.actor = "gate" };
	struct lk_session session;
	struct lk_token token;
	struct history *h;
	struct lk_why why;
	uint64_t revoked;
	int64_t issued_at;

	assert_status(LK_OK, issue(world, "web", "192.0.2.1", &token));
	assert_status(LK_OK, world_check(world, &token, &session));
	issued_at = session.expires_at - world->settings->session.ttl;
	assert_status(LK_OK, lk_why(world->m, session.id, &why));
	assert_true(why.live && why.issued && !why.ended);
	assert_string_equal(why.session.user, "alice");
	assert_status(LK_OK, lk_revoke(world->m, &token, &options, &revoked));
	h = history_of(world, "alice");
	assert_int_equal(h->n, 2);
	assert_int_equal(h->entry[0].event, LK_EVENT_ENDED);
	assert_int_equal(h->entry[0].reason, LK_REASON_LOGOUT);
	assert_string_equal(h->entry[0].peer, "192.0.2.2");
	assert_string_equal(h->entry[0].actor, "gate");
	assert_string_equal(h->entry[0].agent, "");
	assert_int_equal(h->entry[1].event, LK_EVENT_ISSUED);
	assert_int_equal(h->entry[1].reason, LK_REASON_NONE);
	assert_string_equal(h->entry[1].peer, "192.0.2.1");
	assert_string_equal(h->entry[1].actor, "test");
	assert_string_equal(h->entry[1].agent, FIREFOX);
	assert_in_range(h->entry[1].time, issued_at - 1, issued_at + 1);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(h->entry[i].user, "alice");
		assert_string_equal(h->entry[i].id, session.id);
		assert_string_equal(h->entry[i].client, "web");
		assert_int_equal(h->entry[i].count, 1);
	}
	free(h);
	assert_status(LK_OK, lk_why(world->m, session.id, &why));
	assert_false(why.live);
	assert_true(why.issued && why.ended);
	assert_int_equal(why.end.reason, LK_REASON_LOGOUT);
	/* Nothing is known of what never was, and nobody's is another's. */
	session.id[0] = session.id[0] == 'A' ? 'B' : 'A';
	assert_status(LK_UNKNOWN, lk_why(world->m, session.id, &why));
	h = history_of(world, "bob");
	assert_int_equal(h->n, 0);
	free(h);
}

static void
test_history_has_nothing_of_what_did_not_happen(void **state)
{
	struct world *world = settle(state,
	    "single = false; max_per_user = 1; on_limit = \"refuse\";");
	struct lk_token token, none;
	struct history *h;
	uint64_t revoked;

	assert_status(LK_OK, issue(world, "web", NULL, &token));
	assert_status(LK_LIMIT, issue(world, "web", NULL, &none));
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_status(LK_OK,
	    lk_revoke_all(world->m, "alice", NULL, &revoked));
	h = history_of(world, "alice");
	assert_int_equal(h->n, 2);
	free(h);
}

static void
test_history_has_one_entry_for_what_repeats(void **state)
{
	struct world *world = settle(state, "");
	struct lk_token token;
	struct history *h;
	uint64_t revoked, events;
	size_t i;

	for (i = 0; i < 5; i++)
		assert_status(LK_OK, issue(world, "web", "192.0.2.1", &token));
	assert_status(LK_OK, issue(world, "web", "192.0.2.2", &token));
	assert_status(LK_OK, issue(world, "ssh", "192.0.2.1", &token));
	assert_int_equal(
	    count(world, LK_EVENT_ISSUED, LK_REASON_NONE, "web", &events), 2);
	assert_int_equal(events, 6);
	assert_int_equal(
	    count(world, LK_EVENT_ISSUED, LK_REASON_NONE, "ssh", &events), 1);
	/* All at once are one, without id and client. */
	assert_status(LK_OK,
	    lk_revoke_all(world->m, "alice", NULL, &revoked));
	assert_int_equal(revoked, 7);
	h = history_of(world, "alice");
	assert_int_equal(h->entry[0].event, LK_EVENT_ENDED);
	assert_int_equal(h->entry[0].count, 7);
	assert_string_equal(h->entry[0].id, "");
	assert_string_equal(h->entry[0].client, "");
	assert_int_equal(h->n, 4);
	free(h);
}

/* Logins of one kind from many places flush nothing else. */
static void
test_history_of_one_kind_flushes_no_other(void **state)
{
	struct world *world = settle_one_web(state, "history = { keep = 4; };");
	struct lk_token token;
	uint64_t revoked, events;
	char peer[32];
	int i;

	assert_status(LK_OK, issue(world, "ssh", "192.0.2.1", &token));
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	assert_status(LK_OK, issue(world, "web", "192.0.2.1", &token));
	assert_status(LK_OK, lk_revoke(world->m, &token, NULL, &revoked));
	for (i = 0; i < 200; i++) {
		(void)snprintf(peer, sizeof(peer), "198.51.100.%d", i);
		assert_status(LK_OK, issue(world, "web", peer, &token));
	}
	assert_int_equal(
	    count(world, LK_EVENT_ISSUED, LK_REASON_NONE, "web", &events), 4);
	assert_int_equal(
	    count(world, LK_EVENT_ENDED, LK_REASON_LIMIT, "web", &events), 4);
	assert_int_equal(
	    count(world, LK_EVENT_ISSUED, LK_REASON_NONE, "ssh", &events), 1);
	assert_int_equal(
	    count(world, LK_EVENT_ENDED, LK_REASON_REVOKED, "ssh", &events),
	    1);
	assert_int_equal(
	    count(world, LK_EVENT_ENDED, LK_REASON_REVOKED, "web", &events),
	    1);
}

/* Nor is it without bound with kinds that nobody has heard of. */
static void
test_history_of_many_kinds_is_bounded(void **state)
{
	struct world *world = settle(state, "history = { keep = 2; };");
	struct lk_token token;
	struct history *h;
	char kind[16];
	int i;

	for (i = 0; i < 100; i++) {
		(void)snprintf(kind, sizeof(kind), "kind%d", i);
		assert_status(LK_OK, issue(world, kind, "192.0.2.1", &token));
	}
	h = history_of(world, "alice");
	assert_int_equal(h->n, 40);
	assert_string_equal(h->entry[0].client, "kind99");
	free(h);
}

static void
test_history_is_erased_and_not_kept_without_a_number(void **state)
{
	struct world *world = settle(state, "");
	struct lk_token token;
	struct history *h;
	uint64_t erased;

	assert_status(LK_OK, issue(world, "web", "192.0.2.1", &token));
	assert_status(LK_OK, lk_history_erase(world->m, "bob", &erased));
	assert_int_equal(erased, 0);
	assert_status(LK_OK, lk_history_erase(world->m, "alice", &erased));
	assert_int_equal(erased, 1);
	world_settle(world, "history = { keep = 0; };", "", "");
	assert_status(LK_OK, issue(world, "web", "192.0.2.1", &token));
	h = history_of(world, "alice");
	assert_int_equal(h->n, 0);
	free(h);
	assert_int_equal(world_count(world, "alice"), 2);
}

static void
test_history_ends_with_its_time(void **state)
{
	struct world *world = settle(state, "history = { ttl = 1; };");
	struct lk_token token;
	struct history *h;
	size_t n;

	assert_status(LK_OK, issue(world, "web", "192.0.2.1", &token));
	do {
		h = history_of(world, "alice");
		n = h->n;
		free(h);
	} while (n > 0);
}

/* ---- Many at once ------------------------------------------------------- */

#define THREADS 8
#define LOGINS 25

static void *
log_in_and_out(void *arg)
{
	struct lk_manager *m = arg;
	struct lk_token token;
	uint64_t revoked;
	int i;

	for (i = 0; i < LOGINS; i++) {
		if (lk_issue(m, "alice", NULL, &token, NULL) != LK_OK ||
		    (i % 2 == 0 &&
		        lk_revoke(m, &token, NULL, &revoked) != LK_OK))
			return (NULL);
	}
	return (m);
}

static void
test_history_of_parallel_changes_has_each(void **state)
{
	struct world *world = settle(state, "max_per_user = 5;");
	struct lk_manager *m[THREADS];
	pthread_t thread[THREADS];
	struct history *h;
	uint64_t issued = 0, gone = 0;
	void *done;
	size_t i;

	for (i = 0; i < THREADS; i++) {
		m[i] = world_manager(world);
		assert_int_equal(pthread_create(&thread[i], NULL,
		                     log_in_and_out, m[i]),
		    0);
	}
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(thread[i], &done), 0);
		assert_non_null(done);
		lk_manager_free(m[i]);
	}
	h = history_of(world, "alice");
	for (i = 0; i < h->n; i++)
		*(h->entry[i].event == LK_EVENT_ISSUED ? &issued : &gone) +=
		    h->entry[i].count;
	free(h);
	assert_int_equal(issued, THREADS * LOGINS);
	assert_int_equal(issued - gone, world_count(world, "alice"));
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_ALL, tests, count)
#include "support/suite.h"
