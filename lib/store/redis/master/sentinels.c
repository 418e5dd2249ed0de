#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis/master/alias.h"
#include "store/redis/master/sentinels.h"
#include "store/redis/master/voter.h"

/* How long the others are waited for once there is a majority: the one that
 * replaces the master may be among them. */
#define LINGER_MS 20

struct lk_redis_sentinels {
	/* Static data. */
	struct lk_redis_questions questions;
	size_t n;

	/* Dynamic data. */
	struct lk_redis_voter voters[LK_SENTINELS_MAX];
	struct lk_vote votes[LK_SENTINELS_MAX]; /* their own, side by side */
	struct lk_redis_aliases aliases;
};

/* ---- Life -------------------------------------------------------------- */

enum lk_status
lk_redis_sentinels_new(const struct lk_settings *settings,
    struct lk_redis_sentinels **sentinels, struct lk_error *error)
{
	const struct lk_strings *addresses =
	    &settings->store.sentinel.addresses;
	struct lk_redis_sentinels *s = calloc(1, sizeof(*s));
	enum lk_status status = LK_OK;

	*sentinels = NULL;
	if (s == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	for (; s->n < addresses->n && s->n < LK_SENTINELS_MAX; s->n++) {
		if (!lk_redis_voter_init(&s->voters[s->n], addresses->v[s->n],
		        &s->questions))
			status = lk_fail(error, LK_E_SETTINGS,
			    "store.sentinel.addresses: expected host:port, "
			    "[ipv6]:port or unix:/path");
	}
	if (status == LK_OK &&
	    !lk_redis_questions_make(&s->questions, settings))
		status = lk_fail(error, LK_E_NOMEM, "out of memory");
	if (status == LK_OK)
		*sentinels = s;
	else
		lk_redis_sentinels_free(s);
	return (status);
}

void
lk_redis_sentinels_close(struct lk_redis_sentinels *sentinels)
{
	size_t i;

	for (i = 0; sentinels != NULL && i < sentinels->n; i++)
		lk_redis_voter_close(&sentinels->voters[i]);
}

void
lk_redis_sentinels_free(struct lk_redis_sentinels *sentinels)
{
	if (sentinels == NULL)
		return;
	lk_redis_sentinels_close(sentinels);
	lk_redis_questions_free(&sentinels->questions);
	free(sentinels);
}

/* ---- Asking them all --------------------------------------------------- */

/* Wait for those that have not answered; false once there is none. */
static bool
wait_for_some(struct lk_redis_sentinels *s, struct lk_deadline deadline)
{
	struct pollfd p[LK_SENTINELS_MAX];
	int left = lk_deadline_left_ms(deadline);
	size_t i, waiting = 0;

	for (i = 0; i < s->n; i++) {
		p[i] = lk_redis_voter_poll(&s->voters[i]);
		waiting += p[i].fd >= 0;
	}
	if (waiting == 0 || left == 0)
		return (false);
	for (i = 0; i < s->n; i++)
		left = lk_stream_is_due(&p[i]) ? 0 : left;
	if (poll(p, (nfds_t)s->n, left) < 0 && errno != EINTR)
		return (false);
	for (i = 0; i < s->n; i++) {
		if (lk_stream_is_due(&p[i]))
			lk_redis_voter_step(&s->voters[i]);
	}
	return (true);
}

/* Whether it is a Sentinel that is listed before, under another name. */
static bool
is_listed_before(const struct lk_redis_sentinels *s, size_t i)
{
	const struct lk_endpoint *peer = lk_redis_voter_peer(&s->voters[i]);
	const struct lk_endpoint *other;
	bool found = false;
	size_t j;

	for (j = 0; j < i && peer != NULL; j++) {
		other = lk_redis_voter_peer(&s->voters[j]);
		found |= other != NULL && lk_endpoint_is(other, peer);
	}
	return (found);
}

static struct lk_ballot
count(struct lk_redis_sentinels *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		s->votes[i] = s->voters[i].vote;
		if (s->votes[i].kind == LK_VOTE_NAMES && is_listed_before(s, i))
			s->votes[i] = (struct lk_vote){ .kind = LK_VOTE_TWICE };
	}
	return (lk_votes_count(s->votes, s->n));
}

/* Wait for their answers; whether they have elected somebody. */
static bool
collect(struct lk_redis_sentinels *s, bool all, int64_t patience_ms,
    struct lk_deadline deadline)
{
	bool elected = false;

	deadline = lk_deadline_min(deadline, lk_deadline_in(patience_ms));
	while (wait_for_some(s, deadline)) {
		if (all || elected || count(s).election != LK_ELECTION_MAJORITY)
			continue;
		elected = true;
		deadline = lk_deadline_min(deadline, lk_deadline_in(LINGER_MS));
	}
	return (elected || count(s).election == LK_ELECTION_MAJORITY);
}

const struct lk_vote *
lk_redis_sentinels_ask(struct lk_redis_sentinels *s, const char *known,
    bool all, int64_t patience_ms, struct lk_deadline deadline)
{
	bool more = false;
	size_t i;

	for (i = 0; i < s->n; i++)
		lk_redis_voter_ask(&s->voters[i]);
	if (!collect(s, all, patience_ms, deadline) || all) {
		for (i = 0; i < s->n; i++)
			more |= lk_redis_voter_look_up(&s->voters[i]);
	}
	if (more)
		(void)collect(s, all, patience_ms, deadline);
	for (i = 0; i < s->n; i++)
		lk_redis_voter_end(&s->voters[i]);
	(void)count(s);
	lk_redis_aliases_unify(&s->aliases, known, s->votes, s->n);
	return (s->votes);
}
