/* What the agent is asked about sessions. */
#include <string.h>

#include "store/agent/asked.h"

/* ---- Looking ----------------------------------------------------------- */

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
look(struct lk_agent_store *store, struct lk_agent_question *question,
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
	status = lk_agent_ask(store, question, deadline, &reply);
	if (status == LK_OK)
		fits = lk_agent_read_session(&reply, key, id, session,
		    record != NULL ? &detail : NULL);
	if (fits && detail.len > 0)
		lk_user_record_encode(session->user, detail.data, record);
	fits = fits && !detail.failed && (record == NULL || !record->failed);
	lk_buf_free(&detail);
	return (lk_agent_end(store, status, fits));
}

enum lk_status
lk_agent_check(struct lk_store *base, const struct lk_token_key *key,
    struct lk_deadline deadline, struct lk_session *session,
    struct lk_buf *record)
{
	struct lk_agent_question question = lk_agent_begin(
	    key->by_id ? "check-id" : "check", true);

	add_key(&question, key);
	return (look(lk_agent_store_of(base), &question, key, NULL, deadline,
	    session, record));
}

enum lk_status
lk_agent_check_id_user(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, struct lk_session *session,
    struct lk_buf *record)
{
	struct lk_agent_question question = lk_agent_begin("check-id", true);
	char id[LK_SESSION_ID_MAX + 1];

	lk_session_id(ref->handle, ref->locator, ref->locator_len, id);
	lk_agent_field(&question.fields, "id", id);
	return (look(lk_agent_store_of(base), &question, NULL, id, deadline,
	    session, record));
}

enum lk_status
lk_agent_check_id(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, struct lk_session *session)
{
	return (lk_agent_check_id_user(base, ref, deadline, session, NULL));
}

enum lk_status
lk_agent_list(struct lk_store *base, const char *user,
    struct lk_deadline deadline, lk_session_fn *each, void *arg)
{
	struct lk_agent_store *store = lk_agent_store_of(base);
	struct lk_agent_question question = lk_agent_begin("sessions", true);
	struct lk_agent_reply reply;
	enum lk_status status = LK_FAULT;
	bool fits = false;
	size_t n;

	question.get = true;
	lk_agent_field(&question.fields, "user", user);
	status = lk_agent_ask(store, &question, deadline, &reply);
	if (status == LK_OK)
		fits = lk_agent_read_list(&reply, user, &n, NULL, NULL);
	if (fits && reply.counted && reply.sessions > n)
		status = lk_agent_cannot(base, "list so many sessions");
	else if (fits)
		(void)lk_agent_read_list(&reply, user, &n, each, arg);
	return (lk_agent_end(store, status, fits));
}

/* ---- Changing ------------------------------------------------------------ */

/* Add where a change comes from. */
static void
add_origin(struct lk_agent_question *question, const struct lk_origin *origin)
{
	lk_agent_field(&question->fields, "peer", origin->peer);
	lk_agent_field(&question->fields, "agent", origin->agent);
}

enum lk_status
lk_agent_issue(struct lk_store *base, const struct lk_issue_request *request,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_agent_store *store = lk_agent_store_of(base);
	struct lk_agent_question question = lk_agent_begin("issue", false);
	struct lk_agent_reply reply;
	enum lk_status status = LK_FAULT;

	lk_agent_field(&question.fields, "user", request->user);
	lk_agent_field(&question.fields, "client", request->client);
	lk_agent_field_int(&question.fields, "ttl", request->ttl);
	add_origin(&question, &request->origin);
	if (request->replaces != NULL)
		lk_agent_field(&question.fields, "replaces",
		    request->replaces->token->text);
	status = lk_agent_ask(store, &question, deadline, &reply);
	return (lk_agent_end(store, status,
	    status == LK_OK &&
	        lk_agent_read_issued(&reply, request->user, request->client,
	            request->token, session, &base->gone)));
}

enum lk_status
lk_agent_extend(struct lk_store *base, const struct lk_token_key *key,
    int64_t ttl, int64_t max_life, struct lk_deadline deadline,
    struct lk_session *session)
{
	struct lk_agent_store *store = lk_agent_store_of(base);
	struct lk_agent_question question = lk_agent_begin("refresh", true);
	struct lk_agent_reply reply;
	enum lk_status status = LK_FAULT;

	(void)max_life;
	add_key(&question, key);
	lk_agent_field_int(&question.fields, "ttl", ttl);
	status = lk_agent_ask(store, &question, deadline, &reply);
	return (lk_agent_end(store, status,
	    status == LK_OK &&
	        lk_agent_read_session(&reply, key, NULL, session, NULL)));
}

/* End sessions, with the fields that say which.  Asked twice, the second
 * answer would count none. */
static enum lk_status
revoke(struct lk_agent_store *store, struct lk_agent_question *question,
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
	status = lk_agent_ask(store, question, deadline, &reply);
	status = lk_agent_end(store, status,
	    status == LK_OK && lk_agent_read_count(&reply, revoked));
	return (
	    status == LK_OK && reply.http == 202 ? LK_E_NOT_DURABLE : status);
}

enum lk_status
lk_agent_revoke(struct lk_store *base, const struct lk_token_key *key,
    const struct lk_ending *ending, struct lk_deadline deadline,
    uint64_t *revoked)
{
	struct lk_agent_question question = lk_agent_begin("revoke", false);

	add_key(&question, key);
	return (revoke(lk_agent_store_of(base), &question, ending, deadline,
	    revoked));
}

enum lk_status
lk_agent_revoke_id(struct lk_store *base, const struct lk_session_ref *ref,
    const struct lk_ending *ending, struct lk_deadline deadline,
    uint64_t *revoked)
{
	struct lk_agent_question question = lk_agent_begin("revoke", false);
	char id[LK_SESSION_ID_MAX + 1];

	lk_session_id(ref->handle, ref->locator, ref->locator_len, id);
	lk_agent_field(&question.fields, "id", id);
	return (revoke(lk_agent_store_of(base), &question, ending, deadline,
	    revoked));
}

enum lk_status
lk_agent_revoke_all(struct lk_store *base, const char *user,
    const struct lk_token_key *keep, const struct lk_ending *ending,
    struct lk_deadline deadline, uint64_t *revoked)
{
	struct lk_agent_question question = lk_agent_begin(
	    keep != NULL ? "logout-others" : "revoke-all", false);

	if (keep != NULL)
		add_key(&question, keep);
	else
		lk_agent_field(&question.fields, "user", user);
	return (revoke(lk_agent_store_of(base), &question, ending, deadline,
	    revoked));
}
