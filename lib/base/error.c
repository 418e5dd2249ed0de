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
	switch (status) {
	case LK_OK:
		return ("ok");
	case LK_MALFORMED:
		return ("malformed");
	case LK_UNKNOWN:
		return ("unknown");
	case LK_EXPIRED:
		return ("expired");
	case LK_NO_USER:
		return ("no such user");
	case LK_FORBIDDEN:
		return ("forbidden");
	case LK_LIMIT:
		return ("over a limit");
	case LK_FAULT:
		return ("not decided");
	case LK_E_NOMEM:
		return ("out of memory");
	case LK_E_INVAL:
		return ("invalid argument");
	case LK_E_SETTINGS:
		return ("settings are wrong");
	case LK_E_STORE:
		return ("store unavailable");
	case LK_E_TIMEOUT:
		return ("store timed out");
	case LK_E_CORRUPT:
		return ("store content is corrupt");
	case LK_E_NOT_DURABLE:
		return ("not yet durable");
	case LK_E_WOULD_WAIT:
		return ("would have to wait");
	}
	return ("undefined status");
}

const char *
lk_version(void)
{
	return (LK_VERSION);
}
