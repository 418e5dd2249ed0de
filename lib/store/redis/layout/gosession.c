/*
 * Layout `gosession`, which doc/layout-gosession.md specifies: its operations
 * on sessions.  A session lives if its token's key does and its user's hash
 * knows it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "session/record.h"
#include "store/redis/layout/gosession.h"

#include "redis_gosession_scripts.h"
#include "session/user.h"

#define INDEX_TTL LK_REDIS_GOSESSION_INDEX_TTL

/* A session that has just been written to end in ${ttl} seconds. */
static void
session_written(const struct lk_token_key *key, int64_t expires_ms, int64_t ttl,
    struct lk_session *session)
{
	lk_redis_gosession_session(key, session);
	lk_session_expiry(expires_ms, expires_ms - ttl * 1000, session);
}

/*
 * Drop what has expired from a user's hash, and then end so many sessions that
 * the rest can be done at an issue.
 */
static enum lk_status
trim(struct lk_redis_store *store, const struct lk_issue_request *request,
    struct lk_deadline deadline)
{
	const uint32_t limit = request->limits.per_user;
	struct lk_redis_key index, prefix;
	char stay[16] = "-1";
	const struct lk_redis_steps steps = { .script = &gosession_trim_script,
		.index = &index,
		.prefix = &prefix,
		.own = stay };
	enum lk_status status = LK_FAULT;
	uint64_t ended;

	status = lk_redis_gosession_user_names(store, request->user, &index,
	    &prefix);
	if (status == LK_OK)
		status = lk_redis_steps_run(store, &steps, LK_REDIS_STEPS,
		    deadline, &ended);
	(void)snprintf(stay, sizeof(stay), "%" PRIu32,
	    limit > LK_REDIS_ONCE ? limit - 1 : LK_REDIS_ONCE);
	if (status == LK_OK)
		status = lk_redis_steps_run(store, &steps, LK_REDIS_STEPS,
		    deadline, &ended);
	return (status);
}

static enum lk_status
gosession_issue(struct lk_store *base, const struct lk_issue_request *request,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_redis_reply *reply = NULL;
	struct lk_redis_key index, prefix;
	struct lk_redis_call call;
	struct lk_redis_names names;
	enum lk_status status = LK_FAULT;
	bool trimmed = false;

	status = lk_redis_gosession_names(base->settings, request->key, &names);
	if (status != LK_OK)
		return (status);
	status = lk_redis_gosession_user_names(store, request->user, &index,
	    &prefix);
	while (status == LK_OK && reply == NULL) {
		lk_redis_call(&call, &gosession_issue_script, 2);
		lk_redis_arg_key(&call.command, &names.session);
		lk_redis_arg_key(&call.command, &names.index);
		lk_redis_arg(&call.command, names.token->text,
		    names.token->len);
		lk_redis_arg_key(&call.command, &names.user);
		lk_redis_arg_int(&call.command, request->ttl);
		lk_redis_arg_int(&call.command, request->limits.per_user);
		lk_redis_arg_key(&call.command, &prefix);
		lk_redis_arg_int(&call.command, INDEX_TTL);
		lk_redis_arg_int(&call.command, trimmed ? 1 : 0);
		status = lk_redis_call_run(store->link, &call, LK_REDIS_ISSUES,
		    deadline, base->error, &reply);
		if (status == LK_OK && lk_redis_reply_says(reply, -1)) {
			lk_redis_free_replies(&reply, 1);
			status = trim(store, request, deadline);
			trimmed = true;
		}
	}
	if (status == LK_OK && reply->type != LK_REDIS_INTEGER)
		status = lk_redis_corrupt(store, "a session's expiry");
	if (status == LK_OK)
		session_written(request->key, reply->integer, request->ttl,
		    session);
	lk_redis_reply_free(reply);
	sodium_memzero(&names, sizeof(names));
	return (status);
}

static enum lk_status
gosession_check(const struct lk_settings *settings,
    const struct lk_token_key *key, bool user, struct lk_redis_look *look)
{
	struct lk_redis_command *last = &look->commands[LK_REDIS_QUESTIONS_MAX];
	enum lk_status status = LK_FAULT;

	/* The token is in the keys: it takes a look at all of the user's. */
	if (key->by_id)
		return (LK_E_WOULD_WAIT);
	status = lk_redis_gosession_names(settings, key, &look->names);
	if (status != LK_OK)
		return (status);
	lk_redis_gosession_ask_names(&look->names, look->commands);
	look->count = LK_REDIS_QUESTIONS_MAX;
	if (!user)
		return (LK_OK);
	lk_redis_command(last, "GET");
	lk_redis_arg_key(last, &look->names.user);
	look->count++;
	return (LK_OK);
}

