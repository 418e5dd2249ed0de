/* Finding out whether a session is of who wants to log in. */
#ifndef PAM_LOGIN_H_
#define PAM_LOGIN_H_

#include "decide.h"
#include "name.h"
#include "visit.h"

/** What a look-up brought. */
struct pam_login {
	struct pam_finding finding;
	struct lk_session session;
	char
	    account[LK_USER_ID_MAX + 1]; /* of the session's user; see name.h */
};

/**
 * pam_login_by_token(visit, token, user, login):
 * Look ${token} up, once, and compare its session with ${user}, who wants to
 * log in, and with the kind of client that may.  Needs an open ${visit}.
 */
void pam_login_by_token(struct pam_visit *visit, const struct lk_token *token,
    const char *user, struct pam_login *login);

/**
 * pam_login_by_id(visit, id, user, login):
 * The same for a session that somebody was let in with earlier; ${user} is
 * NULL if that need not be compared again.
 */
void pam_login_by_id(struct pam_visit *visit, const char *id, const char *user,
    struct pam_login *login);

#endif /* !PAM_LOGIN_H_ */
