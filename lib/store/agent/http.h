/*
 * HTTP/1.1 (RFC 9112) as far as it takes to ask the agent: a question in one
 * piece, and an answer whose length is said in front.  Whatever else an answer
 * might be is refused.  Pure.
 */
#ifndef LK_AGENT_HTTP_H_
#define LK_AGENT_HTTP_H_

#include <stdint.h>

#include "base/buf.h"

/* Longest head of an answer, and longest body: a list of sessions. */
#define LK_AGENT_HEAD_MAX ((size_t)8192)
#define LK_AGENT_BODY_MAX ((size_t)4 * 1024 * 1024)
/* Longest fields of a question, as the agent takes them. */
#define LK_AGENT_FIELDS_MAX ((size_t)65536)

/**
 * lk_agent_field(fields, name, value):
 * Append a field as a form encodes it; nothing if ${value} is NULL or "".
 */
void lk_agent_field(struct lk_buf *fields, const char *name, const char *value);

/** lk_agent_field_int(fields, name, value): The same; nothing if it is 0. */
void lk_agent_field_int(struct lk_buf *fields, const char *name, int64_t value);

/**
 * lk_agent_question(verb, get, fields, left_ms, out):
 * Append the question ${verb} to ${out}, asked by GET or else by POST, by
 * somebody who waits for ${left_ms} more.
 */
void lk_agent_question(const char *verb, bool get, const struct lk_buf *fields,
    int left_ms, struct lk_buf *out);

/** An answer; it points into what it was read from. */
struct lk_agent_reply {
	unsigned int http; /* its status: 200 to 599 */
	bool last;         /* nothing more comes on this connection */
	bool counted;      /* header Latchkey-Sessions */
	uint64_t sessions;
	const char *body;
	size_t len;
};

enum lk_agent_read {
	LK_AGENT_WRONG = 0, /* it is no answer, or one too many */
	LK_AGENT_PART,      /* so far */
	LK_AGENT_WHOLE
};

/** lk_agent_reply_read(text, len, reply): Read all that has come. */
enum lk_agent_read lk_agent_reply_read(const char *text, size_t len,
    struct lk_agent_reply *reply);

#endif /* !LK_AGENT_HTTP_H_ */
