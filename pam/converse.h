/* Asking who wants to log in, and for the token. */
#ifndef PAM_CONVERSE_H_
#define PAM_CONVERSE_H_

#include <security/pam_modules.h>

#include "latchkey.h"

/**
 * pam_converse_user(handle, user):
 * Who wants to log in; libpam's, and never empty.  PAM_SUCCESS, or what to
 * answer instead: PAM_INCOMPLETE if the host wants to ask later,
 * PAM_BUF_ERR, else PAM_AUTH_ERR.
 */
int pam_converse_user(pam_handle_t *handle, const char **user);

/**
 * pam_converse_token(handle, prompt, ask, token):
 * The token: what a module before has asked for already (PAM_AUTHTOK), or
 * else, if ${ask}, the answer to ${prompt}, typed without an echo.  What is
 * asked is asked also under PAM_SILENT, which is about messages.  Returns as
 * pam_converse_user(); what can be no token is LK_MALFORMED in ${status}.
 * The caller wipes ${token}.
 */
int pam_converse_token(pam_handle_t *handle, const char *prompt, bool ask,
    struct lk_token *token, enum lk_status *status);

/** pam_converse_say(handle, text): Show the user a line. */
void pam_converse_say(pam_handle_t *handle, const char *text);

#endif /* !PAM_CONVERSE_H_ */
