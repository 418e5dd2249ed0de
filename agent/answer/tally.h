/* What questions come to: counted, and said in the log. */
#ifndef AGENT_TALLY_H_
#define AGENT_TALLY_H_

#include "process/process.h"
#include "question/question.h"

#define AGENT_HTTP_COUNT 14

/** All zero at first but the log; shared by all threads. */
struct agent_tally {
	struct gate_events events;
	struct gate_limiter refused;
	gate_counter requests[AGENT_VERB_COUNT][AGENT_HTTP_COUNT];
	gate_counter connections; /* now */
};

/** agent_tally_count(tally, verb, http): One more that was answered so. */
void agent_tally_count(struct agent_tally *tally, enum agent_verb verb,
    unsigned int http);

/**
 * agent_tally_refused(tally, caller, verb, why):
 * ${caller} asked what he may not: a line, or with many one a second.
 */
void agent_tally_refused(struct agent_tally *tally,
    const struct agent_caller *caller, enum agent_verb verb, const char *why);

/** What is said of a change; a NULL text is left out. */
struct agent_change {
	const char *message; /* "session issued" */
	const char *user, *session, *client, *count, *durable, *reason, *peer,
	    *agent;
};

/** agent_tally_change(tally, caller, change): Say it, and who asked. */
void agent_tally_change(struct agent_tally *tally,
    const struct agent_caller *caller, const struct agent_change *change);

/** agent_tally_print(tally, out): Append all metrics. */
void agent_tally_print(const struct agent_tally *tally, struct lk_buf *out);

#endif /* !AGENT_TALLY_H_ */
