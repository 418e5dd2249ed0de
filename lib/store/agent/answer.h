/* What the agent's answers say, once they have come whole.  Pure. */
#ifndef LK_AGENT_ANSWER_H_
#define LK_AGENT_ANSWER_H_

#include "base/error.h"
#include "session/gone.h"
#include "session/origin.h"
#include "session/token.h"
#include "store/agent/http.h"

/**
 * lk_agent_refusal(reply, where, ended, error):
 * The status of an answer that is not as was asked, LK_OK of one of 200 to 202.
 * A refusal is one only with the words that it has; whatever else is not known
 * is LK_E_STORE, and ${error} says what the agent at ${where} says.  Of a
 * session that ended ${ended} says why, if the agent does.
 */
enum lk_status lk_agent_refusal(const struct lk_agent_reply *reply,
    const char *where, enum lk_reason *ended,
    struct lk_error *error) LK_MUST_CHECK;

/* Of those below, false is an answer that does not fit. */

/** lk_agent_read_count(reply, count): {"revoked":N}. */
bool lk_agent_read_count(const struct lk_agent_reply *reply, uint64_t *count);

/** lk_agent_read_deleted(reply, deleted): {"deleted":true}, or false. */
bool lk_agent_read_deleted(const struct lk_agent_reply *reply, bool *deleted);

/**
 * lk_agent_read_user(reply, record):
 * Append what is cached of a user, as session/user.h has it.
 */
bool lk_agent_read_user(const struct lk_agent_reply *reply,
    struct lk_buf *record);

/**
 * lk_agent_read_session(reply, key, id, session, detail):
 * The session that was asked about, by ${key} or if that is NULL by ${id}: no
 * other one fits.  ${detail} gets the user's, if the answer has one; NULL: it
 * was not asked for.
 */
bool lk_agent_read_session(const struct lk_agent_reply *reply,
    const struct lk_token_key *key, const char *id, struct lk_session *session,
    struct lk_buf *detail);

/**
 * lk_agent_read_issued(reply, user, client, token, session, gone):
 * The session that was issued to ${user}, its token, and what it ended.
 */
bool lk_agent_read_issued(const struct lk_agent_reply *reply, const char *user,
    const char *client, struct lk_token *token, struct lk_session *session,
    struct lk_gone *gone);

/**
 * lk_agent_read_history(reply, each, arg):
 * Call ${each}, unless it is NULL, for the entries, which name no user.
 */
bool lk_agent_read_history(const struct lk_agent_reply *reply,
    lk_entry_fn *each, void *arg);

/**
 * lk_agent_read_next(reply, next, size):
 * Where a login goes on to: a path of this site, as every browser reads it.
 */
bool lk_agent_read_next(const struct lk_agent_reply *reply, char *next,
    size_t size);

/**
 * lk_agent_read_list(reply, user, n, each, arg):
 * Call ${each}, unless it is NULL, for the sessions of ${user}; ${n} is how
 * many the answer has.
 */
bool lk_agent_read_list(const struct lk_agent_reply *reply, const char *user,
    size_t *n, lk_session_fn *each, void *arg);

#endif /* !LK_AGENT_ANSWER_H_ */
