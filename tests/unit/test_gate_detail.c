#include "support/test.h"
#include "verdict/detail.h"

/* Copies, since settings own their strings. */
static struct lk_strings
strings_of(const char *first, const char *second)
{
	const char *v[] = { first, second };
	struct lk_strings list = { NULL, 0 };

	assert_int_equal(lk_strings_set(&list, v, second == NULL ? 1 : 2),
	    LK_OK);
	return (list);
}

/* ---- Requirements ------------------------------------------------------ */

static const char detail[] =
    "{\"role\":\"admin\",\"roles\":[\"dev\",\"\\u0061dmin\"],\"level\":3,"
    "\"one\":\"1\",\"float\":1.0,\"ok\":true,\"no\":false,\"nil\":null,"
    "\"org\":{\"name\":\"acme\",\"ids\":[ 7 , -8 ],\"x.y\":\"dotted\"},"
    "\"empty\":[],\"none\":{},\"deep\":[[\"admin\"]],\"\":\"void\","
    "\"mix\":[{\"a\":\"admin\"},null,\"ok\"]}";

static void
test_gate_detail_requirement_is_compared_with_the_detail(void **state)
{
	static const struct {
		const char *field;
		bool quoted;
		const char *any, *or;
		bool holds;
	} cases[] = {
		{ "role", true, "admin", NULL, true },
		{ "role", true, "root", "admin", true },
		{ "role", true, "Admin", NULL, false },
		{ "role", true, "adm", "admin2", false },
		{ "roles", true, "admin", NULL, true },
		{ "roles", true, "dev", NULL, true },
		{ "roles", true, "root", NULL, false },
		{ "roles", true, "[\"dev\",\"admin\"]", NULL, false },
		{ "level", false, "3", NULL, true },
		{ "level", false, "2", "3", true },
		{ "level", true, "3", NULL, false },
		{ "level", false, "33", NULL, false },
		{ "one", true, "1", NULL, true },
		{ "one", false, "1", NULL, false },
		{ "float", false, "1", NULL, false },
		{ "ok", false, "true", NULL, true },
		{ "ok", true, "true", NULL, false },
		{ "no", false, "true", NULL, false },
		{ "no", false, "false", NULL, true },
		{ "nil", true, "null", NULL, false },
		{ "nil", true, "", NULL, false },
		{ "org.name", true, "acme", NULL, true },
		{ "org.ids", false, "-8", NULL, true },
		{ "org.ids", false, "8", NULL, false },
		{ "org.x.y", true, "dotted", NULL, false },
		{ "org.name.x", true, "acme", NULL, false },
		{ "org", true, "acme", NULL, false },
		{ "name", true, "acme", NULL, false },
		{ "missing", true, "admin", NULL, false },
		{ "empty", true, "", NULL, false },
		{ "none", true, "", NULL, false },
		{ "none.a", true, "", NULL, false },
		{ "deep", true, "admin", NULL, false },
		{ "mix", true, "admin", NULL, false },
		{ "mix", true, "ok", NULL, true },
		{ "mix.a", true, "admin", NULL, false },
	};
	struct lk_requirement require;
	char field[16];

	EACH(c, cases) {
		(void)snprintf(field, sizeof(field), "%s", c->field);
		require = (struct lk_requirement){ .field = field,
			.any = { c->quoted,
			    strings_of(c->any, c->or) } };
		if (gate_requirement_holds(&require, detail) != c->holds)
			fail_msg("%s: %s", c->field, c->any);
		lk_strings_free(&require.any.texts);
	}
}

static void
test_gate_detail_requirement_of_no_object_fails(void **state)
{
	static const char *const details[] = { "null", "\"admin\"", "[]",
		"[\"admin\"]", "{}", "3", "", "{\"role\"", "{\"role\":" };
	char field[] = "role";
	struct lk_requirement require = { .field = field,
		.any = { true, strings_of("admin", NULL) } };

	EACH(c, details)
		assert_false(gate_requirement_holds(&require, *c));
	lk_strings_free(&require.any.texts);
}

