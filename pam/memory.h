/*
 * Which session somebody was let in with, from one step to the next.
 *
 * Steps may run in different processes: sshd authenticates in a child, whose
 * data are gone when the session opens, while the PAM environment is handed
 * on.  So the session's public id is kept in both.  The data are ours, and say
 * whose the id is.  The environment is the user's (pam_env reads a file of
 * his): an id that is there only is a hint, which counts once the store has
 * said that it is his.
 */
#ifndef PAM_MEMORY_H_
#define PAM_MEMORY_H_

#include <security/pam_modules.h>

#include "latchkey.h"

/** The variable; the user's programs see it, and it is no secret. */
#define PAM_MEMORY_VARIABLE "LATCHKEY_SESSION"

/** A session that somebody was let in with; what it points to is libpam's. */
struct pam_memory {
	const char *id;   /* NULL if there is none */
	const char *user; /* who was let in; NULL if nothing proves it */
};

/**
 * pam_memory_set(handle, id, user):
 * Remember that ${user} was let in with the session ${id}; PAM_SUCCESS or
 * PAM_BUF_ERR.
 */
int pam_memory_set(pam_handle_t *handle, const char *id, const char *user);

/** pam_memory_clear(handle): Forget it, whoever set it. */
void pam_memory_clear(pam_handle_t *handle);

/** pam_memory_get(handle): What is remembered, until it is set or cleared. */
struct pam_memory pam_memory_get(pam_handle_t *handle);

#endif /* !PAM_MEMORY_H_ */
