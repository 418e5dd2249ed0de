/* Somebody logs in: latchkeyd issues the session, whatever the store is. */
#ifndef LK_AGENT_LOGIN_H_
#define LK_AGENT_LOGIN_H_

#include "base/buf.h"
#include "latchkey.h"
#include "settings/settings.h"

/* Longest place that somebody wants to go to, and longest path that a login
 * goes on to. */
#define LK_LOGIN_URL_MAX 4096
#define LK_LOGIN_NEXT_MAX 2048

/** Who has logged in.  What is NULL is not known. */
struct lk_login {
	const char *user;
	const char *client;
	const char *peer;
	const char *agent;
	const struct lk_token *replaces; /* the session before */
	const char *url;                 /* where he wanted to go */
	int64_t ttl;                     /* seconds; 0: as is usual */
};

/** What he gets: end its life with lk_token_wipe(). */
struct lk_logged_in {
	struct lk_token token;
	struct lk_session session;
	char next[LK_LOGIN_NEXT_MAX + 1]; /* a path of this site */
};

/**
 * lk_agent_log_in(settings, login, got, error):
 * Have the agent at `store.agent` issue a session, under the row of who asks,
 * on a connection of its own.  LK_LIMIT, LK_FORBIDDEN and LK_NO_USER are the
 * agent's refusals; LK_E_SETTINGS if no row of its is for who asks.
 */
enum lk_status lk_agent_log_in(const struct lk_settings *settings,
    const struct lk_login *login, struct lk_logged_in *got,
    struct lk_error *error) LK_MUST_CHECK;

#endif /* !LK_AGENT_LOGIN_H_ */
