#include "support/test.h"
#include "endpoints/form.h"

static const struct {
	const char *text;
	const char *said[GATE_FORM_FIELDS]; /* NULL first: it is no form */
} forms[] = {
	{ "user=alice&password=secret&url=%2Fa", { "alice", "secret", "/a" } },
	{ "password=b&user=a", { "a", "b", "" } },
	{ "", { "", "", "" } },
	{ "user=", { "", "", "" } },
	{ "user=a+b&password=%2B%26%3d%25", { "a b", "+&=%", "" } },
	{ "%75ser=a", { "a", "", "" } },
	{ "password=a=b==", { "", "a=b==", "" } },
	{ "user=%C3%A4&password=%FF", { "\xc3\xa4", "\xff", "" } },
	{ "user=a&user=a", { NULL } },
	{ "user=a&password=b&passwor%64=c", { NULL } },
	{ "user", { NULL } },
	{ "user=a&", { NULL } },
	{ "&user=a", { NULL } },
	{ "user=a&&password=b", { NULL } },
	{ "User=a", { NULL } },
	{ "username=a", { NULL } },
	{ "=a", { NULL } },
	{ "us%00er=a", { NULL } },
	{ "user=a%00", { NULL } },
	{ "user=%", { NULL } },
	{ "user=%4", { NULL } },
	{ "user=%g0", { NULL } },
	{ "user%=a", { NULL } },
	{ "{\"user\":\"a\"}", { NULL } },
};

static void
test_gate_form_reads_each_field_once_and_nothing_else(void **state)
{
	struct gate_form form;
	char *copy;
	size_t i;
	int field;
	bool is;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		/* Memory of this length, so that a sanitizer sees overruns. */
		copy = malloc(strlen(forms[i].text) + 1);
		assert_non_null(copy);
		memcpy(copy, forms[i].text, strlen(forms[i].text));
		is = gate_form_read(copy, strlen(forms[i].text), &form);
		if (is != (forms[i].said[0] != NULL))
			fail_msg("%s", forms[i].text);
		for (field = 0; is && field < GATE_FORM_FIELDS; field++)
			assert_string_equal(gate_form_text(&form,
			                        (enum gate_form_field)field),
			    forms[i].said[field]);
		gate_form_free(&form);
		free(copy);
	}
}

static void
test_gate_form_with_a_raw_nul_is_none(void **state)
{
	static const char text[] = "user=a\0b";
	struct gate_form form;

	assert_false(gate_form_read(text, sizeof(text) - 1, &form));
	gate_form_free(&form);
}

#include "support/suite.h"
