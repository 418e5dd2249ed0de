/*
 * Forms, as the URL standard's application/x-www-form-urlencoded has them.
 * Pure.
 */
#ifndef LK_FORM_H_
#define LK_FORM_H_

#include "base/buf.h"

/** A field as it stands in a form, its name and value still encoded. */
struct lk_form_field {
	const char *name;
	size_t name_len;
	const char *value; /* NULL: there is no `=` */
	size_t value_len;
};

/**
 * lk_form_next(text, len, at, field):
 * The next field of a form, from byte ${at} on, which starts at 0; false at the
 * end.  One that an ampersand ends is followed by another, which may be empty.
 */
bool lk_form_next(const char *text, size_t len, size_t *at,
    struct lk_form_field *field);

/**
 * lk_form_decode(text, len, out):
 * Append what ${text} stands for; false if a `%` in it encodes nothing.
 */
bool lk_form_decode(const char *text, size_t len, struct lk_buf *out);

#endif /* !LK_FORM_H_ */
