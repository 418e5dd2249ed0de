/* A session as a JSON document. */
#ifndef LK_JSON_SESSION_H_
#define LK_JSON_SESSION_H_

#include "base/buf.h"
#include "latchkey.h"

/**
 * lk_json_session(session, detail, out):
 * Append one object with the members user, id, client, issued_at (null if
 * not recorded), expires_at, ttl and, unless ${detail} is NULL, detail.
 */
void lk_json_session(const struct lk_session *session, const char *detail,
    struct lk_buf *out);

#endif /* !LK_JSON_SESSION_H_ */
