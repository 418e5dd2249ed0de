/* What a status is called, and the line that goes with it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/escape.h"

void
lk_error_set(struct lk_error *error, const char *format, ...)
{
	char text[LK_ERROR_MAX], shown[LK_ESCAPE_SIZE];
	size_t left, len = 0;
	const char *p = text;
	va_list ap;

	if (error == NULL)
		return;
	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	/* What is cut is cut between two characters. */
	for (left = strlen(text); left > 0; left = strlen(p)) {
		p += lk_escape_next(LK_ESCAPE_LINE, p, left, shown);
		if (len + strlen(shown) >= sizeof(error->text))
			break;
		memcpy(error->text + len, shown, strlen(shown));
		len += strlen(shown);
	}
	error->text[len] = '\0';
}

const char *
lk_status_name(enum lk_status status)
{
	static const struct {
		enum lk_status status;
		const char *name;
	} rows[] = {
		{ LK_OK, "ok" },
		{ LK_MALFORMED, "malformed" },
		{ LK_UNKNOWN, "unknown" },
		{ LK_EXPIRED, "expired" },
		{ LK_NO_USER, "no such user" },
		{ LK_FORBIDDEN, "forbidden" },
		{ LK_LIMIT, "over a limit" },
		{ LK_FAULT, "not decided" },
		{ LK_E_NOMEM, "out of memory" },
		{ LK_E_INVAL, "invalid argument" },
		{ LK_E_SETTINGS, "settings are wrong" },
		{ LK_E_STORE, "store unavailable" },
		{ LK_E_TIMEOUT, "store timed out" },
		{ LK_E_CORRUPT, "store content is corrupt" },
		{ LK_E_NOT_DURABLE, "not yet durable" },
		{ LK_E_WOULD_WAIT, "would have to wait" },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].status == status)
			return (rows[i].name);
	}
	return ("undefined status");
}

const char *
lk_version(void)
{
	return (LK_VERSION);
}
