/*
 * The gate as a plain CGI program: one process for one request, which is in
 * the environment.  Arguments mean nothing here, because a web server makes
 * them of the query: RFC 3875, section 4.4.
 */
#ifndef GATE_CGI_H_
#define GATE_CGI_H_

#include <stdbool.h>

#include "base/log.h"
#include "settings/settings.h"

/**
 * gate_cgi_answer(settings, log, env, fd):
 * Answer the request in ${env}, whose values are wiped, on descriptor ${fd},
 * and return whether all of the reply was written.  If ${settings} are NULL,
 * for want of any, the answer is 503.
 */
bool gate_cgi_answer(const struct lk_settings *settings,
    const struct lk_log *log, char **env, int fd);

#endif /* !GATE_CGI_H_ */
