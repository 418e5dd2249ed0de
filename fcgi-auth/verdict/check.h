/* Asking the manager what a plan needs to know. */
#ifndef GATE_CHECK_H_
#define GATE_CHECK_H_

#include "verdict/decide.h"

/** What was found out about a session.  End its life with gate_check_clear. */
struct gate_check {
	bool asked;                /* the manager */
	enum lk_status status;     /* what it said; LK_FAULT if not asked */
	struct lk_session session; /* zeroed unless LK_OK and one is live */
	struct lk_user user;       /* zeroed unless LK_OK and GATE_NEED_USER */
};

/**
 * gate_check(manager, need, credentials, check):
 * Look the session up if ${need} is a session or its user and there are tokens
 * to go by; else nobody is asked anything.  Of GATE_CREDENTIALS_SEVERAL the one
 * that is live, or the first if none is, is chosen, and they become
 * GATE_CREDENTIALS_ONE; they stay as they are, with LK_OK if several are live,
 * and with the trouble, since that one may be live as well, if the store cannot
 * say so of one of them.
 */
void gate_check(struct lk_manager *manager, enum gate_need need,
    struct gate_credentials *credentials, struct gate_check *check);

/**
 * gate_check_tell(check, facts):
 * Put what was found out into ${facts}, which borrows it.
 */
void gate_check_tell(const struct gate_check *check, struct gate_facts *facts);

/** gate_check_clear(check): Free what ${check} holds. */
void gate_check_clear(struct gate_check *check);

#endif /* !GATE_CHECK_H_ */