/* Whether the value of a token's key names the token's user. */
static bool
is_of_user(const struct lk_settings *settings, const struct lk_token_key *key,
    const struct lk_redis_reply *value)
{
	const char *prefix = settings->session.user_prefix;
	const size_t len = strlen(prefix);

	return (value->len == len + 1 + strlen(key->user) &&
	    memcmp(value->text, prefix, len) == 0 && value->text[len] == '_' &&
	    memcmp(value->text + len + 1, key->user, strlen(key->user)) == 0);
}

static enum lk_status
gosession_checked(const struct lk_settings *settings,
    const struct lk_token_key *key, struct lk_redis_reply *const *replies,
    const struct lk_redis_clock *clock, struct lk_session *session,
    const char **wrong)
{
	const struct lk_redis_reply *value = replies[0];
	const struct lk_redis_reply *expiry = replies[1];
	const struct lk_redis_reply *listed = replies[2];

	*wrong = "the answer to a check";
	if (expiry->type != LK_REDIS_INTEGER ||
	    !(lk_redis_reply_says(listed, 0) ||
	        lk_redis_reply_says(listed, 1)) ||
	    (value->type != LK_REDIS_NIL && value->type != LK_REDIS_STRING))
		return (LK_E_CORRUPT);
	*wrong = NULL;
	if (listed->integer != 1)
		return (LK_UNKNOWN);
	if (value->type == LK_REDIS_NIL || expiry->integer == -2)
		return (LK_EXPIRED);
	if (!is_of_user(settings, key, value) || expiry->integer <= 0) {
		*wrong = "a session";
		return (LK_E_CORRUPT);
	}
	lk_redis_gosession_session(key, session);
	return (lk_redis_left(clock, expiry->integer, session));
}

static enum lk_status
gosession_extend(struct lk_store *base, const struct lk_token_key *key,
    int64_t ttl, int64_t max_life, struct lk_deadline deadline,
    struct lk_session *session)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_redis_reply *reply = NULL;
	struct lk_redis_call call;
	struct lk_redis_names names;
	enum lk_status status = LK_FAULT;

	(void)max_life; /* the settings may not have one */
	if ((status = lk_redis_gosession_names(base->settings, key, &names)) !=
	    LK_OK)
		return (status);
	lk_redis_call(&call, &gosession_extend_script, 2);
	lk_redis_arg_key(&call.command, &names.session);
	lk_redis_arg_key(&call.command, &names.index);
	lk_redis_arg(&call.command, names.token->text, names.token->len);
	lk_redis_arg_key(&call.command, &names.user);
	lk_redis_arg_int(&call.command, ttl);
	lk_redis_arg_int(&call.command, INDEX_TTL);
	status = lk_redis_call_run(store->link, &call, LK_REDIS_EXTENDS,
	    deadline, base->error, &reply);
	if (status == LK_OK && lk_redis_reply_says(reply, -1))
		status = LK_EXPIRED;
	else if (status == LK_OK && lk_redis_reply_says(reply, -2))
		status = LK_UNKNOWN;
	else if (status == LK_OK &&
	    (reply->type != LK_REDIS_INTEGER || reply->integer <= 0))
		status = lk_redis_corrupt(store, "a session");
	else if (status == LK_OK)
		session_written(key, reply->integer, ttl, session);
	lk_redis_reply_free(reply);
	sodium_memzero(&names, sizeof(names));
	return (status);
}

static enum lk_status
gosession_revoke(struct lk_store *base, const struct lk_token_key *key,
    const struct lk_ending *ending, struct lk_deadline deadline,
    uint64_t *revoked)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_redis_call call;
	struct lk_redis_names names;
	enum lk_status status = LK_FAULT;

	(void)ending;
	*revoked = 0;
	if ((status = lk_redis_gosession_names(base->settings, key, &names)) !=
	    LK_OK)
		return (status);
	lk_redis_call(&call, &gosession_revoke_script, 2);
	lk_redis_arg_key(&call.command, &names.session);
	lk_redis_arg_key(&call.command, &names.index);
	lk_redis_arg(&call.command, names.token->text, names.token->len);
	status = lk_redis_revoke(store, &call, deadline, revoked);
	sodium_memzero(&names, sizeof(names));
	return (status);
}

