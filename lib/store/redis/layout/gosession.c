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
#include "store/redis/layout/gone.h"
#include "store/redis/layout/gosession.h"

#include "redis_gosession_scripts.h"
#include "session/user.h"

#define INDEX_TTL LK_REDIS_GOSESSION_INDEX_TTL
#define BESIDE "what stands beside a session"

/* The session of what a script has written: when it ends, what stands beside
 * it, and the time. */
static enum lk_status
session_written(struct lk_redis_store *store, const struct lk_token_key *key,
    const struct lk_redis_reply *reply, struct lk_session *session)
{
	struct lk_redis_beside beside;
	int64_t expires_ms;

	if (reply->type != LK_REDIS_ARRAY || reply->elements < 3 ||
	    reply->element[0]->type != LK_REDIS_INTEGER ||
	    reply->element[2]->type != LK_REDIS_INTEGER)
		return (lk_redis_corrupt(store, "the answer to a script"));
	expires_ms = reply->element[0]->integer;
	if (!lk_redis_gosession_beside(reply->element[1], &beside, &expires_ms))
		return (lk_redis_corrupt(store, BESIDE));
	lk_redis_gosession_session(key, session);
	lk_redis_beside_fill_in(&beside, session);
	lk_session_expiry(expires_ms, reply->element[2]->integer, session);
	return (LK_OK);
}

/*
 * Drop what has expired from a user's hash, and then, unless the limit refuses
 * new ones, end so many sessions that the rest can be done at an issue.
 */
static enum lk_status
trim(struct lk_redis_store *store, const struct lk_issue_request *request,
    struct lk_deadline deadline)
{
	const uint32_t limit = request->limits.per_user;
	struct lk_redis_key index, prefix;
	char stay[16] = "-1", how[LK_REDIS_HOW_MAX + 1];
	const struct lk_redis_steps steps = { .script = &gosession_trim_script,
		.index = &index,
		.prefix = &prefix,
		.own = stay,
		.more = { lk_reason_name(LK_REASON_LIMIT), how } };
	enum lk_status status = LK_FAULT;
	uint64_t ended;

	lk_redis_how(store->base.settings, &request->origin, how);
	status = lk_redis_gosession_user_names(store, request->user, &index,
	    &prefix);
	if (status == LK_OK)
		status = lk_redis_steps_run(store, &steps, LK_REDIS_STEPS,
		    deadline, &ended);
	if (status != LK_OK || request->limits.user_refuses)
		return (status);
	(void)snprintf(stay, sizeof(stay), "%" PRIu32,
	    limit > LK_REDIS_ONCE ? limit - 1 : LK_REDIS_ONCE);
	status = lk_redis_steps_run(store, &steps, LK_REDIS_STEPS, deadline,
	    &ended);
	store->base.gone.count += ended;
	return (status);
}

/* Note a session that an issue has ended, by its token. */
static bool
note_token(struct lk_gone *gone, const struct lk_token_key *key,
    const struct lk_redis_reply *said)
{
	char id[LK_SESSION_ID_MAX + 1];
	struct lk_token_key ended;
	struct lk_token token;
	const bool fits = lk_redis_gosession_field(said, key->user, &token,
	    &ended);

	if (fits) {
		lk_session_id_of_key(&ended, LK_SHAPE_GOSESSION, id);
		lk_gone_add(gone, id);
	}
	lk_token_wipe(&token);
	return (fits);
}

