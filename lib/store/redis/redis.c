#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "session/record.h"
#include "store/backend.h"
#include "store/redis/redis.h"

struct lk_redis_store *
lk_redis_store_of(struct lk_store *store)
{
	/* The base is the first member. */
	return ((struct lk_redis_store *)store);
}

static enum lk_status
redis_open(const struct lk_store *base, struct lk_store **storep)
{
	struct lk_redis_store *store = calloc(1, sizeof(*store));
	enum lk_status status = LK_FAULT;

	*storep = NULL;
	if (store == NULL)
		return (lk_fail(base->error, LK_E_NOMEM, "out of memory"));
	store->base = *base;
	store->base.timeout_ms = base->settings->store.redis.command_timeout_ms;
	store->layout = lk_redis_layout_of(base->settings);
	store->base.ops = store->layout->ops;
	store->base.shape = store->layout->shape;
	store->base.keeps_tokens = store->layout->keeps_tokens;
	status = lk_redis_link_new(base->settings, base->watch, base->log,
	    base->error, &store->link);
	if (status != LK_OK) {
		free(store);
		return (status);
	}
	*storep = &store->base;
	return (LK_OK);
}

/* ---- What it asks of the settings, by topology ------------------------- */

/* Layout `gosession` separates with `_`; its prefixes have `-` instead. */
static void
normalise_prefix(char *prefix)
{
	for (; *prefix != '\0'; prefix++) {
		if (*prefix == '_')
			*prefix = '-';
	}
}

/* Layout gosession has no kinds to tell apart. */
static enum lk_status
check_kinds(const struct lk_settings *settings, struct lk_error *error)
{
	const char *key = NULL;

	if (settings->session.unlisted != LK_UNLISTED_ALLOW)
		key = "session.unlisted";
	else if (settings->session.clients.n > 0)
		key = "session.clients";
	if (key == NULL || !lk_redis_layout_of(settings)->kindless)
		return (LK_OK);
	return (lk_settings_refuse(settings, key, "store.redis.layout", error,
	    "expected nothing, since layout gosession has no kinds, got a "
	    "value"));
}

/* Whether sessions are in a Redis, however it is found. */
static bool
redis_is_used(const struct lk_settings *settings)
{
	return (settings->store.backend == LK_BACKEND_REDIS ||
	    settings->store.backend == LK_BACKEND_SENTINEL ||
	    settings->store.backend == LK_BACKEND_CLUSTER);
}

static enum lk_status
redis_check_settings(struct lk_settings *settings, struct lk_error *error)
{
	const char *user_prefix = settings->session.user_prefix;
	const size_t len = strlen(LK_REDIS_BESIDE_GOSESSION);
	enum lk_status status = LK_OK;

	normalise_prefix(settings->session.token_prefix);
	normalise_prefix(settings->session.user_prefix);
	if (strcmp(settings->session.token_prefix, user_prefix) == 0)
		return (lk_settings_refuse(settings, "session.user_prefix",
		    "session.token_prefix", error,
		    "expected another prefix than session.token_prefix, got "
		    "the same"));
	/* That is how the keys begin that stand beside. */
	if (strncmp(user_prefix, LK_REDIS_BESIDE_GOSESSION, len) == 0 &&
	    strcmp(settings->session.token_prefix, user_prefix + len) == 0)
		return (lk_settings_refuse(settings, "session.user_prefix",
		    "session.token_prefix", error,
		    "expected another prefix than \"" LK_REDIS_BESIDE_GOSESSION
		    "\" and session.token_prefix, got these"));
	if (redis_is_used(settings) &&
	    (status = check_kinds(settings, error)) != LK_OK)
		return (status);
	if (redis_is_used(settings) &&
	    lk_redis_layout_of(settings)->unlimited &&
	    lk_settings_line(settings, "session.max_per_user") == 0)
		settings->session.max_per_user = 0;
	status = lk_settings_check_tls(settings, &settings->store.redis.tls,
	    "store.redis.tls", error);
	if (status == LK_OK && settings->store.backend == LK_BACKEND_REDIS)
		status = lk_settings_check_no_path(settings,
		    settings->store.redis.address, &settings->store.redis.tls,
		    "store.redis.address", error);
	return (status != LK_OK ? status
	                        : lk_settings_read_secret(settings,
	                              "store.redis.password", error));
}

