#include "store/agent/asked.h"

struct lk_agent_question
lk_agent_begin(const char *verb, bool again)
{
	return ((struct lk_agent_question){ .verb = verb,
	    .again = again,
	    .fields = LK_BUF_INIT(LK_AGENT_FIELDS_MAX) });
}

/*
 * Ask, unless the agent has not answered lately.  It answers if it says
 * anything: that it cannot ask its own store is its own breaker's.
 */
static enum lk_status
ask_if_it_answers(struct lk_agent_store *store,
    const struct lk_agent_question *question, struct lk_deadline deadline,
    struct lk_agent_reply *reply)
{
	const int64_t began_ns = lk_monotonic_ns();
	enum lk_status status = LK_FAULT;
	bool probe = false, answered;

	reply->http = 0;
	if (lk_breaker_is_barred(store->breaker) &&
	    !lk_breaker_admit(store->breaker, began_ns, &probe))
		return (lk_fail(store->base.error, LK_E_STORE,
		    "agent at %s: it has not answered several times in a row, "
		    "and is not asked for a moment",
		    store->base.settings->store.agent.address));
	status = lk_agent_line_ask(&store->line, question, deadline, reply);
	answered = status == LK_OK || status == LK_E_CORRUPT;
	if (lk_breaker_note(store->breaker, probe, answered, began_ns,
	        answered ? 0 : lk_monotonic_ns()))
		LK_LOG(store->base.log, LK_LOG_DEBUG,
		    "the agent is asked by nobody for a moment",
		    { "reason", "it has not answered several times in a row" });
	return (status);
}

enum lk_status
lk_agent_ask(struct lk_agent_store *store, struct lk_agent_question *question,
    struct lk_deadline deadline, struct lk_agent_reply *reply)
{
	enum lk_status status = ask_if_it_answers(store, question, deadline,
	    reply);

	lk_buf_free(&question->fields);
	if (status == LK_OK)
		status = lk_agent_refusal(reply,
		    store->base.settings->store.agent.address,
		    &store->base.ended, store->base.error);
	return (status);
}

enum lk_status
lk_agent_end(struct lk_agent_store *store, enum lk_status status, bool fits)
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

enum lk_status
lk_agent_cannot(struct lk_store *base, const char *what)
{
	return (lk_fail(base->error, LK_E_SETTINGS,
	    "store.backend \"agent\" cannot %s; the agent's own settings can: "
	    "latchkey -c " LK_AGENT_SETTINGS_PATH,
	    what));
}
