/* Inside: the agent in the place of a store, and how it is asked. */
#ifndef LK_AGENT_ASKED_H_
#define LK_AGENT_ASKED_H_

#include "store/agent/answer.h"
#include "store/agent/line.h"
#include "store/breaker.h"
#include "store/store.h"

struct lk_agent_store {
	struct lk_store base; /* the first member */
	struct lk_agent_line line;
	struct lk_breaker own;      /* of who was given no watch */
	struct lk_breaker *breaker; /* the process's, or its own */
};

/** lk_agent_store_of(base): The store whose base it is. */
static inline struct lk_agent_store *
lk_agent_store_of(struct lk_store *base)
{
	return ((struct lk_agent_store *)base);
}

/** lk_agent_begin(verb, again): A question; ${again}: it may be asked twice. */
struct lk_agent_question lk_agent_begin(const char *verb, bool again);

/**
 * lk_agent_ask(store, question, deadline, reply):
 * Ask; the fields are freed.  LK_OK if it is answered as was asked; what
 * ${reply} says is read then, and lk_agent_end() follows in any case.
 */
enum lk_status lk_agent_ask(struct lk_agent_store *store,
    struct lk_agent_question *question, struct lk_deadline deadline,
    struct lk_agent_reply *reply) LK_MUST_CHECK;

/** lk_agent_end(store, status, fits): Wipe the answer, and return ${status};
 * LK_E_CORRUPT for LK_OK unless it ${fits}. */
enum lk_status lk_agent_end(struct lk_agent_store *store, enum lk_status status,
    bool fits) LK_MUST_CHECK;

/** lk_agent_cannot(base, what): The agent cannot do that, since nobody is to
 * have so much through it: say who can. */
enum lk_status lk_agent_cannot(struct lk_store *base,
    const char *what) LK_MUST_CHECK;

/* The operations, by what they are about: session.c, past.c, user.c. */
LK_STORE_OP(issue) lk_agent_issue;
LK_STORE_OP(check) lk_agent_check;
LK_STORE_OP(check_id) lk_agent_check_id;
LK_STORE_OP(check_id_user) lk_agent_check_id_user;
LK_STORE_OP(extend) lk_agent_extend;
LK_STORE_OP(revoke) lk_agent_revoke;
LK_STORE_OP(revoke_id) lk_agent_revoke_id;
LK_STORE_OP(revoke_all) lk_agent_revoke_all;
LK_STORE_OP(list) lk_agent_list;
LK_STORE_OP(history) lk_agent_history;
LK_STORE_OP(history_erase) lk_agent_history_erase;
LK_STORE_OP(ended) lk_agent_ended;
LK_STORE_OP(user_get) lk_agent_user_get;
LK_STORE_OP(user_load) lk_agent_user_load;
LK_STORE_OP(user_put) lk_agent_user_put;
LK_STORE_OP(user_delete) lk_agent_user_delete;

#endif /* !LK_AGENT_ASKED_H_ */