static enum lk_status
gosession_issue(struct lk_store *base, const struct lk_issue_request *request,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	/* One of another shape is not here. */
	const struct lk_token_key *before = request->replaces != NULL &&
	        request->replaces->shape == LK_SHAPE_GOSESSION
	    ? request->replaces
	    : NULL;
	char named[LK_REDIS_NAMED_MAX + 1], replaced[LK_REDIS_NAMED_MAX + 1];
	char how[LK_REDIS_HOW_MAX + 1];
	struct lk_redis_reply *reply = NULL;
	struct lk_redis_call call;
	struct lk_redis_names names;
	enum lk_status status = LK_FAULT;
	bool trimmed = false;

	status = lk_redis_gosession_names(base->settings, request->key, &names);
	lk_redis_named(request->key->digest, named);
	lk_redis_named(before != NULL ? before->digest : NULL, replaced);
	lk_redis_how(base->settings, &request->origin, how);
	while (status == LK_OK && reply == NULL) {
		lk_redis_call(&call, &gosession_issue_script, 2);
		lk_redis_arg_key(&call.command, &names.session);
		lk_redis_arg_key(&call.command, &names.index);
		lk_redis_arg(&call.command, names.token->text,
		    names.token->len);
		lk_redis_arg_key(&call.command, &names.user);
		lk_redis_arg_int(&call.command, request->ttl);
		lk_redis_arg_int(&call.command, request->limits.per_user);
		lk_redis_arg_int(&call.command, request->limits.user_refuses);
		lk_redis_arg_int(&call.command, INDEX_TTL);
		lk_redis_arg_int(&call.command, trimmed ? 1 : 0);
		lk_redis_arg_str(&call.command, named);
		lk_redis_arg_str(&call.command,
		    request->client[0] != '\0' ? request->client : "-");
		lk_redis_arg_int(&call.command, request->max_life);
		lk_redis_arg_str(&call.command,
		    before != NULL ? before->token->text : "");
		lk_redis_arg_str(&call.command, replaced);
		lk_redis_arg_str(&call.command, how);
		status = lk_redis_call_run(store->link, &call, LK_REDIS_ISSUES,
		    deadline, base->error, &reply);
		if (status == LK_OK && lk_redis_reply_says(reply, -4))
			status = LK_LIMIT;
		else if (status == LK_OK && lk_redis_reply_says(reply, -1)) {
			lk_redis_free_replies(&reply, 1);
			status = trim(store, request, deadline);
			trimmed = true;
		}
	}
	if (status == LK_OK)
		status = session_written(store, request->key, reply, session);
	if (status == LK_OK)
		status = lk_redis_note_gone(store, reply, request->key,
		    note_token);
	lk_redis_reply_free(reply);
	sodium_memzero(&names, sizeof(names));
	return (status);
}

