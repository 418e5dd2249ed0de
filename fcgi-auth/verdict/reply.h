/*
 * A reply, whole and in memory.  Web servers take a reply without a status
 * for permission, so there is one way to make one: begin, headers, body, end.
 */
#ifndef GATE_REPLY_H_
#define GATE_REPLY_H_

#include <stdbool.h>

#include "base/buf.h"

/* Media types of bodies. */
#define GATE_TYPE_TEXT "text/plain; charset=utf-8"
#define GATE_TYPE_JSON "application/json"

/**
 * gate_reply_begin(out, http):
 * Start over in ${out} with the one `Status:` line of ${http} and
 * `Cache-Control: no-store`.  A status that the gate does not answer makes
 * the reply a failure.
 */
void gate_reply_begin(struct lk_buf *out, unsigned int http);

/**
 * gate_reply_allow(out):
 * Start over with the status of a verdict that allows.  It says nothing of
 * caches: servers put what it says into the page.
 */
void gate_reply_allow(struct lk_buf *out);

/**
 * gate_reply_header(out, name, value):
 * Add a header.  A control character in ${value} makes the reply a failure.
 */
void gate_reply_header(struct lk_buf *out, const char *name, const char *value);

/**
 * gate_reply_value(out, text, len):
 * Add text to the line of a header, as gate_reply_header() does.
 */
void gate_reply_value(struct lk_buf *out, const char *text, size_t len);

/**
 * gate_reply_body(out, type, body, head):
 * End the headers with those that describe the body, and add ${body} unless
 * it is the reply to a HEAD request.
 */
void gate_reply_body(struct lk_buf *out, const char *type, const char *body,
    bool head);

/**
 * gate_reply_end(out):
 * The reply, which belongs to ${out}; or a constant 503 if it is a failure,
 * memory ran out or the cap of ${out} was hit.
 */
const char *gate_reply_end(const struct lk_buf *out);

#endif /* !GATE_REPLY_H_ */
