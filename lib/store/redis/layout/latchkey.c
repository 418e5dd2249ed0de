/*
 * Layout `latchkey`, which doc/layout-latchkey.md specifies: its operations on
 * sessions.  The record's key decides whether a session lives: a check is one
 * GET.  The index only serves lists, limits and revoke-all, the order only
 * users who have met their limit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "session/record.h"
#include "store/redis/layout/gone.h"
#include "store/redis/layout/latchkey.h"
#include "store/redis/layout/scan.h"

#include "redis_latchkey_scripts.h"

#define EXPIRED_KNOWN_MS LK_REDIS_EXPIRED_KNOWN_MS
/* All kinds of a row. */
#define KINDS_TEXT_MAX ((size_t)LK_KINDS_MAX * (LK_CLIENT_MAX + 1))

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

/* The session of a record that was just written, and what stands beside it. */
static enum lk_status
session_of(struct lk_redis_store *store, const struct lk_redis_reply *reply,
    const struct lk_token_key *key, struct lk_session *session)
{
	const char *wrong = "the answer to a script";
	struct lk_redis_beside beside;
	int64_t expires_ms = 0;

	if (reply->type == LK_REDIS_ARRAY && reply->elements >= 3 &&
	    reply->element[2]->type == LK_REDIS_STRING)
		wrong = read_record(reply->element[0], key, session,
		    &expires_ms);
	if (wrong == NULL &&
	    !lk_redis_beside_read(reply->element[1], 0, &beside))
		wrong = "what stands beside a session";
	if (wrong != NULL)
		return (lk_redis_corrupt(store, wrong));
	lk_redis_beside_fill_in(&beside, session);
	lk_session_expiry(expires_ms,
	    strtoll(reply->element[2]->text, NULL, 10), session);
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

/* Get a session's record, and what stands beside it.  Unless LK_OK there are no
 * ${replies}. */
static enum lk_status
get_record(struct lk_redis_store *store, struct lk_redis_names *names,
    struct lk_deadline deadline, struct lk_redis_reply *replies[2])
{
	struct lk_redis_command commands[2];
	enum lk_status status = LK_FAULT;

	lk_redis_command(&commands[0], "GET");
	lk_redis_arg_key(&commands[0], &names->session);
	lk_redis_latchkey_key(&names->beside, names->tag,
	    LK_REDIS_LATCHKEY_BESIDE);
	lk_redis_command(&commands[1], "HGET");
	lk_redis_arg_key(&commands[1], &names->beside);
	lk_redis_arg_str(&commands[1], names->handle);
	status = lk_redis_run(store, commands, 2, deadline, replies);
	if (status != LK_OK || replies[0]->type != LK_REDIS_NIL)
		return (status);
	lk_redis_free_replies(replies, 2);
	return (lk_redis_run_why(store, NULL, names, deadline));
}

/* End so many sessions of a user that the rest can be done at an issue. */
static enum lk_status
trim(struct lk_redis_store *store, const struct lk_issue_request *request,
    struct lk_deadline deadline)
{
	const uint32_t limit = request->limits.per_user;
	struct lk_redis_key index, none;
	char stay[16], how[LK_REDIS_HOW_MAX + 1];
	const struct lk_redis_steps steps = { .script = &latchkey_trim_script,
		.index = &index,
		.prefix = &none,
		.own = stay,
		.more = { "limit", how } };
	enum lk_status status = LK_FAULT;
	uint64_t ended;

	(void)snprintf(stay, sizeof(stay), "%" PRIu32,
	    limit > LK_REDIS_ONCE ? limit - 1 : LK_REDIS_ONCE);
	lk_redis_how(store->base.settings, &request->origin, how);
	lk_redis_key(&none, NULL);
	lk_redis_latchkey_user_names(request->user, &index, NULL);
	status = lk_redis_steps_run(store, &steps, LK_REDIS_STEPS, deadline,
	    &ended);
	store->base.gone.count += ended;
	return (status);
}

/* A row's kinds, with a blank between them; they hold none. */
static enum lk_status
join_kinds(struct lk_redis_store *store, const struct lk_kinds *row,
    struct lk_buf *kinds)
{
	size_t i;

	for (i = 0; row != NULL && i < row->kinds.n; i++) {
		lk_buf_str(kinds, i > 0 ? " " : "");
		lk_buf_str(kinds, row->kinds.v[i]);
	}
	return (kinds->failed
	        ? lk_fail(store->base.error, LK_E_NOMEM, "out of memory")
	        : LK_OK);
}

/* Note a session that an issue has ended, by its handle. */
static bool
note_handle(struct lk_gone *gone, const struct lk_token_key *key,
    const struct lk_redis_reply *said)
{
	uint8_t handle[LK_HANDLE_LEN];
	size_t len;

	if (lk_base64url_decode(said->text, said->len, handle, sizeof(handle),
	        &len) != LK_OK ||
	    len != LK_HANDLE_LEN)
		return (false);
	lk_gone_add_ref(gone, handle, key->tag, LK_TAG_LEN);
	return (true);
}

static enum lk_status
latchkey_issue(struct lk_store *base, const struct lk_issue_request *request,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	const struct lk_limits *limits = &request->limits;
	char digest[LK_DIGEST_TEXT_LEN + 1], how[LK_REDIS_HOW_MAX + 1];
	char replaced[LK_REDIS_NAMED_MAX + 1];
	struct lk_buf kinds = LK_BUF_INIT(KINDS_TEXT_MAX);
	struct lk_redis_reply *reply = NULL;
	struct lk_redis_key order;
	struct lk_redis_call call;
	struct lk_redis_names names;
	enum lk_status status = LK_OK;

	lk_redis_latchkey_names(request->key->tag, request->key->digest,
	    &names);
	lk_redis_latchkey_key(&order, names.tag, LK_REDIS_LATCHKEY_ORDER);
	lk_base64url(request->key->digest, LK_DIGEST_LEN, digest);
	lk_redis_how(base->settings, &request->origin, how);
	lk_redis_named(
	    request->replaces != NULL ? request->replaces->digest : NULL,
	    replaced);
	status = join_kinds(store, limits->row, &kinds);
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
		lk_redis_arg_int(&call.command, request->max_life);
		lk_redis_arg_int(&call.command, limits->per_user);
		lk_redis_arg_int(&call.command, limits->user_refuses);
		lk_redis_arg_int(&call.command,
		    limits->row != NULL ? limits->row->max : 0);
		lk_redis_arg_int(&call.command, limits->row_refuses);
		lk_redis_arg(&call.command, kinds.len > 0 ? kinds.data : "",
		    kinds.len);
		lk_redis_arg_str(&call.command, replaced);
		lk_redis_arg_int(&call.command, EXPIRED_KNOWN_MS);
		lk_redis_arg_str(&call.command, how);
		status = lk_redis_call_run(store->link, &call, LK_REDIS_ISSUES,
		    deadline, base->error, &reply);
		if (status == LK_OK && lk_redis_reply_says(reply, 3))
			status = LK_LIMIT;
		else if (status == LK_OK && lk_redis_reply_says(reply, 1)) {
			lk_redis_free_replies(&reply, 1);
			status = trim(store, request, deadline);
		}
	}
	if (status == LK_OK)
		status = session_of(store, reply, request->key, session);
	if (status == LK_OK)
		status = lk_redis_note_gone(store, reply, request->key,
		    note_handle);
	lk_redis_reply_free(reply);
	lk_buf_free(&kinds);
	return (status);
}

