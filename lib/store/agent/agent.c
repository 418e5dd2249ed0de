/*
 * The agent in the place of a store: latchkeyd, who holds the store's key, is
 * asked, and decides by its own settings who may ask what.  doc/agent.md is
 * what it is asked.
 */
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/agent/answer.h"
#include "store/agent/line.h"
#include "store/backend.h"

struct agent_store {
	struct lk_store base;
	struct lk_agent_line line;
};

static struct agent_store *
store_of(struct lk_store *base)
{
	/* The base is the first member. */
	return ((struct agent_store *)base);
}

/* ---- One question ----------------------------------------------------------
 */

static struct lk_agent_question
begin(const char *verb, bool again)
{
	return ((struct lk_agent_question){ .verb = verb,
	    .again = again,
	    .fields = LK_BUF_INIT(LK_AGENT_FIELDS_MAX) });
}

/* Add where a change comes from. */
static void
add_origin(struct lk_agent_question *question, const struct lk_origin *origin)
{
	lk_agent_field(&question->fields, "peer", origin->peer);
	lk_agent_field(&question->fields, "agent", origin->agent);
}

/*
 * Ask; the fields are freed.  LK_OK if it is answered as was asked; then
 * end() follows.
 */
static enum lk_status
ask(struct agent_store *store, struct lk_agent_question *question,
    struct lk_deadline deadline, struct lk_agent_reply *reply)
{
	enum lk_status status = lk_agent_line_ask(&store->line, question,
	    deadline, reply);

	lk_buf_free(&question->fields);
	if (status == LK_OK)
		status = lk_agent_refusal(reply,
		    store->base.settings->store.agent.address,
		    &store->base.ended, store->base.error);
	return (status);
}

/* Wipe the answer; LK_E_CORRUPT unless it ${fits}. */
static enum lk_status
end(struct agent_store *store, enum lk_status status, bool fits)
{
	if (status == LK_OK && !fits) {
		status = lk_fail(store->base.error, LK_E_CORRUPT,
		    "agent at %s: the answer is not to what was asked",
		    store->base.settings->store.agent.address);
		/* What would come next might be to something else. */
		lk_agent_line_close(&store->line);
	}
	lk_agent_line_forget(&store->line);
	return (status);
}

/* The agent cannot do it, since nobody is to have so much through it. */
static enum lk_status
cannot(struct lk_store *base, const char *what)
{
	return (lk_fail(base->error, LK_E_SETTINGS,
	    "store.backend \"agent\" cannot %s; the agent's own settings can: "
	    "latchkey -c " LK_AGENT_SETTINGS_PATH,
	    what));
}

/* ---- Looking ----------------------------------------------------------- */

static enum lk_status
agent_ping(struct lk_store *base, struct lk_deadline deadline)
{
	struct agent_store *store = store_of(base);
	struct lk_agent_question question = begin("health", true);
	struct lk_agent_reply reply;
	enum lk_status status = LK_FAULT;

	question.get = true;
	status = ask(store, &question, deadline, &reply);
	if (status == LK_E_STORE && reply.http == 503)
		lk_error_set(base->error,
		    "agent at %s: its own store does not answer",
		    base->settings->store.agent.address);
	return (end(store, status, reply.http == 200));
}

static enum lk_status
agent_inspect(struct lk_store *base, struct lk_deadline deadline,
    lk_finding_fn *each, void *arg)
{
	enum lk_status status = agent_ping(base, deadline);
	char text[LK_ERROR_MAX];

	if (status != LK_OK)
		return (status);
	(void)snprintf(text, sizeof(text),
	    "latchkeyd at %s; what its store promises is told by latchkey -c "
	    "%s doctor",
	    base->settings->store.agent.address, LK_AGENT_SETTINGS_PATH);
	each(arg, LK_FINDING_GOOD, text);
	return (LK_OK);
}

/* Add who is asked about: a token, or the id of who has proved it otherwise. */
static void
add_key(struct lk_agent_question *question, const struct lk_token_key *key)
{
	char id[LK_SESSION_ID_MAX + 1];

	if (key->by_id) {
		lk_session_id_of_key(key, LK_SHAPE_LATCHKEY, id);
		lk_agent_field(&question->fields, "id", id);
	} else {
		lk_agent_field(&question->fields, "token", key->token->text);
	}
}

