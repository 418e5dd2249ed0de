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
