/* What the agent is asked about users. */
#include "session/user.h"
#include "store/agent/asked.h"

enum lk_status
lk_agent_user_get(struct lk_store *base, const char *user,
    struct lk_deadline deadline, struct lk_buf *record)
{
	struct lk_agent_store *store = lk_agent_store_of(base);
	struct lk_agent_question question = lk_agent_begin("user-get", true);
	struct lk_agent_reply reply;
	enum lk_status status = LK_FAULT;

	lk_agent_field(&question.fields, "user", user);
	status = lk_agent_ask(store, &question, deadline, &reply);
	/* That nothing is cached is no record. */
	if (status == LK_NO_USER)
		return (lk_agent_end(store, LK_OK, true));
	return (lk_agent_end(store, status,
	    status == LK_OK && lk_agent_read_user(&reply, record)));
}

enum lk_status
lk_agent_user_load(struct lk_store *base, const char *user, int64_t ttl,
    struct lk_deadline deadline, struct lk_buf *record)
{
	struct lk_agent_store *store = lk_agent_store_of(base);
	struct lk_agent_question question = lk_agent_begin("user", true);
	struct lk_agent_reply reply;
	enum lk_status status = LK_FAULT;

	/* The user source may take its own time. */
	deadline.at_ns += base->settings->user.timeout_ms * 1000000;
	lk_agent_field(&question.fields, "user", user);
	lk_agent_field_int(&question.fields, "ttl", ttl);
	status = lk_agent_ask(store, &question, deadline, &reply);
	return (lk_agent_end(store, status,
	    status == LK_OK && lk_agent_read_user(&reply, record)));
}

enum lk_status
lk_agent_user_put(struct lk_store *base, const char *user, const char *record,
    size_t len, int64_t ttl, struct lk_deadline deadline)
{
	struct lk_agent_store *store = lk_agent_store_of(base);
	struct lk_agent_question question = lk_agent_begin("user", true);
	struct lk_user cached = { .detail = NULL };
	struct lk_agent_reply reply;
	enum lk_status status = lk_user_record_decode(record, len, &cached);

	if (status != LK_OK)
		return (status);
	lk_agent_field(&question.fields, "user", user);
	lk_agent_field(&question.fields, "detail", cached.detail);
	lk_agent_field_int(&question.fields, "ttl", ttl);
	lk_user_clear(&cached);
	status = lk_agent_ask(store, &question, deadline, &reply);
	return (lk_agent_end(store, status, reply.http == 200));
}

enum lk_status
lk_agent_user_delete(struct lk_store *base, const char *user,
    struct lk_deadline deadline, bool *deleted)
{
	struct lk_agent_store *store = lk_agent_store_of(base);
	struct lk_agent_question question = lk_agent_begin("user-delete",
	    false);
	struct lk_agent_reply reply;
	enum lk_status status = LK_FAULT;

	*deleted = false;
	lk_agent_field(&question.fields, "user", user);
	status = lk_agent_ask(store, &question, deadline, &reply);
	return (lk_agent_end(store, status,
	    status == LK_OK && lk_agent_read_deleted(&reply, deleted)));
}