static enum lk_status
sentinel_check_settings(struct lk_settings *settings, struct lk_error *error)
{
	const struct lk_tls_settings *tls = &settings->store.sentinel.tls;
	const struct lk_strings *all = &settings->store.sentinel.addresses;
	enum lk_status status = LK_OK;
	size_t i;

	if (settings->store.backend != LK_BACKEND_SENTINEL)
		return (LK_OK);
	status = lk_settings_check_tls(settings, tls, "store.sentinel.tls",
	    error);
	for (i = 0; status == LK_OK && i < all->n; i++)
		status = lk_settings_check_no_path(settings, all->v[i], tls,
		    "store.sentinel.addresses", error);
	return (status != LK_OK ? status
	                        : lk_settings_read_secret(settings,
	                              "store.sentinel.password", error));
}

static enum lk_status
cluster_check_settings(struct lk_settings *settings, struct lk_error *error)
{
	const struct lk_strings *all = &settings->store.cluster.addresses;
	enum lk_status status = LK_OK;
	size_t i;

	if (settings->store.backend != LK_BACKEND_CLUSTER)
		return (LK_OK);
	if (lk_redis_layout_of(settings)->keys->spread)
		return (lk_settings_refuse(settings, "store.redis.layout",
		    "store.backend", error,
		    "expected \"latchkey\", since a cluster keeps all keys of "
		    "a user together, got another layout"));
	if (settings->store.redis.database != 0)
		return (lk_settings_refuse(settings, "store.redis.database",
		    "store.backend", error,
		    "expected 0, since a cluster has no other, got %lld",
		    (long long)settings->store.redis.database));
	for (i = 0; status == LK_OK && i < all->n; i++) {
		if (strncmp(all->v[i], "unix:", 5) == 0)
			status = lk_settings_refuse(settings,
			    "store.cluster.addresses",
			    "store.cluster.addresses", error,
			    "expected host:port, got a path");
	}
	return (status);
}

const struct lk_backend lk_redis_backend = { .open = redis_open,
	.checks = lk_redis_checks_new,
	.where = "store.redis.address",
	.check = redis_check_settings,
	.watch = lk_redis_watch_make };
const struct lk_backend lk_sentinel_backend = { .open = redis_open,
	.checks = lk_redis_checks_new,
	.where = "store.sentinel.addresses",
	.check = sentinel_check_settings,
	.watch = lk_redis_watch_make };
const struct lk_backend lk_cluster_backend = { .open = redis_open,
	.checks = lk_redis_checks_new,
	.where = "store.cluster.addresses",
	.check = cluster_check_settings,
	.watch = lk_redis_watch_make };

void
lk_redis_leave_parent(struct lk_store *store)
{
	lk_redis_link_leave_parent(lk_redis_store_of(store)->link);
}

void
lk_redis_free(struct lk_store *store)
{
	lk_redis_link_free(lk_redis_store_of(store)->link);
	free(store);
}

enum lk_status
lk_redis_corrupt(struct lk_redis_store *store, const char *what)
{
	lk_redis_wire_drop(store->link->wire);
	return (lk_fail(store->base.error, LK_E_CORRUPT,
	    "redis at %s: %s is not what latchkey writes",
	    store->link->wire->name, what));
}

/* Whether all of them are in one slot, or go where the first one goes. */
static bool
go_together(const struct lk_redis_store *store,
    const struct lk_redis_command *commands, size_t count)
{
	size_t i;

	if (!lk_redis_is_spread(store) || store->pinned)
		return (true);
	for (i = 1; i < count; i++) {
		if (lk_redis_slot_of(&commands[i]) !=
		    lk_redis_slot_of(&commands[0]))
			return (false);
	}
	return (true);
}

/* Run those that have no reply yet, or one that says so, by themselves. */
static enum lk_status
run_apart(struct lk_redis_store *store, const struct lk_redis_command *commands,
    size_t count, struct lk_deadline deadline, struct lk_redis_reply **replies,
    struct lk_redis_request *request)
{
	struct lk_redis_request one = *request;
	enum lk_status status = LK_OK;
	size_t i;

	one.count = 1;
	one.pinned = false;
	for (i = 0; i < count && status == LK_OK; i++) {
		if ((replies[i] != NULL &&
		        !lk_redis_is_elsewhere(replies[i])) ||
		    lk_redis_slot_of(&commands[i]) == LK_REDIS_NO_SLOT)
			continue;
		lk_redis_reply_free(replies[i]);
		replies[i] = NULL;
		one.commands = &commands[i];
		status = lk_redis_link_run(store->link, &one, deadline,
		    &replies[i]);
		if (status == LK_OK)
			status = one.time_status;
	}
	if (status != LK_OK)
		lk_redis_free_replies(replies, count);
	return (status);
}

