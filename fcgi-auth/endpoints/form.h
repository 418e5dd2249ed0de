/* What a person fills in to log in, as a browser sends it.  Pure. */
#ifndef GATE_FORM_H_
#define GATE_FORM_H_

#include <stdbool.h>

#include "base/buf.h"

enum gate_form_field {
	GATE_FORM_USER = 0,
	GATE_FORM_PASSWORD,
	GATE_FORM_URL,
	GATE_FORM_FIELDS
};

/** Secret: end its life with gate_form_free(). */
struct gate_form {
	struct lk_buf text;          /* all values, each with a NUL behind it */
	size_t at[GATE_FORM_FIELDS]; /* where each begins, plus 1; 0: nowhere */
};

/**
 * gate_form_read(text, len, form):
 * Read a form that has each of the fields `user`, `password` and `url` at most
 * once, and nothing else; false if it is something else.  The caller frees it
 * in every case.
 */
bool gate_form_read(const char *text, size_t len, struct gate_form *form);

/** gate_form_text(form, field): its text, "" if it is not there. */
const char *gate_form_text(const struct gate_form *form,
    enum gate_form_field field);

/** gate_form_free(form): Wipe and free; zeroed is fine. */
void gate_form_free(struct gate_form *form);

#endif /* !GATE_FORM_H_ */
