#include <stdarg.h>
#include <stdio.h>

#include "error.h"

void
lk_error_set(struct lk_error *error, const char *format, ...)
{
	va_list ap;
	char *p;

	if (error == NULL)
		return;
	va_start(ap, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, ap);
	va_end(ap);
	for (p = error->text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
}
