/* What each verb does, once it is permitted.  Inside. */
#ifndef AGENT_VERBS_H_
#define AGENT_VERBS_H_

#include "answer/answer.h"

/** A question in hand. */
struct agent_work {
	/* Constant. */
	const struct agent_asked *asked;
	const struct agent_caller *caller;
	const struct agent_question *question;
	struct agent_answer *answer;

	/* Changing. */
	int64_t began_ns;           /* the question to the store */
	struct agent_about about;   /* as far as it is known by now */
	struct agent_permit permit; /* once it is permitted */
	struct lk_session session;  /* of the id that is asked about, if that
	                               had to be known; else zero */
};

/**
 * agent_note(work, status):
 * The store answered ${status}, which is returned: count it; the next question
 * to it begins now.
 */
enum lk_status agent_note(struct agent_work *work, enum lk_status status);

/**
 * agent_say_status(work, status):
 * Answer that it is not done, and why, as ${status} of the library says.
 */
void agent_say_status(struct agent_work *work, enum lk_status status);

/** agent_field_of(work, field): What was said, or NULL. */
const char *agent_field_of(const struct agent_work *work,
    enum agent_field field);

/* Longest name of who asked, for the history. */
#define AGENT_ACTOR_SIZE 24

/**
 * agent_actor(work, actor):
 * Who asked, as a history has it: "agent:UID".  Returns ${actor}.
 */
const char *agent_actor(const struct agent_work *work,
    char actor[AGENT_ACTOR_SIZE]);

typedef void agent_verb_fn(struct agent_work *work);

agent_verb_fn agent_check;
agent_verb_fn agent_issue;
agent_verb_fn agent_refresh;
agent_verb_fn agent_revoke;
agent_verb_fn agent_revoke_all;
agent_verb_fn agent_log_out_others;
agent_verb_fn agent_list;
agent_verb_fn agent_show_history;
agent_verb_fn agent_load_user;
agent_verb_fn agent_get_user;
agent_verb_fn agent_delete_user;
agent_verb_fn agent_issue_access;
agent_verb_fn agent_introspect;
agent_verb_fn agent_show_health;
agent_verb_fn agent_show_metrics;

#endif /* !AGENT_VERBS_H_ */