enum lk_status
lk_redis_run(struct lk_redis_store *store,
    const struct lk_redis_command *commands, size_t count,
    struct lk_deadline deadline, struct lk_redis_reply **replies)
{
	struct lk_redis_request request = { .commands = commands,
		.count = count,
		.idempotent = true,
		.timed = true,
		.plain = true,
		.pinned = store->pinned,
		.slot = store->slot };
	enum lk_status status = LK_OK;
	size_t i;

	if (go_together(store, commands, count))
		status = lk_redis_link_run(store->link, &request, deadline,
		    replies);
	else
		memset(replies, 0, count * sizeof(struct lk_redis_reply *));
	if (status == LK_OK && lk_redis_is_spread(store))
		status = run_apart(store, commands, count, deadline, replies,
		    &request);
	if (status != LK_OK)
		return (status);
	for (i = 0; i < count && status == LK_OK; i++)
		status = lk_redis_reply_refusal(replies[i],
		    store->link->wire->name, store->base.error);
	if (status == LK_OK)
		status = request.time_status;
	if (status != LK_OK)
		lk_redis_free_replies(replies, count);
	return (status);
}

enum lk_status
lk_redis_left(const struct lk_redis_clock *clock, int64_t expires_ms,
    struct lk_session *session)
{
	const int64_t now_ms = lk_redis_clock_now_ms(clock);

	lk_session_expiry(expires_ms, now_ms, session);
	return (expires_ms > now_ms ? LK_OK : LK_EXPIRED);
}

enum lk_status
lk_redis_revoke(struct lk_redis_store *store, struct lk_redis_call *call,
    struct lk_deadline deadline, uint64_t *count)
{
	struct lk_redis_reply *reply = NULL;
	enum lk_status status = LK_FAULT;
	int64_t ended;

	*count = 0;
	status = lk_redis_call_run(store->link, call, LK_REDIS_REVOKES,
	    deadline, store->base.error, &reply);
	if (reply == NULL)
		return (status);
	ended = lk_redis_count(reply);
	if (ended < 0)
		status = lk_redis_corrupt(store, "a count");
	else if (ended == 0 && call->repeated)
		*count = 1;
	else
		*count = (uint64_t)ended;
	lk_redis_reply_free(reply);
	return (status);
}

enum lk_status
lk_redis_ping(struct lk_store *base, struct lk_deadline deadline)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_redis_command command;
	struct lk_redis_request request = { .commands = &command,
		.count = 1,
		.idempotent = true };
	struct lk_redis_reply *reply = NULL;
	enum lk_status status = LK_FAULT;

	lk_redis_command(&command, "PING");
	status = lk_redis_link_run(store->link, &request, deadline, &reply);
	/* Redis that cannot save to disk denies PING as if it were a change.
	 * It answers, though, and what is read there is as good as ever. */
	if (status == LK_OK && !lk_redis_reply_is(reply, "PONG") &&
	    !lk_redis_reply_is_error(reply, "MISCONF")) {
		status = lk_redis_reply_refusal(reply, store->link->wire->name,
		    base->error);
		if (status == LK_OK)
			status = lk_redis_corrupt(store, "the answer to PING");
	}
	lk_redis_reply_free(reply);
	return (status);
}

/* ---- Checks ------------------------------------------------------------ */

enum lk_status
lk_redis_run_why(struct lk_redis_store *store, const struct lk_token_key *key,
    struct lk_redis_names *names, struct lk_deadline deadline)
{
	struct lk_redis_command commands[LK_REDIS_WHY_MAX];
	struct lk_redis_reply *replies[LK_REDIS_WHY_MAX] = { NULL };
	const char *wrong = NULL;
	enum lk_status status = LK_FAULT;
	size_t count;

	if (!lk_redis_asks_why(store->layout, store->base.settings))
		return (LK_UNKNOWN);
	count = store->layout->ask_why(names, commands);
	status = lk_redis_run(store, commands, count, deadline, replies);
	if (status == LK_OK)
		status = store->layout->why(key, replies, &store->base.ended,
		    &wrong);
	if (wrong != NULL)
		status = lk_redis_corrupt(store, wrong);
	lk_redis_free_replies(replies, LK_REDIS_WHY_MAX);
	/* That it is unknown is said already, whoever may not read why. */
	return (store->layout->first_tells ? LK_UNKNOWN : status);
}

