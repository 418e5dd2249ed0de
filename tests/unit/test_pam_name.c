#include "support/test.h"
#include "name.h"

static void
test_pam_name_without_field_is_the_user_id(void **state)
{
	const struct lk_session session = { .user = "alice" };
	static const char *const fields[] = { NULL, "" };
	static const char *const others[] = { "", "alic", "alice ", "Alice",
		"alice2", "root" };
	struct pam_names names;
	size_t k;

	EACH(c, fields) {
		pam_names_of(&session, "{\"login\":\"root\"}", *c, &names);
		assert_true(pam_names_include(&names, "alice", false));
		for (k = 0; k < COUNT(others); k++) {
			assert_false(
			    pam_names_include(&names, others[k], false));
			assert_false(
			    pam_names_include(&names, others[k], true));
		}
	}
}

static void
test_pam_name_with_field_is_that_member_exactly(void **state)
{
	const struct lk_session session = { .user = "000001" };
	static const struct {
		const char *detail, *account; /* "" if there is none */
	} rows[] = {
		{ "{\"login\":\"alice\"}", "alice" },
		{ " { \"a\":1, \"l\\u006fgin\" : \"al\\u0069ce\" } ", "alice" },
		{ "{\"login\":\"\"}", "" },
		{ "{\"login\":null}", "" },
		{ "{\"login\":7}", "" },
		{ "{\"login\":[\"alice\"]}", "" },
		{ "{\"login\":{\"login\":\"alice\"}}", "" },
		{ "{\"login\":\"al\\u0000ice\"}", "" },
		{ "{\"Login\":\"alice\"}", "" },
		{ "{}", "" },
		{ "null", "" },
		{ "\"alice\"", "" },
		{ "[]", "" },
		{ "{\"login\":\"alice\"", "" },
		{ "", "" },
		{ NULL, "" },
	};
	struct pam_names names;

	EACH(c, rows) {
		memset(&names, 0xff, sizeof(names));
		pam_names_of(&session, c->detail, "login", &names);
		assert_string_equal(names.account, c->account);
		assert_int_equal(pam_names_include(&names, "alice", false),
		    c->account[0] != '\0');
		assert_false(pam_names_include(&names, "000001", false));
		assert_false(pam_names_include(&names, "", false));
		assert_false(pam_names_include(&names, "", true));
		/* Who has no account has no name either. */
		assert_int_equal(pam_names_include(&names, "000001", true),
		    c->account[0] != '\0');
	}
}

static void
test_pam_name_too_long_is_no_name(void **state)
{
	const struct lk_session session = { .user = "000001" };
	char detail[LK_USER_ID_MAX + 32] = "{\"login\":\"";
	struct pam_names names;
	size_t start = strlen(detail);

	memset(detail + start, 'a', LK_USER_ID_MAX + 1);
	strcpy(detail + start + LK_USER_ID_MAX + 1, "\"}");
	pam_names_of(&session, detail, "login", &names);
	assert_string_equal(names.account, "");
}

static void
test_pam_name_that_is_no_id_is_no_name(void **state)
{
	static const char *const names_of[] = { " root", "root ", "r\xe9",
		"root\xc2\xa0" };
	struct lk_session session = { .user = "000001" };
	struct pam_names names;
	char detail[64];

	EACH(c, names_of) {
		(void)snprintf(detail, sizeof(detail), "{\"login\":\"%s\"}",
		    *c);
		pam_names_of(&session, detail, "login", &names);
		assert_false(pam_names_include(&names, *c, true));
	}
	EACH(c, names_of) {
		strcpy(session.user, *c);
		pam_names_of(&session, NULL, NULL, &names);
		assert_false(pam_names_include(&names, *c, true));
	}
}

#include "support/suite.h"
