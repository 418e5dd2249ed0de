/*
 * The face of this folder: what a request is told, step by step.  Each step is
 * in a header of its own, which is pure, so that the command can go through
 * all of them: the request (request.h) and its credentials are read, the plan
 * says what must be known (rules.h), that is asked here, decide.h has the last
 * word, and reply.h and verdict_reply.h put it into bytes.
 */
#ifndef GATE_VERDICT_H_
#define GATE_VERDICT_H_

#include "verdict/decide.h"
#include "verdict/reply.h"
#include "verdict/verdict_reply.h"

/**
 * A request, all that was found out about it, and what follows.  The facts
 * borrow from the rest, so that it must stay where it is.  End its life with
 * gate_case_end().
 */
struct gate_case {
	/* What it begins with. */
	const struct lk_settings *settings;
	struct lk_manager *manager; /* NULL: nobody may wait */
	struct gate_request request;
	struct gate_credentials credentials; /* secret */

	/* What was found out. */
	struct gate_plan plan;
	bool under_way;            /* the check, without waiting */
	bool asked;                /* the store */
	int64_t began_ns;          /* then, CLOCK_MONOTONIC */
	enum lk_status status;     /* what it said; LK_FAULT if not asked */
	enum lk_reason ended;      /* and why the session did */
	struct lk_session session; /* zeroed unless LK_OK and one is live */
	struct lk_user user;       /* zeroed unless LK_OK and GATE_NEED_USER */

	/* What follows. */
	struct gate_facts facts;
	struct gate_verdict verdict;
};

/**
 * gate_case_begin(c, settings, manager, request):
 * Begin with ${request}, and the credentials that it carries.
 */
void gate_case_begin(struct gate_case *c, const struct lk_settings *settings,
    struct lk_manager *manager, const struct gate_request *request);

/**
 * gate_case_plan(c):
 * Find out what the rules need to be known.
 */
void gate_case_plan(struct gate_case *c);

/**
 * gate_case_ask(c, need, checks, whose):
 * Look the session up if ${need} is a session or its user and there are tokens
 * to go by; else nobody is asked anything.  Of GATE_CREDENTIALS_SEVERAL the one
 * that is live, or the first if none is, is chosen, and they become
 * GATE_CREDENTIALS_ONE; they stay as they are, with LK_OK if several are live,
 * and with the trouble, since that one may be live as well, if the store cannot
 * say so of one of them.
 * Without a manager nothing waits: the case is ${c->under_way} if a check of
 * ${whose} was started among ${checks}.  False if a manager must be asked: for
 * several tokens, or if ${checks} are NULL or leave it to one.
 */
bool gate_case_ask(struct gate_case *c, enum gate_need need,
    struct lk_checks *checks, void *whose);

/**
 * gate_case_finish(c, checked):
 * Take what came of the check, with its user.  False as above.
 */
bool gate_case_finish(struct gate_case *c, struct lk_checked *checked);

/** gate_case_end(c): Wipe the credentials, and free what was found out. */
void gate_case_end(struct gate_case *c);

#endif /* !GATE_VERDICT_H_ */
