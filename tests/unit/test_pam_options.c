#include "support/test.h"
#include "options.h"

#define ARGS_MAX 12

/* Parse the arguments up to a NULL. */
static enum lk_status
parse(const char *const *argv, struct pam_options *options,
    struct lk_error *error)
{
	int argc = 0;

	while (argv[argc] != NULL)
		argc++;
	return (pam_options_parse(argc, argv, options, error));
}

static void
test_pam_options_none_are_the_defaults(void **state)
{
	static const char *const none[] = { NULL };
	struct pam_options o;
	struct lk_error error = { "" };

	memset(&o, 0xff, sizeof(o));
	assert_int_equal(parse(none, &o, &error), LK_OK);
	assert_string_equal(o.conf, "/etc/latchkey/latchkey.conf");
	assert_null(o.prompt);
	assert_null(o.user_field);
	assert_null(o.client);
	assert_int_equal(o.fail_delay_ms, 0);
	assert_int_equal(o.min_uid, 0);
	assert_false(o.use_first_pass || o.try_first_pass || o.set_user ||
	    o.require_token || o.revoke_on_close || o.silent || o.debug);
}

static void
test_pam_options_all_are_taken(void **state)
{
	static const char *const all[] = { "conf=/a/b", "prompt=Token = ",
		"user_field=login", "client=ssh", "fail_delay=10000",
		"min_uid=4294967294",
		"use_first_pass", "set_user", "require_token",
		"revoke_on_close", "silent", "debug", NULL };
	static const char *const other[] = { "try_first_pass", "fail_delay=0",
		"min_uid=1000", NULL };
	struct pam_options o;
	struct lk_error error = { "" };

	assert_int_equal(parse(all, &o, &error), LK_OK);
	assert_string_equal(o.conf, "/a/b");
	assert_string_equal(o.prompt, "Token = ");
	assert_string_equal(o.user_field, "login");
	assert_string_equal(o.client, "ssh");
	assert_int_equal(o.fail_delay_ms, 10000);
	assert_int_equal(o.min_uid, 4294967294U);
	assert_true(o.use_first_pass && o.set_user && o.require_token &&
	    o.revoke_on_close && o.silent && o.debug);
	assert_false(o.try_first_pass);
	assert_int_equal(parse(other, &o, &error), LK_OK);
	assert_true(o.try_first_pass);
	assert_int_equal(o.min_uid, 1000);
	assert_false(o.use_first_pass);
}

static void
test_pam_options_wrong_ones_are_named(void **state)
{
	static char long_path[5000], long_prompt[300];
	static const struct {
		const char *argv[3];
	} rows[] = {
		{ { "" } },
		{ { "=" } },
		{ { "min_uid" } },
		{ { "min_uid=" } },
		{ { "min_uid=-1" } },
		{ { "min_uid=+1" } },
		{ { "min_uid= 1" } },
		{ { "min_uid=1k" } },
		{ { "min_uid=root" } },
		{ { "min_uid=0x10" } },
		{ { "min_uid=4294967295" } },
		{ { "min_uid=4294967296" } },
		{ { "min_uid=18446744073709551616" } },
		{ { "nullok" } },
		{ { "Debug" } },
		{ { "debug=" } },
		{ { "debug=1" } },
		{ { "require_token=no" } },
		{ { "conf" } },
		{ { "conf=" } },
		{ { "conf=etc/latchkey.conf" } },
		{ { long_path } },
		{ { "prompt=" } },
		{ { long_prompt } },
		{ { "user_field=" } },
		{ { "client=" } },
		{ { "client=-x" } },
		{ { "client=a b" } },
		{ { "fail_delay=" } },
		{ { "fail_delay=10001" } },
		{ { "fail_delay=-1" } },
		{ { "fail_delay=1s" } },
		{ { "fail_delay=99999999999999999999" } },
		{ { "debug", "debug" } },
		{ { "client=ssh", "client=ssh" } },
		{ { "use_first_pass", "try_first_pass" } },
		{ { "debug", "nullok" } },
	};
	struct pam_options o;
	struct lk_error error;
	size_t i;

	memset(long_path, 'a', sizeof(long_path) - 1);
	memcpy(long_path, "conf=/", 6);
	memset(long_prompt, 'a', sizeof(long_prompt) - 1);
	memcpy(long_prompt, "prompt=", 7);
	for (i = 0; i < COUNT(rows); i++) {
		error.text[0] = '\0';
		if (parse(rows[i].argv, &o, &error) != LK_E_SETTINGS)
			fail_msg("row %zu is taken", i);
		assert_non_null(strstr(error.text, "expected"));
		assert_true(strlen(error.text) < 200);
	}
}

#include "support/suite.h"
