/*
 * A form, as somebody sends it to log in.  Whatever it is, it is read or
 * refused; what is read says the same when it is encoded again, and stands in a
 * page as nothing but text.
 */
#include <stdlib.h>
#include <string.h>

#include "endpoints/form.h"
#include "endpoints/html.h"
#include "fuzz.h"
#include "store/agent/http.h"

static const char *const names[GATE_FORM_FIELDS] = { "user", "password",
	"url" };

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* As text it has no character that HTML knows. */
static void
look_at_page(const char *value)
{
	struct lk_buf out = LK_BUF_INIT(1 << 20);
	const char *c;

	gate_html_text(&out, value);
	must(!out.failed);
	for (c = out.len == 0 ? "" : out.data; *c != '\0'; c++) {
		must(strchr("<>\"'", *c) == NULL && (unsigned char)*c >= ' ');
		must(*c != '&' || strncmp(c, "&amp;", 5) == 0 ||
		    strncmp(c, "&lt;", 4) == 0 || strncmp(c, "&gt;", 4) == 0 ||
		    strncmp(c, "&quot;", 6) == 0 ||
		    strncmp(c, "&#39;", 5) == 0);
	}
	lk_buf_free(&out);
}

static void
look_at(const struct gate_form *form, size_t len)
{
	struct lk_buf text = LK_BUF_INIT(1 << 20);
	struct gate_form again;
	int i;

	for (i = 0; i < GATE_FORM_FIELDS; i++) {
		const char *value = gate_form_text(form,
		    (enum gate_form_field)i);

		must(strlen(value) <= len);
		lk_agent_field(&text, names[i], value);
		look_at_page(value);
	}
	must(gate_form_read(text.len == 0 ? "" : text.data, text.len, &again));
	for (i = 0; i < GATE_FORM_FIELDS; i++)
		must(strcmp(gate_form_text(form, (enum gate_form_field)i),
		         gate_form_text(&again, (enum gate_form_field)i)) == 0);
	gate_form_free(&again);
	lk_buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Memory of this length, so that a sanitizer sees overruns. */
	char *copy = malloc(size + (size == 0));
	struct gate_form form;

	if (copy == NULL)
		return (0);
	if (size > 0)
		memcpy(copy, data, size);
	if (gate_form_read(copy, size, &form))
		look_at(&form, size);
	gate_form_free(&form);
	free(copy);
	return (0);
}
