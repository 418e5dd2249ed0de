/*
 * The connection to the agent: kept between questions, never shared by two
 * users, and only to whom it should be to.
 */
#ifndef LK_AGENT_LINE_H_
#define LK_AGENT_LINE_H_

#include "base/stream.h"
#include "settings/settings.h"
#include "store/agent/http.h"

struct lk_agent_line {
	const struct lk_settings *settings;
	struct lk_error *error;
	struct lk_stream stream;

	/* Who has connected it: that is who asks. */
	uid_t uid;
	gid_t gid;

	struct lk_buf in; /* the last answer; secret */
};

/** A question that is to be asked. */
struct lk_agent_question {
	const char *verb;
	bool get;
	bool again; /* it may be asked twice */
	struct lk_buf fields;
};

/** lk_agent_line_init(line, settings, error): Nothing is connected yet. */
void lk_agent_line_init(struct lk_agent_line *line,
    const struct lk_settings *settings, struct lk_error *error);

/**
 * lk_agent_line_ask(line, question, deadline, reply):
 * Ask, and wait for the answer, which ${reply} points into until the next call.
 * If a connection that was kept proves closed the question is asked on another
 * one, unless it may have arrived and must not twice.
 */
enum lk_status lk_agent_line_ask(struct lk_agent_line *line,
    const struct lk_agent_question *question, struct lk_deadline deadline,
    struct lk_agent_reply *reply) LK_MUST_CHECK;

/** lk_agent_line_forget(line): Wipe the last answer. */
void lk_agent_line_forget(struct lk_agent_line *line);

/** lk_agent_line_close(line): Close it, and say nothing. */
void lk_agent_line_close(struct lk_agent_line *line);

#endif /* !LK_AGENT_LINE_H_ */