/* ---- In a header -------------------------------------------------------- */

/* NULL: it cannot stand there. */
static void
expect_told(const char *field, const char *json, const char *value)
{
	struct lk_buf out = LK_BUF_INIT(LK_TOLD_VALUE_MAX);
	bool can;

	lk_buf_str(&out, "");
	can = gate_told_value(field, json, &out);
	if (can != (value != NULL) ||
	    (can && strcmp(out.data == NULL ? "" : out.data, value) != 0))
		fail_msg("%s of %s: %s", field, json,
		    can && out.len > 0 ? out.data : "no");
	lk_buf_free(&out);
}

static void
test_gate_detail_told_as_a_header_can(void **state)
{
	static const struct {
		const char *field, *json, *value;
	} cases[] = {
		{ "g", "{\"g\":[\"a\",\"b c\",\"d\"]}", "a,b c,d" },
		{ "g", "{\"g\":[ \"a\" , 7,true ]}", "a,7,true" },
		{ "g", "{\"g\":\"a\"}", "a" },
		{ "g", "{\"g\":\"Doe, Jane\"}", "Doe, Jane" },
		{ "g", "{\"g\":\"\\u00e9\"}", "\xc3\xa9" },
		{ "g", "{\"g\":-1.50}", "-1.50" },
		{ "g", "{\"g\":false}", "false" },
		{ "o.g", "{\"o\":{\"g\":[\"a\"]}}", "a" },
		/* What is not there is not told. */
		{ "g", "{\"h\":1}", "" },
		{ "g", "{\"g\":null}", "" },
		{ "g", "{\"g\":\"\"}", "" },
		{ "g", "{\"g\":[]}", "" },
		{ "g", "{}", "" },
		{ "g", "[\"g\"]", "" },
		{ "g", "{\"g\":{\"g\":1}}", NULL },
		{ "g", "{\"g\":[[\"a\"]]}", NULL },
		{ "g", "{\"g\":[\"a\",{}]}", NULL },
		{ "g", "{\"g\":[\"a\",null]}", NULL },
		{ "g", "{\"g\":[\"a\",\"\"]}", NULL },
		/* Two groups to who parts it at commas. */
		{ "g", "{\"g\":[\"a,admin\"]}", NULL },
		{ "g", "{\"g\":[\"a\",\" b\"]}", NULL },
		{ "g", "{\"g\":\"a \"}", NULL },
		{ "g", "{\"g\":\"a\\r\\nX: y\"}", NULL },
		{ "g", "{\"g\":\"a\\u0000b\"}", NULL },
		{ "g", "{\"g\":[\"a\",\"\\t\"]}", NULL },
		{ "g", "{\"g\":\"\\u007f\"}", NULL },
		{ "g", "{\"g\":\"a\\u0085\"}", NULL },
		{ "g", "{\"g\":\"a\\u00a0\"}", NULL },
	};

	EACH(c, cases)
		expect_told(c->field, c->json, c->value);
}

static void
test_gate_detail_told_up_to_a_cap(void **state)
{
	static char json[8192];
	struct lk_buf out = LK_BUF_INIT(LK_TOLD_VALUE_MAX);
	int n = 0, i;

	n += sprintf(json, "{\"g\":[");
	for (i = 0; i < 16; i++)
		n += sprintf(json + n, "%s\"%0255d\"", i > 0 ? "," : "", 7);
	(void)sprintf(json + n, "]}");
	assert_true(gate_told_value("g", json, &out));
	assert_int_equal(out.len, 16 * 255 + 15);
	(void)sprintf(json + n, ",\"x\"]}");
	lk_buf_reset(&out);
	assert_false(gate_told_value("g", json, &out));
	lk_buf_free(&out);
}

#include "support/suite.h"
