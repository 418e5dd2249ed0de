/* Under which name a session's user logs in to the machine. */
#ifndef PAM_NAME_H_
#define PAM_NAME_H_

#include "latchkey.h"

/** The names that a session stands for. */
struct pam_names {
	const char *own;                  /* the session's user id */
	char account[LK_USER_ID_MAX + 1]; /* the account's; "" if none */
};

/**
 * pam_names_of(session, detail, field, names):
 * The account is the user id, or with ${field} the string that is the member
 * of that name of the user's ${detail}, JSON text; without such a string, or if
 * either is no id that lk_user_id_fits(), the session opens no account.
 * ${names} borrows ${session}.
 */
void pam_names_of(const struct lk_session *session, const char *detail,
    const char *field, struct pam_names *names);

/**
 * pam_names_include(names, name, own_too):
 * Whether ${name} is the account, byte by byte, or with ${own_too} the user
 * id of a session that has an account.
 */
bool pam_names_include(const struct pam_names *names, const char *name,
    bool own_too);

#endif /* !PAM_NAME_H_ */
