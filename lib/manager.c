#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "manager.h"
#include "session/record.h"
#include "session/user.h"
#include "store/backend.h"

/* How long a list may take, of which each page has the usual deadline. */
#define LIST_PATIENCE_MS 10000
/* Counting takes time in proportion, and makes nobody wait. */
#define STATS_PATIENCE_MS 60000

/* ---- Surroundings ------------------------------------------------------ */

int64_t
lk_system_now_ms(void *arg)
{
	struct timespec ts;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

static void
system_random(void *arg, void *bytes, size_t len)
{
	(void)arg;
	randombytes_buf(bytes, len);
}

enum lk_status
lk_manager_new(const struct lk_settings *settings,
    const struct lk_surroundings *surroundings, struct lk_manager **managerp,
    struct lk_error *error)
{
	struct lk_manager *manager;
	struct lk_store base;
	enum lk_status status = LK_FAULT;

	*managerp = NULL;
	if (sodium_init() < 0)
		return (lk_fail(error, LK_E_STORE, "no random source"));
	if ((manager = calloc(1, sizeof(*manager))) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	manager->settings = settings;
	if (surroundings != NULL)
		manager->surroundings = *surroundings;
	if (manager->surroundings.now_ms == NULL)
		manager->surroundings.now_ms = lk_system_now_ms;
	if (manager->surroundings.random == NULL)
		manager->surroundings.random = system_random;
	manager->source = lk_user_source_of(settings);

	memset(&base, 0, sizeof(base));
	base.settings = settings;
	base.log = manager->surroundings.log;
	base.watch = manager->surroundings.watch;
	base.error = &manager->error;
	base.now_ms = manager->surroundings.now_ms;
	base.arg = manager->surroundings.arg;
	base.gone.ids.max = LK_GONE_IDS_MAX;
	status = lk_backend_of(settings)->open(&base, &manager->store);
	if (status != LK_OK) {
		lk_error_set(error, "%s", manager->error.text);
		free(manager);
		return (status);
	}
	manager->process = lk_process();
	lk_turns_join(settings->turns);
	*managerp = manager;
	return (LK_OK);
}

/* Let go of what belongs to a parent process. */
static void
leave_parent(struct lk_manager *manager)
{
	if (manager->process == lk_process())
		return;
	manager->store->ops->leave_parent(manager->store);
	manager->process = lk_process();
}

void
lk_manager_free(struct lk_manager *manager)
{
	if (manager == NULL)
		return;
	leave_parent(manager);
	lk_buf_free(&manager->store->gone.ids);
	manager->store->ops->free(manager->store);
	lk_turns_leave(manager->settings->turns);
	free(manager);
}

const char *
lk_manager_error(const struct lk_manager *manager)
{
	return (manager->error.text);
}

struct lk_deadline
lk_manager_begin(struct lk_manager *manager)
{
	manager->error.text[0] = '\0';
	manager->store->ended = LK_REASON_NONE;
	lk_gone_forget(&manager->store->gone);
	leave_parent(manager);
	return (lk_deadline_in(manager->store->timeout_ms));
}

/* ---- Arguments --------------------------------------------------------- */

enum lk_status
lk_manager_check_id(struct lk_manager *manager, const char *id)
{
	if (lk_user_id_check(id) == LK_OK)
		return (LK_OK);
	return (lk_fail(&manager->error, LK_E_INVAL,
	    "user id: expected 1 to %d bytes without control characters",
	    LK_USER_ID_MAX));
}

enum lk_status
lk_manager_check_new_id(struct lk_manager *manager, const char *id)
{
	if (lk_user_id_fits(id))
		return (LK_OK);
	return (lk_fail(&manager->error, LK_E_INVAL,
	    "user id: expected " LK_USER_ID_WANT));
}

enum lk_status
lk_manager_check_ttl(struct lk_manager *manager, int64_t fallback, int64_t *ttl)
{
	if (*ttl == 0)
		*ttl = fallback;
	if (*ttl >= LK_TTL_MIN && *ttl <= LK_TTL_MAX)
		return (LK_OK);
	return (lk_fail(&manager->error, LK_E_INVAL,
	    "ttl: expected %d to %d seconds", LK_TTL_MIN, LK_TTL_MAX));
}

/* ---- Operations -------------------------------------------------------- */

enum lk_status
lk_check(struct lk_manager *manager, const struct lk_token *token,
    struct lk_session *session)
{
	struct lk_deadline deadline = lk_manager_begin(manager);
	const struct lk_surroundings *around = &manager->surroundings;
	struct lk_shown shown;
	enum lk_status status = LK_FAULT;

	status = lk_shown_read(manager->settings, token, around, &shown,
	    &manager->error);
	if (status == LK_OK)
		status = lk_shown_look(manager, &shown, deadline, session,
		    NULL);
	if (status != LK_OK)
		memset(session, 0, sizeof(*session));
	return (status);
}

enum lk_status
lk_manager_look(struct lk_manager *manager, const struct lk_session_ref *ref,
    struct lk_deadline deadline, struct lk_session *session,
    struct lk_buf *record)
{
	const struct lk_store_ops *ops = manager->store->ops;
	enum lk_status status = LK_FAULT;

	if (record != NULL && ops->check_id_user != NULL)
		return (ops->check_id_user(manager->store, ref, deadline,
		    session, record));
	status = ops->check_id(manager->store, ref, deadline, session);
	if (status == LK_OK && record != NULL)
		status = ops->user_get(manager->store, session->user, deadline,
		    record);
	return (status);
}

enum lk_status
lk_check_id(struct lk_manager *manager, const char *id,
    struct lk_session *session)
{
	struct lk_deadline deadline = lk_manager_begin(manager);
	struct lk_session_ref ref;
	enum lk_status status = LK_FAULT;

	status = lk_session_id_parse(id, &ref);
	if (status == LK_OK)
		status = lk_manager_look(manager, &ref, deadline, session,
		    NULL);
	/* An id is no proof of holding the token. */
	manager->store->ended = LK_REASON_NONE;
	if (status != LK_OK)
		memset(session, 0, sizeof(*session));
	return (status);
}

/* How sessions end by the wish of ${options}, which may be NULL. */
static struct lk_ending
ending_of(const struct lk_revoke_options *options, enum lk_reason fallback)
{
	static const struct lk_revoke_options none;
	struct lk_ending ending;

	if (options == NULL)
		options = &none;
	ending.reason = lk_reason_given(options->reason, fallback);
	lk_origin_set(&ending.origin, options->peer, NULL, options->actor);
	return (ending);
}

/* Say that sessions ended, and why, if some did; returns ${status}. */
static enum lk_status
log_revoked(const struct lk_manager *manager, enum lk_status status,
    const char *user, const char *id, const struct lk_revoke_options *options,
    uint64_t revoked)
{
	static const struct lk_revoke_options none;
	char number[21];

	if (revoked == 0)
		return (status);
	if (options == NULL)
		options = &none;
	(void)snprintf(number, sizeof(number), "%llu",
	    (unsigned long long)revoked);
	LK_LOG(manager->surroundings.log, LK_LOG_INFO, "sessions revoked",
	    { "user", user }, { "session", id }, { "count", number },
	    { "durable", status == LK_E_NOT_DURABLE ? "not yet" : NULL },
	    { "all",
	        status == LK_OK || status == LK_E_NOT_DURABLE ? NULL
	                                                      : "not yet" },
	    { "reason", options->reason }, { "peer", options->peer });
	return (status);
}

enum lk_status
lk_revoke(struct lk_manager *manager, const struct lk_token *token,
    const struct lk_revoke_options *options, uint64_t *revoked)
{
	const struct lk_ending ending = ending_of(options, LK_REASON_REVOKED);
	struct lk_deadline deadline = lk_manager_begin(manager);
	char id[LK_SESSION_ID_MAX + 1];
	struct lk_token_key key;
	enum lk_status status = LK_FAULT;

	*revoked = 0;
	status = lk_token_parse(token, &key);
	if (status == LK_OK)
		status = manager->store->ops->revoke(manager->store, &key,
		    &ending, deadline, revoked);
	if (status > 0)
		return (status);
	lk_session_id_of_key(&key, manager->store->shape, id);
	return (log_revoked(manager, status, NULL, id, options, *revoked));
}

enum lk_status
lk_revoke_id(struct lk_manager *manager, const char *id,
    const struct lk_revoke_options *options, uint64_t *revoked)
{
	const struct lk_ending ending = ending_of(options, LK_REASON_REVOKED);
	struct lk_deadline deadline = lk_manager_begin(manager);
	struct lk_session_ref ref;
	enum lk_status status = LK_FAULT;

	*revoked = 0;
	status = lk_session_id_parse(id, &ref);
	if (status == LK_OK && options != NULL && options->user != NULL &&
	    !lk_session_ref_is_of(&ref, manager->store->shape, options->user))
		return (LK_OK);
	if (status == LK_OK)
		status = manager->store->ops->revoke_id(manager->store, &ref,
		    &ending, deadline, revoked);
	return (log_revoked(manager, status, NULL, id, options, *revoked));
}

enum lk_status
lk_revoke_all(struct lk_manager *manager, const char *user,
    const struct lk_revoke_options *options, uint64_t *revoked)
{
	const struct lk_ending ending = ending_of(options, LK_REASON_REVOKED);
	struct lk_deadline deadline = lk_manager_begin(manager);
	enum lk_status status = LK_FAULT;

	*revoked = 0;
	status = lk_manager_check_id(manager, user);
	if (status == LK_OK)
		status = manager->store->ops->revoke_all(manager->store, user,
		    NULL, &ending, deadline, revoked);
	return (log_revoked(manager, status, user, NULL, options, *revoked));
}

enum lk_status
lk_revoke_others(struct lk_manager *manager, const struct lk_token *token,
    const struct lk_revoke_options *options, uint64_t *revoked)
{
	const struct lk_ending ending = ending_of(options,
	    LK_REASON_LOGOUT_OTHERS);
	struct lk_token_key key;
	struct lk_session session;
	enum lk_status status = LK_FAULT;

	*revoked = 0;
	if ((status = lk_check(manager, token, &session)) != LK_OK ||
	    (status = lk_token_parse(token, &key)) != LK_OK)
		return (status);
	status = manager->store->ops->revoke_all(manager->store, session.user,
	    &key, &ending, lk_manager_begin(manager), revoked);
	return (log_revoked(manager, status, session.user, NULL, options,
	    *revoked));
}

enum lk_status
lk_list(struct lk_manager *manager, const char *user, lk_session_fn *each,
    void *arg)
{
	enum lk_status status = LK_FAULT;

	(void)lk_manager_begin(manager);
	status = lk_manager_check_id(manager, user);
	if (status == LK_OK)
		status = manager->store->ops->list(manager->store, user,
		    lk_deadline_in(LIST_PATIENCE_MS), each, arg);
	return (status);
}

/* ---- The store as a whole ---------------------------------------------- */

enum lk_status
lk_ping(struct lk_manager *manager)
{
	struct lk_deadline deadline = lk_manager_begin(manager);

	return (manager->store->ops->ping(manager->store, deadline));
}

bool
lk_keeps_tokens(const struct lk_manager *manager)
{
	return (manager->store->keeps_tokens);
}

enum lk_status
lk_inspect(struct lk_manager *manager, lk_finding_fn *each, void *arg)
{
	struct lk_deadline deadline = lk_manager_begin(manager);

	return (
	    manager->store->ops->inspect(manager->store, deadline, each, arg));
}

void
lk_manager_rest(struct lk_place *place)
{
	if (place->busy_ns > 0)
		lk_rest(place->busy_ns);
	place->busy_ns = 0;
}

enum lk_status
lk_store_stats(struct lk_manager *m, struct lk_store_stats *stats)
{
	struct lk_place place = { .done = false };
	enum lk_status status = LK_OK;

	(void)lk_manager_begin(m);
	memset(stats, 0, sizeof(*stats));
	while (status == LK_OK && !place.done) {
		lk_manager_rest(&place);
		status = m->store->ops->stats(m->store, &place,
		    lk_deadline_in(STATS_PATIENCE_MS), stats);
	}
	stats->store = m->store->ops->name;
	if (status != LK_OK)
		memset(stats, 0, sizeof(*stats));
	return (status);
}

enum lk_status
lk_store_sweep(struct lk_manager *m, uint64_t *swept)
{
	struct lk_place place = { .done = false };
	enum lk_status status = LK_OK;

	*swept = 0;
	while (status == LK_OK && !place.done) {
		lk_manager_rest(&place);
		status = m->store->ops->sweep(m->store, &place,
		    lk_manager_begin(m), swept);
	}
	if (status != LK_OK)
		*swept = 0;
	return (status);
}