/*
 * Look a session up, and unless ${record} is NULL its user's; ${key} or ${id}
 * is that of the session that was asked for.
 */
static enum lk_status
look(struct agent_store *store, struct lk_agent_question *question,
    const struct lk_token_key *key, const char *id, struct lk_deadline deadline,
    struct lk_session *session, struct lk_buf *record)
{
	struct lk_buf detail = LK_BUF_INIT(LK_DETAIL_MAX);
	struct lk_agent_reply reply;
	enum lk_status status = LK_FAULT;
	bool fits = false;

	if (record != NULL) {
		lk_agent_field(&question->fields, "detail", "1");
		/* The user source may take its own time. */
		deadline.at_ns += store->base.settings->user.timeout_ms *
		    1000000;
	}
	status = ask(store, question, deadline, &reply);
	if (status == LK_OK)
		fits = lk_agent_read_session(&reply, key, id, session,
		    record != NULL ? &detail : NULL);
	if (fits && detail.len > 0)
		lk_user_record_encode(session->user, detail.data, record);
	fits = fits && !detail.failed && (record == NULL || !record->failed);
	lk_buf_free(&detail);
	return (end(store, status, fits));
}

static enum lk_status
agent_check(struct lk_store *base, const struct lk_token_key *key,
    struct lk_deadline deadline, struct lk_session *session,
    struct lk_buf *record)
{
	struct lk_agent_question question = begin(
	    key->by_id ? "check-id" : "check", true);

	add_key(&question, key);
	return (look(store_of(base), &question, key, NULL, deadline, session,
	    record));
}

static enum lk_status
agent_check_id_user(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, struct lk_session *session,
    struct lk_buf *record)
{
	struct lk_agent_question question = begin("check-id", true);
	char id[LK_SESSION_ID_MAX + 1];

	lk_session_id(ref->handle, ref->locator, ref->locator_len, id);
	lk_agent_field(&question.fields, "id", id);
	return (look(store_of(base), &question, NULL, id, deadline, session,
	    record));
}

static enum lk_status
agent_check_id(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, struct lk_session *session)
{
	return (agent_check_id_user(base, ref, deadline, session, NULL));
}

static enum lk_status
agent_list(struct lk_store *base, const char *user, struct lk_deadline deadline,
    lk_session_fn *each, void *arg)
{
	struct agent_store *store = store_of(base);
	struct lk_agent_question question = begin("sessions", true);
	struct lk_agent_reply reply;
	enum lk_status status = LK_FAULT;
	bool fits = false;
	size_t n;

	question.get = true;
	lk_agent_field(&question.fields, "user", user);
	status = ask(store, &question, deadline, &reply);
	if (status == LK_OK)
		fits = lk_agent_read_list(&reply, user, &n, NULL, NULL);
	if (fits && reply.counted && reply.sessions > n)
		status = cannot(base, "list so many sessions");
	else if (fits)
		(void)lk_agent_read_list(&reply, user, &n, each, arg);
	return (end(store, status, fits));
}

/* ---- Changing ------------------------------------------------------------ */

static enum lk_status
agent_issue(struct lk_store *base, const struct lk_issue_request *request,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct agent_store *store = store_of(base);
	struct lk_agent_question question = begin("issue", false);
	struct lk_agent_reply reply;
	enum lk_status status = LK_FAULT;

	lk_agent_field(&question.fields, "user", request->user);
	lk_agent_field(&question.fields, "client", request->client);
	lk_agent_field_int(&question.fields, "ttl", request->ttl);
	add_origin(&question, &request->origin);
	if (request->replaces != NULL)
		lk_agent_field(&question.fields, "replaces",
		    request->replaces->token->text);
	status = ask(store, &question, deadline, &reply);
	return (end(store, status,
	    status == LK_OK &&
	        lk_agent_read_issued(&reply, request->user, request->client,
	            request->token, session, &base->gone)));
}

static enum lk_status
agent_extend(struct lk_store *base, const struct lk_token_key *key, int64_t ttl,
    int64_t max_life, struct lk_deadline deadline, struct lk_session *session)
{
	struct agent_store *store = store_of(base);
	struct lk_agent_question question = begin("refresh", true);
	struct lk_agent_reply reply;
	enum lk_status status = LK_FAULT;

	(void)max_life;
	add_key(&question, key);
	lk_agent_field_int(&question.fields, "ttl", ttl);
	status = ask(store, &question, deadline, &reply);
	return (end(store, status,
	    status == LK_OK &&
	        lk_agent_read_session(&reply, key, NULL, session, NULL)));
}