/* Read a session that was asked for by its public id. */
static enum lk_status
session_of_ref(struct lk_redis_store *store,
    struct lk_redis_reply *const *replies, const struct lk_session_ref *ref,
    struct lk_session *session)
{
	const struct lk_redis_reply *reply = replies[0];
	uint8_t digest[LK_DIGEST_LEN];
	struct lk_redis_beside beside;
	struct lk_record record;

	if (reply->type != LK_REDIS_STRING ||
	    lk_record_parse(reply->text, reply->len, &record) != LK_OK ||
	    lk_record_digest(&record, digest) != LK_OK ||
	    memcmp(digest, ref->handle, LK_HANDLE_LEN) != 0)
		return (lk_redis_corrupt(store, "a session's record"));
	lk_record_session(&record, digest, ref->locator, session);
	if (!lk_redis_beside_read(replies[1], 0, &beside))
		return (
		    lk_redis_corrupt(store, "what stands beside a session"));
	lk_redis_beside_fill_in(&beside, session);
	return (lk_redis_left(&store->link->wire->clock, record.expires_ms,
	    session));
}

static enum lk_status
latchkey_check_id(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_redis_reply *replies[2] = { NULL };
	struct lk_redis_names names;
	enum lk_status status = LK_FAULT;

	if (ref->locator_len != LK_TAG_LEN)
		return (LK_MALFORMED);
	lk_redis_latchkey_names(ref->locator, ref->handle, &names);
	status = get_record(store, &names, deadline, replies);
	if (status == LK_OK)
		status = session_of_ref(store, replies, ref, session);
	lk_redis_free_replies(replies, 2);
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

	lk_redis_latchkey_names(key->tag, key->digest, &names);
	lk_base64url(key->digest, LK_DIGEST_LEN, digest);
	lk_redis_call(&call, &latchkey_extend_script, 2);
	lk_redis_arg_key(&call.command, &names.session);
	lk_redis_arg_key(&call.command, &names.index);
	lk_redis_arg_str(&call.command, names.handle);
	lk_redis_arg_str(&call.command, digest);
	lk_redis_arg_int(&call.command, ttl);
	lk_redis_arg_int(&call.command, EXPIRED_KNOWN_MS);
	lk_redis_arg_int(&call.command, max_life);
	status = lk_redis_call_run(store->link, &call, LK_REDIS_EXTENDS,
	    deadline, base->error, &reply);
	if (status == LK_OK && lk_redis_reply_says(reply, 0))
		status = lk_redis_run_why(store, key, &names, deadline);
	else if (status == LK_OK && lk_redis_reply_says(reply, 1))
		status = LK_EXPIRED;
	else if (status == LK_OK)
		status = session_of(store, reply, key, session);
	lk_redis_reply_free(reply);
	return (status);
}

