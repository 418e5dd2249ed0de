/*
 * Which session somebody was let in with, from one step to the next.
 *
 * Steps may run in different processes: sshd authenticates in a child, whose
 * data are gone when the session opens, while the PAM environment is handed
 * on.  So the session's public id is kept in both.  The data cannot be forged;
 * the environment may have been set by others (pam_env), and what is found
 * there only is to be compared with who logs in.
 */
#ifndef PAM_MEMORY_H_
#define PAM_MEMORY_H_

#include <security/pam_modules.h>

#include "latchkey.h"

/** The variable; the user's programs see it, and it is no secret. */
#define PAM_MEMORY_VARIABLE "LATCHKEY_SESSION"

/** pam_memory_set(handle, id): Remember ${id}; PAM_SUCCESS or PAM_BUF_ERR. */
int pam_memory_set(pam_handle_t *handle, const char *id);

/** pam_memory_clear(handle): Forget it, whoever set it. */
void pam_memory_clear(pam_handle_t *handle);

/**
 * pam_memory_get(handle, trusted):
 * The id, or NULL; ${trusted} says that we have set it in this process.
 */
const char *pam_memory_get(pam_handle_t *handle, bool *trusted);

#endif /* !PAM_MEMORY_H_ */