/* End sessions, with the fields that say which.  Asked twice, the second
 * answer would count none. */
static enum lk_status
revoke(struct agent_store *store, struct lk_agent_question *question,
    const struct lk_ending *ending, struct lk_deadline deadline,
    uint64_t *revoked)
{
	struct lk_agent_reply reply;
	enum lk_status status = LK_FAULT;

	*revoked = 0;
	lk_agent_field(&question->fields, "reason",
	    lk_reason_name(lk_reason_given(lk_reason_name(ending->reason),
	        LK_REASON_REVOKED)));
	add_origin(question, &ending->origin);
	status = ask(store, question, deadline, &reply);
	status = end(store, status,
	    status == LK_OK && lk_agent_read_count(&reply, revoked));
	return (
	    status == LK_OK && reply.http == 202 ? LK_E_NOT_DURABLE : status);
}

static enum lk_status
agent_revoke(struct lk_store *base, const struct lk_token_key *key,
    const struct lk_ending *ending, struct lk_deadline deadline,
    uint64_t *revoked)
{
	struct lk_agent_question question = begin("revoke", false);

	add_key(&question, key);
	return (revoke(store_of(base), &question, ending, deadline, revoked));
}

static enum lk_status
agent_revoke_id(struct lk_store *base, const struct lk_session_ref *ref,
    const struct lk_ending *ending, struct lk_deadline deadline,
    uint64_t *revoked)
{
	struct lk_agent_question question = begin("revoke", false);
	char id[LK_SESSION_ID_MAX + 1];

	lk_session_id(ref->handle, ref->locator, ref->locator_len, id);
	lk_agent_field(&question.fields, "id", id);
	return (revoke(store_of(base), &question, ending, deadline, revoked));
}

static enum lk_status
agent_revoke_all(struct lk_store *base, const char *user,
    const struct lk_token_key *keep, const struct lk_ending *ending,
    struct lk_deadline deadline, uint64_t *revoked)
{
	struct lk_agent_question question = begin(
	    keep != NULL ? "logout-others" : "revoke-all", false);

	if (keep != NULL)
		add_key(&question, keep);
	else
		lk_agent_field(&question.fields, "user", user);
	return (revoke(store_of(base), &question, ending, deadline, revoked));
}

/* ---- History ------------------------------------------------------------- */

static enum lk_status
agent_history(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, lk_entry_fn *each, void *arg)
{
	(void)ref;
	(void)deadline;
	(void)each;
	(void)arg;
	return (cannot(base, "show a history"));
}

static enum lk_status
agent_history_erase(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, uint64_t *erased)
{
	(void)ref;
	(void)deadline;
	*erased = 0;
	return (cannot(base, "erase a history"));
}

static enum lk_status
agent_ended(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, struct lk_entry *entry)
{
	(void)ref;
	(void)deadline;
	memset(entry, 0, sizeof(*entry));
	return (cannot(base, "say why a session ended"));
}

/* ---- Users --------------------------------------------------------------- */

static enum lk_status
agent_user_get(struct lk_store *base, const char *user,
    struct lk_deadline deadline, struct lk_buf *record)
{
	struct agent_store *store = store_of(base);
	struct lk_agent_question question = begin("user-get", true);
	struct lk_agent_reply reply;
	enum lk_status status = LK_FAULT;

	lk_agent_field(&question.fields, "user", user);
	status = ask(store, &question, deadline, &reply);
	/* That nothing is cached is no record. */
	if (status == LK_NO_USER)
		return (end(store, LK_OK, true));
	return (end(store, status,
	    status == LK_OK && lk_agent_read_user(&reply, record)));
}

static enum lk_status
agent_user_put(struct lk_store *base, const char *user, const char *record,
    size_t len, int64_t ttl, struct lk_deadline deadline)
{
	struct agent_store *store = store_of(base);
	struct lk_agent_question question = begin("user", true);
	struct lk_user cached = { .detail = NULL };
	struct lk_agent_reply reply;
	enum lk_status status = lk_user_record_decode(record, len, &cached);

	if (status != LK_OK)
		return (status);
	lk_agent_field(&question.fields, "user", user);
	lk_agent_field(&question.fields, "detail", cached.detail);
	lk_agent_field_int(&question.fields, "ttl", ttl);
	lk_user_clear(&cached);
	status = ask(store, &question, deadline, &reply);
	return (end(store, status, reply.http == 200));
}

