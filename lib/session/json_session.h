/* A session, or an entry of a history, as a JSON document. */
#ifndef LK_JSON_SESSION_H_
#define LK_JSON_SESSION_H_

#include "base/buf.h"
#include "latchkey.h"

/**
 * lk_json_session(session, detail, out):
 * Append one object with the members user, id, client, issued_at,
 * expires_at, ttl, peer, agent, renewed_at and ends_by, null where nothing is
 * known, and, unless ${detail} is NULL, detail.
 */
void lk_json_session(const struct lk_session *session, const char *detail,
    struct lk_buf *out);

/**
 * lk_json_session_own(session, current, out):
 * The same as its own user is shown it in a list: without user, and with
 * whether it is the one that he asks with.
 */
void lk_json_session_own(const struct lk_session *session, bool current,
    struct lk_buf *out);

/** lk_json_entry(entry, out): Append an entry of a history. */
void lk_json_entry(const struct lk_entry *entry, struct lk_buf *out);

#endif /* !LK_JSON_SESSION_H_ */
