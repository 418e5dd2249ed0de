/*
 * Layout `latchkey`, which doc/layout-latchkey.md specifies: its operations on
 * sessions.  The record's key decides whether a session lives: a check is one
 * GET.  The index only serves lists, limits and revoke-all, the order only
 * users who have met their limit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "session/record.h"
#include "store/redis/layout/latchkey.h"
#include "store/redis/layout/scan.h"

#include "redis_latchkey_scripts.h"

#define EXPIRED_KNOWN_MS LK_REDIS_EXPIRED_KNOWN_MS

/*
 * Read a session from its record; NULL, or what is wrong.  One of another
 * digest is the answer to another question, or was put there by somebody else.
 */
static const char *
read_record(const struct lk_redis_reply *reply, const struct lk_token_key *key,
    struct lk_session *session, int64_t *expires_ms)
{
	uint8_t digest[LK_DIGEST_LEN];
	struct lk_record record;

	if (reply->type != LK_REDIS_STRING ||
	    lk_record_parse(reply->text, reply->len, &record) != LK_OK)
		return ("a session's record");
	if (lk_record_digest(&record, digest) != LK_OK ||
	    !lk_token_key_fits(key, digest))
		return ("a session's digest");
	if (key->user[0] != '\0' && strcmp(key->user, record.user) != 0)
		return ("a session's user");
	lk_record_session(&record, digest, key->tag, session);
	*expires_ms = record.expires_ms;
	return (NULL);
}

/* The session of a record that was just written to end in ${ttl} seconds. */
static enum lk_status
session_of(struct lk_redis_store *store, const struct lk_redis_reply *reply,
    const struct lk_token_key *key, int64_t ttl, struct lk_session *session)
{
	int64_t expires_ms = 0;
	const char *wrong = read_record(reply, key, session, &expires_ms);

	if (wrong != NULL)
		return (lk_redis_corrupt(store, wrong));
	lk_session_expiry(expires_ms, expires_ms - ttl * 1000, session);
	return (LK_OK);
}

static enum lk_status
latchkey_check(const struct lk_settings *settings,
    const struct lk_token_key *key, bool user, struct lk_redis_look *look)
{
	struct lk_redis_names *names = &look->names;

	(void)settings;
	lk_redis_latchkey_names(key->tag, key->digest, names);
	lk_redis_command(&look->commands[0], "GET");
	lk_redis_arg_key(&look->commands[0], &names->session);
	look->count = 1;
	if (!user)
		return (LK_OK);
	lk_redis_latchkey_key(&names->user, names->tag, LK_REDIS_LATCHKEY_USER);
	lk_redis_command(&look->commands[1], "GET");
	lk_redis_arg_key(&look->commands[1], &names->user);
	look->count = 2;
	return (LK_OK);
}

static enum lk_status
latchkey_checked(const struct lk_settings *settings,
    const struct lk_token_key *key, struct lk_redis_reply *const *replies,
    const struct lk_redis_clock *clock, struct lk_session *session,
    const char **wrong)
{
	int64_t expires_ms = 0;

	(void)settings;
	if (replies[0]->type == LK_REDIS_NIL)
		return (LK_UNKNOWN);
	*wrong = read_record(replies[0], key, session, &expires_ms);
	return (*wrong != NULL ? LK_E_CORRUPT
	                       : lk_redis_left(clock, expires_ms, session));
}

/* A session that has no record: did it live until its time was over? */
static void
latchkey_ask_why(const struct lk_redis_names *names,
    struct lk_redis_command *command)
{
	lk_redis_command(command, "ZSCORE");
	lk_redis_arg_key(command, &names->index);
	lk_redis_arg_str(command, names->handle);
}

/* End so many sessions of a user that the rest can be done at an issue. */
static enum lk_status
trim(struct lk_redis_store *store, const struct lk_issue_request *request,
    struct lk_deadline deadline)
{
	const uint32_t limit = request->limits.per_user;
	struct lk_redis_key index, prefix;
	char stay[16];
	const struct lk_redis_steps steps = { .script = &latchkey_trim_script,
		.index = &index,
		.prefix = &prefix,
		.own = stay };
	uint64_t ended;

