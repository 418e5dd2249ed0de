/* What the agent is asked about sessions that were. */
#include <string.h>

#include "store/agent/asked.h"

/* How an answer's entries, which name no user, are handed on. */
struct handing {
	const char *user;
	lk_entry_fn *each;
	void *arg;
};

static void
hand_on(void *arg, const struct lk_entry *entry)
{
	const struct handing *handing = arg;
	struct lk_entry whole = *entry;

	memcpy(whole.user, handing->user, strlen(handing->user) + 1);
	handing->each(handing->arg, &whole);
}

enum lk_status
lk_agent_history(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, lk_entry_fn *each, void *arg)
{
	static const uint8_t none[LK_HANDLE_LEN];
	struct lk_agent_store *store = lk_agent_store_of(base);
	struct lk_agent_question question = lk_agent_begin("history", true);
	struct handing handing = { (const char *)ref->locator, each, arg };
	struct lk_agent_reply reply;
	enum lk_status status = LK_FAULT;
	bool fits = false;

	/* Of a session that is no more an id does not say whose it was. */
	if (memcmp(ref->handle, none, sizeof(none)) != 0)
		return (lk_agent_cannot(base, "say what became of a session"));
	question.get = true;
	lk_agent_field(&question.fields, "user", handing.user);
	status = lk_agent_ask(store, &question, deadline, &reply);
	if (status == LK_OK)
		fits = lk_agent_read_history(&reply, NULL, NULL);
	if (fits)
		(void)lk_agent_read_history(&reply, hand_on, &handing);
	return (lk_agent_end(store, status, fits));
}

enum lk_status
lk_agent_history_erase(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, uint64_t *erased)
{
	(void)ref;
	(void)deadline;
	*erased = 0;
	return (lk_agent_cannot(base, "erase a history"));
}

enum lk_status
lk_agent_ended(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, struct lk_entry *entry)
{
	(void)ref;
	(void)deadline;
	memset(entry, 0, sizeof(*entry));
	return (lk_agent_cannot(base, "say why a session ended"));
}
