/* From a verdict to the bytes of a reply. */
#ifndef GATE_VERDICT_REPLY_H_
#define GATE_VERDICT_REPLY_H_

#include "base/buf.h"
#include "verdict/decide.h"

/* Cap of a reply. */
#define GATE_REPLY_MAX 8000
/*
 * Longest URL of a login page with its `url`: a reply has room for two, and
 * nginx for one in the 4096 bytes that it takes for the headers of a reply.
 */
#define GATE_LOGIN_MAX 3584

/**
 * gate_verdict_reply(facts, verdict, out):
 * Write the whole reply to ${out} (cap GATE_REPLY_MAX) and return it: one
 * `Status:` line, headers, and with a denial a short text unless the method is
 * HEAD.  Only with 200 it says whose session it is: in variables that the web
 * server passes on (Variable-LATCHKEY_USER, ...), or for a subrequest in
 * headers (Latchkey-User, ...).  The client is left out if the session has no
 * client kind, the user's detail unless `gate.detail` is set, and all of it if
 * there is no session because the rule is public.  If memory runs out, the cap
 * is hit or a value has a control character, it is a constant 503 instead.  The
 * reply belongs to ${out} and is valid as long as that.
 *
 * Where to log in is said in Latchkey-Login, and with 302 in Location too,
 * with what was requested in the parameter `url`: the path and query as the
 * client sent them, with all but unreserved characters encoded.  That is left
 * out as a whole if the URL is then longer than GATE_LOGIN_MAX, or it is no
 * path that stays on this host.
 */
const char *gate_verdict_reply(const struct gate_facts *facts,
    const struct gate_verdict *verdict, struct lk_buf *out);

#endif /* !GATE_VERDICT_REPLY_H_ */