	(void)snprintf(stay, sizeof(stay), "%" PRIu32,
	    limit > LK_REDIS_ONCE ? limit - 1 : LK_REDIS_ONCE);
	lk_redis_latchkey_user_names(request->user, &index, &prefix);
	return (lk_redis_steps_run(store, &steps, LK_REDIS_STEPS, deadline,
	    &ended));
}

static enum lk_status
latchkey_issue(struct lk_store *base, const struct lk_issue_request *request,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	char digest[LK_DIGEST_TEXT_LEN + 1];
	struct lk_redis_reply *reply = NULL;
	struct lk_redis_key prefix, index, order;
	struct lk_redis_call call;
	struct lk_redis_names names;
	enum lk_status status = LK_OK;

	lk_redis_latchkey_names(request->key->tag, request->key->digest,
	    &names);
	lk_redis_latchkey_user_names(request->user, &index, &prefix);
	lk_redis_latchkey_key(&order, names.tag, LK_REDIS_LATCHKEY_ORDER);
	lk_base64url(request->key->digest, LK_DIGEST_LEN, digest);
	while (status == LK_OK && reply == NULL) {
		lk_redis_call(&call, &latchkey_issue_script, 3);
		lk_redis_arg_key(&call.command, &names.session);
		lk_redis_arg_key(&call.command, &names.index);
		lk_redis_arg_key(&call.command, &order);
		lk_redis_arg_str(&call.command, names.handle);
		lk_redis_arg_str(&call.command, digest);
		lk_redis_arg_str(&call.command,
		    request->client[0] != '\0' ? request->client : "-");
		lk_redis_arg_str(&call.command, request->user);
		lk_redis_arg_int(&call.command, request->ttl);
		lk_redis_arg_int(&call.command, request->limits.per_user);
		lk_redis_arg_key(&call.command, &prefix);
		lk_redis_arg_int(&call.command, EXPIRED_KNOWN_MS);
		status = lk_redis_call_run(store->link, &call, LK_REDIS_ISSUES,
		    deadline, base->error, &reply);
		if (status == LK_OK && lk_redis_reply_says(reply, 1)) {
			lk_redis_free_replies(&reply, 1);
			status = trim(store, request, deadline);
		}
	}
	if (status == LK_OK)
		status = session_of(store, reply, request->key, request->ttl,
		    session);
	lk_redis_reply_free(reply);
	return (status);
}

/* Read a session that was asked for by its public id. */
static enum lk_status
session_of_ref(struct lk_redis_store *store, const struct lk_redis_reply *reply,
    const struct lk_session_ref *ref, struct lk_session *session)
{
	uint8_t digest[LK_DIGEST_LEN];
	struct lk_record record;

	if (reply->type != LK_REDIS_STRING ||
	    lk_record_parse(reply->text, reply->len, &record) != LK_OK ||
	    lk_record_digest(&record, digest) != LK_OK ||
	    memcmp(digest, ref->handle, LK_HANDLE_LEN) != 0)
		return (lk_redis_corrupt(store, "a session's record"));
	lk_record_session(&record, digest, ref->locator, session);
	return (lk_redis_left(&store->link->wire.clock, record.expires_ms,
	    session));
}

static enum lk_status
latchkey_check_id(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_redis_command command;
	struct lk_redis_reply *reply = NULL;
	struct lk_redis_names names;
	enum lk_status status = LK_FAULT;

	if (ref->locator_len != LK_TAG_LEN)
		return (LK_MALFORMED);
	lk_redis_latchkey_names(ref->locator, ref->handle, &names);
	lk_redis_command(&command, "GET");
	lk_redis_arg_key(&command, &names.session);
	status = lk_redis_run(store, &command, 1, deadline, &reply);
	if (status == LK_OK && reply->type == LK_REDIS_NIL)
		status = lk_redis_run_why(store, &names, deadline);
	else if (status == LK_OK)
		status = session_of_ref(store, reply, ref, session);
	lk_redis_reply_free(reply);
	return (status);
}