enum lk_status
lk_redis_check(struct lk_store *base, const struct lk_token_key *key,
    struct lk_deadline deadline, struct lk_session *session,
    struct lk_buf *record)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	const struct lk_redis_layout *layout = store->layout;
	struct lk_redis_reply *replies[LK_REDIS_QUESTIONS_MAX + 1] = { NULL };
	const char *wrong = NULL;
	struct lk_redis_look look;
	enum lk_status status = LK_FAULT;

	status = layout->check(store->base.settings, key, record != NULL,
	    &look);
	if (status != LK_OK)
		return (status);
	status = lk_redis_run(store, look.commands, look.count, deadline,
	    replies);
	if (status == LK_OK)
		status = layout->checked(store->base.settings, key, replies,
		    &store->link->wire->clock, session, &wrong);
	if (status == LK_OK && record != NULL)
		wrong = lk_redis_user_record(replies[look.count - 1], record);
	if (wrong != NULL)
		status = lk_redis_corrupt(store, wrong);
	else if (status == LK_UNKNOWN)
		status = lk_redis_run_why(store, key, &look.names, deadline);
	lk_redis_free_replies(replies, LK_REDIS_QUESTIONS_MAX + 1);
	lk_redis_look_wipe(&look);
	return (status);
}

/* ---- Users' cached records --------------------------------------------- */

const char *
lk_redis_user_record(const struct lk_redis_reply *reply, struct lk_buf *record)
{
	if (reply->type == LK_REDIS_NIL)
		return (NULL);
	if (reply->type != LK_REDIS_STRING || reply->len == 0)
		return ("a user's record");
	lk_buf_add(record, reply->text, reply->len);
	return (record->failed ? "a user's record of that size" : NULL);
}

/* Begin a command about a user's record, whose ${key} it borrows. */
static enum lk_status
user_command(struct lk_redis_store *store, const char *name, const char *user,
    struct lk_redis_key *key, struct lk_redis_command *command)
{
	const enum lk_status status = store->layout->keys->user_key(
	    store->base.settings, user, key, store->base.error);

	lk_redis_command(command, name);
	if (status == LK_OK)
		lk_redis_arg_key(command, key);
	return (status);
}

enum lk_status
lk_redis_user_get(struct lk_store *base, const char *user,
    struct lk_deadline deadline, struct lk_buf *record)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_redis_command command;
	struct lk_redis_reply *reply = NULL;
	struct lk_redis_key key;
	const char *wrong = NULL;
	enum lk_status status = LK_FAULT;

	status = user_command(store, "GET", user, &key, &command);
	if (status != LK_OK)
		return (status);
	status = lk_redis_run(store, &command, 1, deadline, &reply);
	if (status == LK_OK)
		wrong = lk_redis_user_record(reply, record);
	if (wrong != NULL)
		status = lk_redis_corrupt(store, wrong);
	lk_redis_reply_free(reply);
	return (status);
}

enum lk_status
lk_redis_user_put(struct lk_store *base, const char *user, const char *record,
    size_t len, int64_t ttl, struct lk_deadline deadline)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_redis_command command;
	struct lk_redis_reply *reply = NULL;
	struct lk_redis_key key;
	enum lk_status status = LK_FAULT;

	status = user_command(store, "SET", user, &key, &command);
	if (status != LK_OK)
		return (status);
	lk_redis_arg(&command, record, len);
	lk_redis_arg_str(&command, "EX");
	lk_redis_arg_int(&command, ttl);
	status = lk_redis_run(store, &command, 1, deadline, &reply);
	if (status == LK_OK && !lk_redis_reply_is(reply, "OK"))
		status = lk_redis_corrupt(store, "the answer to SET");
	lk_redis_reply_free(reply);
	return (status);
}

enum lk_status
lk_redis_user_delete(struct lk_store *base, const char *user,
    struct lk_deadline deadline, bool *deleted)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_redis_command command;
	struct lk_redis_reply *reply = NULL;
	struct lk_redis_key key;
	enum lk_status status = LK_FAULT;

	*deleted = false;
	status = user_command(store, "DEL", user, &key, &command);
	if (status != LK_OK)
		return (status);
	status = lk_redis_run(store, &command, 1, deadline, &reply);
	if (status == LK_OK && reply->type != LK_REDIS_INTEGER)
		status = lk_redis_corrupt(store, "the answer to DEL");
	if (status == LK_OK)
		*deleted = reply->integer > 0;
	lk_redis_reply_free(reply);
	return (status);
}