static enum lk_status
gosession_revoke_all(struct lk_store *base, const char *user,
    const struct lk_token_key *keep, const struct lk_ending *ending,
    struct lk_deadline deadline, uint64_t *revoked)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_redis_key index, prefix;
	const struct lk_redis_steps steps = {
		.script = &gosession_revoke_all_script,
		.index = &index,
		.prefix = &prefix,
		.own = keep == NULL ? "" : keep->token->text,
		.blunt = true
	};
	enum lk_status status = LK_FAULT;

	(void)ending;
	*revoked = 0;
	status = lk_redis_gosession_user_names(store, user, &index, &prefix);
	if (status != LK_OK)
		return (status);
	return (lk_redis_steps_run(store, &steps, LK_REDIS_REVOKES, deadline,
	    revoked));
}

/* ---- By public id ------------------------------------------------------ */

/*
 * Find the token that ${ref} names, whether its session lives or not;
 * LK_UNKNOWN if the user's hash has none.  The caller wipes the token.
 */
static enum lk_status
search_ref(struct lk_redis_store *store, const struct lk_session_ref *ref,
    struct lk_deadline deadline, struct lk_token *token,
    struct lk_token_key *key)
{
	const char *user = (const char *)ref->locator;
	struct lk_redis_reply *page = NULL;
	struct lk_redis_key index, prefix;
	enum lk_status status = LK_FAULT;
	uint64_t cursor = 0;
	bool found = false;
	size_t i;

	lk_token_wipe(token);
	if (strlen(user) != ref->locator_len ||
	    lk_user_id_check(user) != LK_OK || strchr(user, '_') != NULL)
		return (LK_MALFORMED);
	status = lk_redis_gosession_user_names(store, user, &index, &prefix);
	do {
		if (status == LK_OK)
			status = lk_redis_scan(store, &index, NULL, NULL,
			    &cursor, deadline, &page);
		for (i = 0; status == LK_OK && !found && i < page->elements;
		     i += 2)
			found = lk_redis_gosession_field(page->element[i], user,
			            token, key) &&
			    memcmp(key->digest, ref->handle, LK_HANDLE_LEN) ==
			        0;
		lk_redis_free_replies(&page, 1);
	} while (status == LK_OK && !found && cursor != 0);
	return (status == LK_OK && !found ? LK_UNKNOWN : status);
}

static enum lk_status
gosession_check_id(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_token token;
	struct lk_token_key key;
	enum lk_status status = LK_FAULT;

	status = search_ref(lk_redis_store_of(base), ref, deadline, &token,
	    &key);
	if (status == LK_OK)
		status = lk_redis_check(base, &key, deadline, session, NULL);
	lk_token_wipe(&token);
	return (status);
}

static enum lk_status
gosession_revoke_id(struct lk_store *base, const struct lk_session_ref *ref,
    const struct lk_ending *ending, struct lk_deadline deadline,
    uint64_t *revoked)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_token token;
	struct lk_token_key key;
	enum lk_status status = LK_FAULT;

	(void)ending;
	*revoked = 0;
	status = search_ref(store, ref, deadline, &token, &key);
	if (status == LK_OK)
		status = gosession_revoke(base, &key, ending, deadline,
		    revoked);
	else if (status == LK_UNKNOWN)
		/* It is as asked; also on a replica? */
		status = lk_redis_replicate(store->link, LK_REDIS_REVOKES,
		    deadline, base->error);
	lk_token_wipe(&token);
	return (status);
}

static const struct lk_store_ops gosession_ops = { .name = "redis/gosession",
	.issue = gosession_issue,
	.check_id = gosession_check_id,
	.extend = gosession_extend,
	.revoke = gosession_revoke,
	.revoke_id = gosession_revoke_id,
	.revoke_all = gosession_revoke_all,
	.list = lk_redis_gosession_list,
	LK_REDIS_SAME_OPS };

const struct lk_redis_layout lk_redis_gosession = { .ops = &gosession_ops,
	.shape = LK_SHAPE_GOSESSION,
	.keeps_tokens = true,
	.unlimited = true,
	.check = gosession_check,
	.checked = gosession_checked,
	.keys = &lk_redis_gosession_keys,
	.put_script = &gosession_put_script,
	.sweep_script = &gosession_trim_script };
