/*
 * The face of this folder: what a question is answered, and what is counted and
 * said of it.  A verb has a row in verbs.c.
 */
#ifndef AGENT_ANSWER_H_
#define AGENT_ANSWER_H_

#include "answer/policy.h"
#include "answer/tally.h"
#include "process/process.h"
#include "question/question.h"

#define AGENT_TYPE_JSON "application/json"

/* Longest body: what a list is cut at. */
#define AGENT_ANSWER_MAX ((size_t)4 * 1024 * 1024)

/** All zero is no answer yet. */
struct agent_answer {
	unsigned int http;
	const char *type;         /* of the body */
	const char *allow;        /* header Allow; NULL: none */
	unsigned int retry_after; /* seconds; 0: not said */
	bool challenge;           /* with WWW-Authenticate */
	enum lk_reason ended;     /* why the session ended that is refused */
	bool counted; /* header Latchkey-Sessions: how many there are */
	uint64_t sessions;
	struct lk_buf body; /* may be secret */
};

/** By whom and by what a question is answered. */
struct agent_asked {
	struct lk_manager *manager; /* NULL: what asks no store */
	const struct lk_settings *settings;
	struct agent_policy *policy; /* of the same settings */
	struct agent_tally *tally;

	/* Asked before the name service is, and told behind it: not everybody
	 * may hang there.  NULL: everybody may. */
	bool (*look)(void *arg, bool begin);
	void *arg;
};

/** agent_http_of(status): what a status of the library comes to.  Pure. */
unsigned int agent_http_of(enum lk_status status);

/**
 * agent_answer_say(answer, http, status, message),
 * agent_answer_say_why(answer, http, status, message, reason):
 * Answer that it is not as was asked: {"status", "message"}, and "reason" if
 * there is one.
 */
void agent_answer_say(struct agent_answer *answer, unsigned int http,
    enum lk_status status, const char *message);
void agent_answer_say_why(struct agent_answer *answer, unsigned int http,
    enum lk_status status, const char *message, enum lk_reason reason);

/**
 * agent_answer_now(asked, caller, question, wrong, answer):
 * Answer what takes no store and no name service, such as each refusal that
 * follows from the settings; false if it does.  Counts the question for the row
 * that permits it, if that is known, which ${question} then remembers.
 */
bool agent_answer_now(const struct agent_asked *asked,
    const struct agent_caller *caller, struct agent_question *question,
    const struct agent_wrong *wrong, struct agent_answer *answer);

/**
 * agent_answer_find(asked, caller, question, answer):
 * Answer whatever it takes.  The caller frees the body.
 */
void agent_answer_find(const struct agent_asked *asked,
    const struct agent_caller *caller, struct agent_question *question,
    struct agent_answer *answer);

#endif /* !AGENT_ANSWER_H_ */
