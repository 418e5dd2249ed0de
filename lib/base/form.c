#include <string.h>

#include "base/form.h"

bool
lk_form_next(const char *text, size_t len, size_t *at,
    struct lk_form_field *field)
{
	const char *start = text + *at, *stop, *equals;
	size_t n;

	/* Behind the last one it points past the end. */
	if (len == 0 || *at > len)
		return (false);
	stop = memchr(start, '&', len - *at);
	n = stop == NULL ? len - *at : (size_t)(stop - start);
	equals = memchr(start, '=', n);
	*field = (struct lk_form_field){ .name = start, .name_len = n };
	if (equals != NULL) {
		field->name_len = (size_t)(equals - start);
		field->value = equals + 1;
		field->value_len = n - field->name_len - 1;
	}
	*at += n + 1;
	return (true);
}

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *digit = c == '\0' ? NULL : strchr(digits, c);

	return (digit == NULL ? -1 : (int)((digit - digits) % 16));
}

bool
lk_form_decode(const char *text, size_t len, struct lk_buf *out)
{
	size_t i;
	int high, low;
	char c;

	for (i = 0; i < len; i++) {
		c = text[i];
		if (c == '+')
			c = ' ';
		if (c == '%') {
			high = len - i > 2 ? hex_digit(text[i + 1]) : -1;
			low = len - i > 2 ? hex_digit(text[i + 2]) : -1;
			if (high < 0 || low < 0)
				return (false);
			c = (char)(high * 16 + low);
			i += 2;
		}
		lk_buf_add(out, &c, 1);
	}
	return (true);
}
