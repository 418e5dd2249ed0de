/*
 * A question to the agent: what is asked, by the method and the path, with what
 * fields, and what is wrong with it.  Pure.
 *
 *     POST /v1/check           token, detail
 *     POST /v1/check-id        id, detail
 *     POST /v1/issue           user, client, ttl, peer, agent, replaces, url
 *     POST /v1/refresh         token, ttl
 *     POST /v1/revoke          token or id, reason, peer
 *     POST /v1/revoke-all      user, reason, peer
 *     POST /v1/logout-others   token, reason, peer
 *     GET  /v1/sessions        user
 *     GET  /v1/history         user
 *     POST /v1/user            user, detail, ttl
 *     POST /v1/user-get        user
 *     POST /v1/user-delete     user
 *     POST /v1/token           token, audience, ttl
 *     POST /v1/introspect      token, token_type_hint
 *     GET  /v1/health
 *     GET  /v1/metrics
 *
 * A further one is a row in question.c and one in answer/verbs.c.
 */
#ifndef AGENT_QUESTION_H_
#define AGENT_QUESTION_H_

#include "latchkey.h"
#include "question/fields.h"
#include "question/permit.h"

enum agent_verb {
	AGENT_NO_VERB = 0, /* there is no such path */
	AGENT_CHECK,
	AGENT_CHECK_ID,
	AGENT_ISSUE,
	AGENT_REFRESH,
	AGENT_REVOKE,
	AGENT_REVOKE_ALL,
	AGENT_LOGOUT_OTHERS,
	AGENT_SESSIONS,
	AGENT_HISTORY,
	AGENT_LOAD_USER,
	AGENT_GET_USER,
	AGENT_DELETE_USER,
	AGENT_ISSUE_ACCESS,
	AGENT_INTROSPECT,
	AGENT_HEALTH,
	AGENT_METRICS,
	AGENT_VERB_COUNT
};

/** A question as it came. */
struct agent_message {
	const char *method;
	const char *target;  /* the path, and the query behind a `?` */
	const char *type;    /* Content-Type; NULL: none */
	const char *timeout; /* Latchkey-Timeout; NULL: none */
	const char *body;
	size_t len;
	bool too_long; /* the body was longer than AGENT_BODY_MAX */
};

/** And as it is understood; zeroed it asks for nothing. */
struct agent_question {
	enum agent_verb verb;
	struct agent_fields fields;
	struct lk_token token; /* empty: none */
	int64_t ttl;           /* 0: none */
	int64_t wait_ms;       /* how long the caller waits; 0: not said */
	bool detail;           /* of a check: with the user's */
	bool malformed; /* the token or id has no form that one could have */
	struct agent_about about;
	bool counted; /* for the row that permits it; see answer/answer.h */
};

/** Why it is not; all zero: it is. */
struct agent_wrong {
	unsigned int http;
	enum lk_status status;
	const char *message; /* constant text, or the question's */
	const char *allow;   /* with 405 */
};

/** agent_verb_name(verb): as it stands in the path; "none". */
const char *agent_verb_name(enum agent_verb verb);

/**
 * agent_question_read(message, question, wrong):
 * Understand ${message}, or say in ${wrong} what is wrong with it; ${question}
 * then knows the verb, if there is one.  agent_question_free() in every case.
 */
void agent_question_read(const struct agent_message *message,
    struct agent_question *question, struct agent_wrong *wrong);

/** agent_question_free(question): Wipe and free.  Zeroed is fine. */
void agent_question_free(struct agent_question *question);

#endif /* !AGENT_QUESTION_H_ */