static enum lk_status
agent_user_delete(struct lk_store *base, const char *user,
    struct lk_deadline deadline, bool *deleted)
{
	struct agent_store *store = store_of(base);
	struct lk_agent_question question = begin("user-delete", false);
	struct lk_agent_reply reply;
	enum lk_status status = LK_FAULT;

	*deleted = false;
	lk_agent_field(&question.fields, "user", user);
	status = ask(store, &question, deadline, &reply);
	return (end(store, status,
	    status == LK_OK && lk_agent_read_deleted(&reply, deleted)));
}

/* ---- The store as a whole --------------------------------------------------
 */

static enum lk_status
agent_walk(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, lk_stored_fn *each, void *arg)
{
	(void)place;
	(void)deadline;
	(void)each;
	(void)arg;
	return (cannot(base, "export sessions"));
}

static enum lk_status
agent_put(struct lk_store *base, const struct lk_stored *stored, size_t count,
    struct lk_deadline deadline, enum lk_put *results)
{
	(void)stored;
	(void)count;
	(void)deadline;
	(void)results;
	return (cannot(base, "import sessions"));
}

static enum lk_status
agent_sweep(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, uint64_t *swept)
{
	(void)place;
	(void)deadline;
	(void)swept;
	return (cannot(base, "sweep a store"));
}

static enum lk_status
agent_stats(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, struct lk_store_stats *stats)
{
	(void)place;
	(void)deadline;
	(void)stats;
	return (cannot(base, "count what a store holds"));
}

/* ---- Life -------------------------------------------------------------- */

static void
agent_leave_parent(struct lk_store *base)
{
	lk_agent_line_close(&store_of(base)->line);
}

static void
agent_free(struct lk_store *base)
{
	lk_agent_line_close(&store_of(base)->line);
	free(base);
}

static const struct lk_store_ops agent_ops = { .name = "agent",
	.ping = agent_ping,
	.inspect = agent_inspect,
	.issue = agent_issue,
	.check = agent_check,
	.check_id = agent_check_id,
	.check_id_user = agent_check_id_user,
	.extend = agent_extend,
	.revoke = agent_revoke,
	.revoke_id = agent_revoke_id,
	.revoke_all = agent_revoke_all,
	.list = agent_list,
	.history = agent_history,
	.history_erase = agent_history_erase,
	.ended = agent_ended,
	.user_get = agent_user_get,
	.user_put = agent_user_put,
	.user_delete = agent_user_delete,
	.walk = agent_walk,
	.put = agent_put,
	.sweep = agent_sweep,
	.stats = agent_stats,
	.leave_parent = agent_leave_parent,
	.free = agent_free };

static enum lk_status
agent_open(const struct lk_store *base, struct lk_store **storep)
{
	struct agent_store *store = calloc(1, sizeof(*store));

	*storep = NULL;
	if (store == NULL)
		return (lk_fail(base->error, LK_E_NOMEM, "out of memory"));
	store->base = *base;
	store->base.ops = &agent_ops;
	store->base.shape = LK_SHAPE_ANY;
	store->base.timeout_ms = base->settings->store.agent.timeout_ms;
	lk_agent_line_init(&store->line, base->settings, base->error);
	*storep = &store->base;
	return (LK_OK);
}

/* What the agent's settings say is not said here as well. */
static enum lk_status
check_settings(struct lk_settings *settings, struct lk_error *error)
{
	static const char durability[] = "store.durability",
	                  source[] = "user.source";

	if (settings->store.backend != LK_BACKEND_AGENT)
		return (LK_OK);
	if (settings->store.durability != LK_DURABILITY_ACK)
		return (lk_settings_refuse(settings, durability, durability,
		    error,
		    "expected \"ack\", since the agent's settings say it, got "
		    "\"replica\""));
	if (settings->user.source != LK_SOURCE_NONE)
		return (lk_settings_refuse(settings, source, source, error,
		    "expected \"none\", since the agent asks the user source, "
		    "by its own settings"));
	return (LK_OK);
}

const struct lk_backend lk_agent_backend = { .open = agent_open,
	.where = "store.agent.address",
	.check = check_settings };
