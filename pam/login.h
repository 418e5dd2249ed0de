/* Finding out whether a session is of who wants to log in. */
#ifndef PAM_LOGIN_H_
#define PAM_LOGIN_H_

#include "decide.h"
#include "memory.h"
#include "name.h"
#include "visit.h"

/** What a look-up brought. */
struct pam_login {
	struct pam_facts facts;
	struct lk_session session;
	char account[LK_USER_ID_MAX + 1]; /* that it opens; "" if unknown */
};

/**
 * pam_login_by_token(visit, token, user, login):
 * Look ${token} up, once, and compare its session with ${user}, who wants to
 * log in, and with the kind of client and the account that may.  Needs an open
 * ${visit}.
 */
void pam_login_by_token(struct pam_visit *visit, const struct lk_token *token,
    const char *user, struct pam_login *login);

/**
 * pam_login_by_id(visit, memory, user, login):
 * The same for a session that somebody was let in with earlier.  Whose it is
 * is compared again unless it was ${user} who was let in.
 */
void pam_login_by_id(struct pam_visit *visit, const struct pam_memory *memory,
    const char *user, struct pam_login *login);

#endif /* !PAM_LOGIN_H_ */
