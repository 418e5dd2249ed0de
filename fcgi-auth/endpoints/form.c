#include <string.h>

#include "base/form.h"
#include "endpoints/form.h"

/* Longest name of a field. */
#define NAME_MAX_LEN 8

static const char *const names[GATE_FORM_FIELDS] = {
	[GATE_FORM_USER] = "user",
	[GATE_FORM_PASSWORD] = "password",
	[GATE_FORM_URL] = "url",
};

static enum gate_form_field
field_of(const struct lk_form_field *said)
{
	struct lk_buf name = LK_BUF_INIT(NAME_MAX_LEN);
	int i = GATE_FORM_FIELDS;

	if (lk_form_decode(said->name, said->name_len, &name) && !name.failed &&
	    name.len > 0 && memchr(name.data, '\0', name.len) == NULL) {
		for (i = 0; i < GATE_FORM_FIELDS; i++) {
			if (strcmp(name.data, names[i]) == 0)
				break;
		}
	}
	lk_buf_free(&name);
	return ((enum gate_form_field)i);
}

bool
gate_form_read(const char *text, size_t len, struct gate_form *form)
{
	struct lk_form_field said;
	enum gate_form_field field;
	size_t at = 0, start;

	/* Nothing becomes longer by being decoded. */
	*form = (struct gate_form){ .text = LK_BUF_INIT(len + 16) };
	while (lk_form_next(text, len, &at, &said)) {
		field = field_of(&said);
		start = form->text.len;
		if (field == GATE_FORM_FIELDS || said.value == NULL ||
		    form->at[field] != 0 ||
		    !lk_form_decode(said.value, said.value_len, &form->text))
			return (false);
		lk_buf_add(&form->text, "", 1);
		if (form->text.failed ||
		    strlen(form->text.data + start) + 1 !=
		        form->text.len - start)
			return (false);
		form->at[field] = start + 1;
	}
	return (true);
}

const char *
gate_form_text(const struct gate_form *form, enum gate_form_field field)
{
	return (
	    form->at[field] == 0 ? "" : form->text.data + form->at[field] - 1);
}

void
gate_form_free(struct gate_form *form)
{
	lk_buf_free(&form->text);
	memset(form->at, 0, sizeof(form->at));
}