static enum lk_status
latchkey_extend(struct lk_store *base, const struct lk_token_key *key,
    int64_t ttl, int64_t max_life, struct lk_deadline deadline,
    struct lk_session *session)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	char digest[LK_DIGEST_TEXT_LEN + 1];
	struct lk_redis_reply *reply = NULL;
	struct lk_redis_call call;
	struct lk_redis_names names;
	enum lk_status status = LK_FAULT;

	(void)max_life; /* the settings may not have one */
	lk_redis_latchkey_names(key->tag, key->digest, &names);
	lk_base64url(key->digest, LK_DIGEST_LEN, digest);
	lk_redis_call(&call, &latchkey_extend_script, 2);
	lk_redis_arg_key(&call.command, &names.session);
	lk_redis_arg_key(&call.command, &names.index);
	lk_redis_arg_str(&call.command, names.handle);
	lk_redis_arg_str(&call.command, digest);
	lk_redis_arg_int(&call.command, ttl);
	lk_redis_arg_int(&call.command, EXPIRED_KNOWN_MS);
	status = lk_redis_call_run(store->link, &call, LK_REDIS_EXTENDS,
	    deadline, base->error, &reply);
	if (status == LK_OK && lk_redis_reply_says(reply, 0))
		status = LK_UNKNOWN;
	else if (status == LK_OK && lk_redis_reply_says(reply, 1))
		status = LK_EXPIRED;
	else if (status == LK_OK)
		status = session_of(store, reply, key, ttl, session);
	lk_redis_reply_free(reply);
	return (status);
}

static enum lk_status
revoke(struct lk_redis_store *store, const struct lk_redis_names *names,
    struct lk_deadline deadline, uint64_t *revoked)
{
	struct lk_redis_call call;

	lk_redis_call(&call, &latchkey_revoke_script, 2);
	lk_redis_arg_key(&call.command, &names->session);
	lk_redis_arg_key(&call.command, &names->index);
	lk_redis_arg_str(&call.command, names->handle);
	return (lk_redis_revoke(store, &call, deadline, revoked));
}

static enum lk_status
latchkey_revoke(struct lk_store *base, const struct lk_token_key *key,
    const struct lk_ending *ending, struct lk_deadline deadline,
    uint64_t *revoked)
{
	struct lk_redis_names names;

	(void)ending;
	lk_redis_latchkey_names(key->tag, key->digest, &names);
	return (revoke(lk_redis_store_of(base), &names, deadline, revoked));
}

static enum lk_status
latchkey_revoke_id(struct lk_store *base, const struct lk_session_ref *ref,
    const struct lk_ending *ending, struct lk_deadline deadline,
    uint64_t *revoked)
{
	struct lk_redis_names names;

	(void)ending;
	*revoked = 0;
	if (ref->locator_len != LK_TAG_LEN)
		return (LK_MALFORMED);
	lk_redis_latchkey_names(ref->locator, ref->handle, &names);
	return (revoke(lk_redis_store_of(base), &names, deadline, revoked));
}

static enum lk_status
latchkey_revoke_all(struct lk_store *base, const char *user,
    const struct lk_token_key *keep, const struct lk_ending *ending,
    struct lk_deadline deadline, uint64_t *revoked)
{
	struct lk_redis_key index, prefix;
	struct lk_redis_names kept = { .handle = "" };
	const struct lk_redis_steps steps = {
		.script = &latchkey_revoke_all_script,
		.index = &index,
		.prefix = &prefix,
		.own = kept.handle
	};

	(void)ending;
	if (keep != NULL)
		lk_redis_latchkey_names(keep->tag, keep->digest, &kept);
	lk_redis_latchkey_user_names(user, &index, &prefix);
	return (lk_redis_steps_run(lk_redis_store_of(base), &steps,
	    LK_REDIS_REVOKES, deadline, revoked));
}

static const struct lk_store_ops latchkey_ops = { .name = "redis/latchkey",
	.issue = latchkey_issue,
	.check_id = latchkey_check_id,
	.extend = latchkey_extend,
	.revoke = latchkey_revoke,
	.revoke_id = latchkey_revoke_id,
	.revoke_all = latchkey_revoke_all,
	.list = lk_redis_latchkey_list,
	LK_REDIS_SAME_OPS };

const struct lk_redis_layout lk_redis_latchkey = { .ops = &latchkey_ops,
	.shape = LK_SHAPE_LATCHKEY,
	.names_itself = true,
	.check = latchkey_check,
	.checked = latchkey_checked,
	.keys = &lk_redis_latchkey_keys,
	.ask_why = latchkey_ask_why,
	.put_script = &latchkey_put_script,
	.sweep_script = &latchkey_sweep_script };
