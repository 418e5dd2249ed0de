/* The log of whoever runs us: syslog, by way of libpam. */
#ifndef PAM_LOG_H_
#define PAM_LOG_H_

#include <security/pam_modules.h>

#include "base/log.h"

/**
 * pam_log(handle, level):
 * A log whose lines pam_syslog(3) sends, with the module's, the service's and
 * the step's name in front; valid as long as ${handle}.
 */
struct lk_log pam_log(pam_handle_t *handle, enum lk_log_level level);

#endif /* !PAM_LOG_H_ */