static enum lk_status
gosession_check(const struct lk_settings *settings,
    const struct lk_token_key *key, bool user, struct lk_redis_look *look)
{
	enum lk_status status = LK_FAULT;

	/* The token is in the keys: it takes a look at all of the user's. */
	if (key->by_id)
		return (LK_E_WOULD_WAIT);
	status = lk_redis_gosession_names(settings, key, &look->names);
	if (status != LK_OK)
		return (status);
	lk_redis_gosession_ask_names(&look->names, look->commands);
	look->count = LK_REDIS_GOSESSION_LIVES;
	/* Who knows of no such end goes by the key's own. */
	if (settings->session.max_life > 0)
		lk_redis_gosession_ask_beside(&look->names,
		    &look->commands[look->count++]);
	if (!user)
		return (LK_OK);
	lk_redis_command(&look->commands[look->count], "GET");
	lk_redis_arg_key(&look->commands[look->count++], &look->names.user);
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

/* What the replies say of a session, of which the last, unless it is NULL, is
 * what stands beside it. */
static enum lk_status
read_session(const struct lk_settings *settings, const struct lk_token_key *key,
    struct lk_redis_reply *const *replies, const struct lk_redis_reply *last,
    const struct lk_redis_clock *clock, struct lk_session *session,
    const char **wrong)
{
	const struct lk_redis_reply *value = replies[0];
	const struct lk_redis_reply *expiry = replies[1];
	const struct lk_redis_reply *listed = replies[2];
	struct lk_redis_beside beside = { .ends_ms = 0 };
	int64_t expires_ms;

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
	expires_ms = expiry->integer;
	if (last != NULL &&
	    !lk_redis_gosession_beside(last, &beside, &expires_ms)) {
		*wrong = BESIDE;
		return (LK_E_CORRUPT);
	}
	lk_redis_gosession_session(key, session);
	lk_redis_beside_fill_in(&beside, session);
	return (lk_redis_left(clock, expires_ms, session));
}

static enum lk_status
gosession_checked(const struct lk_settings *settings,
    const struct lk_token_key *key, struct lk_redis_reply *const *replies,
    const struct lk_redis_clock *clock, struct lk_session *session,
    const char **wrong)
{
	const enum lk_status status = read_session(settings, key, replies,
	    settings->session.max_life > 0 ? replies[LK_REDIS_GOSESSION_LIVES]
	                                   : NULL,
	    clock, session, wrong);

	lk_session_beside_unknown(session);
	return (status);
}

static enum lk_status
gosession_extend(struct lk_store *base, const struct lk_token_key *key,
    int64_t ttl, int64_t max_life, struct lk_deadline deadline,
    struct lk_session *session)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_redis_reply *reply = NULL;
	char named[LK_REDIS_NAMED_MAX + 1];
	struct lk_redis_call call;
	struct lk_redis_names names;
	enum lk_status status = LK_FAULT;

	if ((status = lk_redis_gosession_names(base->settings, key, &names)) !=
	    LK_OK)
		return (status);
	lk_redis_named(key->digest, named);
	lk_redis_call(&call, &gosession_extend_script, 2);
	lk_redis_arg_key(&call.command, &names.session);
	lk_redis_arg_key(&call.command, &names.index);
	lk_redis_arg(&call.command, names.token->text, names.token->len);
	lk_redis_arg_key(&call.command, &names.user);
	lk_redis_arg_int(&call.command, ttl);
	lk_redis_arg_int(&call.command, INDEX_TTL);
	lk_redis_arg_str(&call.command, named);
	lk_redis_arg_int(&call.command, max_life);
	status = lk_redis_call_run(store->link, &call, LK_REDIS_EXTENDS,
	    deadline, base->error, &reply);
	if (status == LK_OK && lk_redis_reply_says(reply, -1))
		status = LK_EXPIRED;
	else if (status == LK_OK && lk_redis_reply_says(reply, -2))
		status = lk_redis_run_why(store, key, &names, deadline);
	else if (status == LK_OK && lk_redis_reply_says(reply, -3))
		status = lk_redis_corrupt(store, "a session");
	else if (status == LK_OK)
		status = session_written(store, key, reply, session);
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
	char named[LK_REDIS_NAMED_MAX + 1], how[LK_REDIS_HOW_MAX + 1];
	struct lk_redis_call call;
	struct lk_redis_names names;
	enum lk_status status = LK_FAULT;

	*revoked = 0;
	if ((status = lk_redis_gosession_names(base->settings, key, &names)) !=
	    LK_OK)
		return (status);
	lk_redis_named(key->digest, named);
	lk_redis_how(base->settings, &ending->origin, how);
	lk_redis_call(&call, &gosession_revoke_script, 2);
	lk_redis_arg_key(&call.command, &names.session);
	lk_redis_arg_key(&call.command, &names.index);
	lk_redis_arg(&call.command, names.token->text, names.token->len);
	lk_redis_arg_str(&call.command, named);
	lk_redis_arg_str(&call.command, lk_reason_name(ending->reason));
	lk_redis_arg_str(&call.command, how);
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
	char how[LK_REDIS_HOW_MAX + 1];
	struct lk_redis_key index, prefix;
	const struct lk_redis_steps steps = {
		.script = &gosession_revoke_all_script,
		.index = &index,
		.prefix = &prefix,
		.own = keep == NULL ? "" : keep->token->text,
		.more = { lk_reason_name(ending->reason), how },
		.blunt = true
	};
	enum lk_status status = LK_FAULT;

	*revoked = 0;
	lk_redis_how(base->settings, &ending->origin, how);
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
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_redis_command commands[LK_REDIS_GOSESSION_LIVES + 1];
	struct lk_redis_reply *replies[LK_REDIS_GOSESSION_LIVES + 1] = { NULL };
	struct lk_redis_names names;
	struct lk_token token;
	struct lk_token_key key;
	const char *wrong = NULL;
	enum lk_status status = LK_FAULT;

	status = search_ref(store, ref, deadline, &token, &key);
	if (status == LK_OK)
		status = lk_redis_gosession_names(base->settings, &key, &names);
	if (status != LK_OK)
		goto out;
	lk_redis_gosession_ask_names(&names, commands);
	lk_redis_gosession_ask_beside(&names,
	    &commands[LK_REDIS_GOSESSION_LIVES]);
	status = lk_redis_run(store, commands, LK_REDIS_GOSESSION_LIVES + 1,
	    deadline, replies);
	if (status == LK_OK)
		status = read_session(base->settings, &key, replies,
		    replies[LK_REDIS_GOSESSION_LIVES],
		    &store->link->wire->clock, session, &wrong);
	if (wrong != NULL)
		status = lk_redis_corrupt(store, wrong);
	lk_redis_free_replies(replies, LK_REDIS_GOSESSION_LIVES + 1);
	sodium_memzero(&names, sizeof(names));
out:
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
	.kindless = true,
	.first_tells = true,
	.check = gosession_check,
	.checked = gosession_checked,
	.ask_why = lk_redis_gosession_ask_why,
	.why = lk_redis_gosession_why,
	.keys = &lk_redis_gosession_keys,
	.put_script = &gosession_put_script,
	.sweep_script = &gosession_trim_script };
