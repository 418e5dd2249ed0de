#include <syslog.h>

#include "journal.h"

#define LEVELS (LK_LOG_DEBUG + 1)
#define FORMATS (LK_LOG_JSON + 1)

#define LOG(to, of, at)                                     \
	{                                                   \
		.level = (at), .format = (of), .sink = (to) \
	}
#define LOGS(to, of)                                                    \
	{                                                               \
		LOG(to, of, LK_LOG_ERROR), LOG(to, of, LK_LOG_WARN),    \
		    LOG(to, of, LK_LOG_INFO), LOG(to, of, LK_LOG_DEBUG) \
	}

/* Every log there can be, by format and level. */
static const struct lk_log to_stderr[FORMATS][LEVELS] = {
	LOGS(lk_log_stderr, LK_LOG_TEXT), LOGS(lk_log_stderr, LK_LOG_JSON)
};
static const struct lk_log to_syslog[FORMATS][LEVELS] = {
	LOGS(lk_log_syslog, LK_LOG_TEXT), LOGS(lk_log_syslog, LK_LOG_JSON)
};

const struct lk_log *
gate_journal(const struct lk_settings *settings)
{
	const int format = settings->log.format, level = settings->log.level;

	if (settings->log.to != LK_LOG_TO_SYSLOG)
		return (&to_stderr[format][level]);
	openlog("latchkey-fcgi", LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
	return (&to_syslog[format][level]);
}
