#include <syslog.h>

#include <security/pam_ext.h>

#include "base/fd.h"
#include "log.h"

static void
send_line(void *arg, enum lk_log_level level, const char *line)
{
	static const int priorities[] = { [LK_LOG_ERROR] = LOG_ERR,
		[LK_LOG_WARN] = LOG_WARNING,
		[LK_LOG_INFO] = LOG_INFO,
		[LK_LOG_DEBUG] = LOG_DEBUG };

	struct lk_fd_hold hold = { { false } };

	/* The C library keeps its connection to the log. */
	lk_fd_hold(&hold);
	pam_syslog(arg, priorities[level], "%s", line);
	lk_fd_release(&hold);
}

struct lk_log
pam_log(pam_handle_t *handle, enum lk_log_level level)
{
	return ((struct lk_log){ .level = level,
	    .format = LK_LOG_TEXT,
	    .sink = send_line,
	    .arg = handle });
}
