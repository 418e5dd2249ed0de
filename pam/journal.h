/* The log of whoever runs us: syslog, by way of libpam. */
#ifndef PAM_JOURNAL_H_
#define PAM_JOURNAL_H_

#include <security/pam_modules.h>

#include "base/log.h"

/**
 * pam_journal(handle, level):
 * A log whose lines pam_syslog(3) sends, with the module's, the service's and
 * the step's name in front; valid as long as ${handle}.
 */
struct lk_log pam_journal(pam_handle_t *handle, enum lk_log_level level);

#endif /* !PAM_JOURNAL_H_ */