static enum lk_status
revoke(struct lk_redis_store *store, const struct lk_redis_names *names,
    const struct lk_ending *ending, struct lk_deadline deadline,
    uint64_t *revoked)
{
	char how[LK_REDIS_HOW_MAX + 1];
	struct lk_redis_call call;

	lk_redis_how(store->base.settings, &ending->origin, how);
	lk_redis_call(&call, &latchkey_revoke_script, 2);
	lk_redis_arg_key(&call.command, &names->session);
	lk_redis_arg_key(&call.command, &names->index);
	lk_redis_arg_str(&call.command, names->handle);
	lk_redis_arg_str(&call.command, lk_reason_name(ending->reason));
	lk_redis_arg_str(&call.command, how);
	return (lk_redis_revoke(store, &call, deadline, revoked));
}

static enum lk_status
latchkey_revoke(struct lk_store *base, const struct lk_token_key *key,
    const struct lk_ending *ending, struct lk_deadline deadline,
    uint64_t *revoked)
{
	struct lk_redis_names names;

	lk_redis_latchkey_names(key->tag, key->digest, &names);
	return (
	    revoke(lk_redis_store_of(base), &names, ending, deadline, revoked));
}

static enum lk_status
latchkey_revoke_id(struct lk_store *base, const struct lk_session_ref *ref,
    const struct lk_ending *ending, struct lk_deadline deadline,
    uint64_t *revoked)
{
	struct lk_redis_names names;

	*revoked = 0;
	if (ref->locator_len != LK_TAG_LEN)
		return (LK_MALFORMED);
	lk_redis_latchkey_names(ref->locator, ref->handle, &names);
	return (
	    revoke(lk_redis_store_of(base), &names, ending, deadline, revoked));
}

static enum lk_status
latchkey_revoke_all(struct lk_store *base, const char *user,
    const struct lk_token_key *keep, const struct lk_ending *ending,
    struct lk_deadline deadline, uint64_t *revoked)
{
	char how[LK_REDIS_HOW_MAX + 1];
	struct lk_redis_key index, none;
	struct lk_redis_names kept = { .handle = "" };
	const struct lk_redis_steps steps = {
		.script = &latchkey_revoke_all_script,
		.index = &index,
		.prefix = &none,
		.own = kept.handle,
		.more = { lk_reason_name(ending->reason), how }
	};

	lk_redis_how(base->settings, &ending->origin, how);
	lk_redis_key(&none, NULL);
	if (keep != NULL)
		lk_redis_latchkey_names(keep->tag, keep->digest, &kept);
	lk_redis_latchkey_user_names(user, &index, NULL);
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
	.ask_why = lk_redis_latchkey_ask_why,
	.why = lk_redis_latchkey_why,
	.put_script = &latchkey_put_script,
	.sweep_script = &latchkey_sweep_script };
