#include "support/test.h"
#include "endpoints/password.h"

static const struct {
	const char *typed;
	const char *plain, *fold, *exact; /* NULL: nobody's */
} names[] = {
	{ "alice", "alice", "alice", "alice" },
	{ "a.b_c-9", "a.b_c-9", "a.b_c-9", "a.b_c-9" },
	{ "Alice", NULL, "alice", "Alice" },
	{ "alice@example.org", NULL, "alice", "alice@example.org" },
	{ "ALICE@EXAMPLE.ORG", NULL, "alice", "ALICE@EXAMPLE.ORG" },
	{ "alice@other.org", NULL, NULL, "alice@other.org" },
	{ "alice@example.org@example.org", NULL, NULL,
	    "alice@example.org@example.org" },
	{ "alice@", NULL, NULL, "alice@" },
	{ "@example.org", NULL, NULL, "@example.org" },
	{ "DOMAIN\\alice", NULL, NULL, "DOMAIN\\alice" },
	{ "alice bob", NULL, NULL, "alice bob" },
	{ "al\xc4\xb1""ce", NULL, NULL, "al\xc4\xb1""ce" },
	{ "-alice", NULL, NULL, "-alice" },
	{ " alice", NULL, NULL, NULL },
	{ "alice ", NULL, NULL, NULL },
	{ "ali\xff", NULL, NULL, NULL },
	{ "ali\nce", NULL, NULL, NULL },
	{ "", NULL, NULL, NULL },
};

static void
expect_name(int check, int how, const char *typed, const char *wanted)
{
	struct lk_login_settings login = { .check = check,
		.names = how,
		.realm = (char[]){ "Example.org" } };
	char name[GATE_NAME_MAX + 1];
	const bool is = gate_password_name(&login, typed, name);

	if (is != (wanted != NULL))
		fail_msg("%s", typed);
	if (is)
		assert_string_equal(name, wanted);
}

static void
test_gate_password_name_is_read_as_the_settings_say(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		expect_name(LK_LOGIN_SASLAUTHD, LK_NAMES_PLAIN, names[i].typed,
		    names[i].plain);
		expect_name(LK_LOGIN_SASLAUTHD, LK_NAMES_FOLD, names[i].typed,
		    names[i].fold);
		expect_name(LK_LOGIN_SASLAUTHD, LK_NAMES_EXACT, names[i].typed,
		    names[i].exact);
		/* A program is asked about what was typed. */
		expect_name(LK_LOGIN_EXEC, LK_NAMES_PLAIN, names[i].typed,
		    names[i].exact);
	}
}

static void
test_gate_password_name_has_a_length(void **state)
{
	char typed[GATE_NAME_MAX + 2];

	memset(typed, 'a', sizeof(typed));
	typed[GATE_NAME_MAX + 1] = '\0';
	expect_name(LK_LOGIN_EXEC, LK_NAMES_EXACT, typed, NULL);
	typed[GATE_NAME_MAX] = '\0';
	expect_name(LK_LOGIN_EXEC, LK_NAMES_EXACT, typed, typed);
}

static void
test_gate_password_may_be_anything_but_nothing_and_tokens(void **state)
{
	static const char token[] = "lk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	                            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	char long_one[GATE_PASSWORD_MAX + 2];
	struct lk_settings *settings;
	struct lk_error error;

	assert_int_equal(lk_settings_defaults(&settings, &error), LK_OK);
	assert_true(gate_password_may_be(settings, "x"));
	assert_true(gate_password_may_be(settings, "lk_x"));
	assert_true(gate_password_may_be(settings, "a b\tc \xff"));
	assert_false(gate_password_may_be(settings, ""));
	assert_false(gate_password_may_be(settings, token));
	assert_false(gate_password_may_be(settings,
	    "alice_0123456789abcdef0123456789abcdef"));
	memset(long_one, 'a', sizeof(long_one));
	long_one[GATE_PASSWORD_MAX + 1] = '\0';
	assert_false(gate_password_may_be(settings, long_one));
	long_one[GATE_PASSWORD_MAX] = '\0';
	assert_true(gate_password_may_be(settings, long_one));
	lk_settings_free(settings);
}

#include "support/suite.h"
