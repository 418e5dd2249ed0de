#include "support/test.h"
#include "settings/settings.h"
#include "support/temp_dir.h"

static int
make_dir(void **state)
{
	static struct temp_dir dir;

	temp_dir_make(&dir);
	*state = &dir;
	return (0);
}

static int
remove_dir(void **state)
{
	temp_dir_remove(*state);
	return (0);
}

/* Load a file whose text is ${format} with ${value} in it. */
static enum lk_status
load(struct temp_dir *dir, const char *format, const char *value,
    struct lk_settings **settings, struct lk_error *error)
{
	struct lk_buf text = LK_BUF_INIT(65536);
	const char *at = strchr(format, '%'), *path;
	enum lk_status status = LK_FAULT;

	lk_buf_add(&text, format, (size_t)(at - format));
	lk_buf_str(&text, value);
	lk_buf_str(&text, at + 1);
	assert_false(text.failed);
	path = temp_write(dir, "rules.conf", text.data, text.len, 0600);
	status = lk_settings_load(path, settings, error);
	lk_buf_free(&text);
	return (status);
}

static const char one_rule[] = "gate = { rules = ( { % } ); };";
static const char a_session[] =
    "gate = { rules = ( { path = \"/\"; access = \"session\"; % } ); };";
static const char the_gate[] = "session = { ttl = 100; }; gate = { % };";

static void
expect_refused(struct temp_dir *dir, const char *format, const char *value,
    const char *why)
{
	struct lk_settings *settings = NULL;
	struct lk_error error = { "" };

	if (load(dir, format, value, &settings, &error) != LK_E_SETTINGS)
		fail_msg("%s was taken", value);
	assert_null(settings);
	if (strstr(error.text, "rules.conf:1: gate.") == NULL ||
	    strstr(error.text, why) == NULL)
		fail_msg("%s: %s", value, error.text);
}

static struct lk_settings *
expect_taken(struct temp_dir *dir, const char *format, const char *value)
{
	struct lk_settings *settings = NULL;
	struct lk_error error = { "" };

	if (load(dir, format, value, &settings, &error) != LK_OK)
		fail_msg("%s: %s", value, error.text);
	return (settings);
}

static void
test_settings_rules_default_is_a_session_for_everything(void **state)
{
	struct lk_settings *settings;
	struct lk_error error;

	assert_int_equal(lk_settings_defaults(&settings, &error), LK_OK);
	assert_int_equal(settings->gate.rules.n, 1);
	assert_string_equal(settings->gate.rules.v[0].path, "/");
	assert_int_equal(settings->gate.rules.v[0].access, LK_ACCESS_SESSION);
	assert_int_equal(settings->gate.rules.v[0].methods.n, 0);
	assert_int_equal(settings->gate.renew_below, 0);
	assert_false(settings->gate.detail);
	lk_settings_free(settings);
}

static void
test_settings_rules_every_member_is_read(void **state)
{
	struct lk_settings *settings = expect_taken(*state, a_session,
	    "hosts = [ \"wiki.example\", \"*.b\" ]; login_url = \"/in\"; "
	    "methods = [ \"GET\", \"M-SEARCH\" ]; users = [ \"a b\" ]; "
	    "clients = [ \"web\", \"ios\" ]; require = ( "
	    "{ field = \"roles\"; any = [ \"x\", \"\" ]; }, "
	    "{ any = [ 1, -2, 0x10 ]; field = \"a.b\"; }, "
	    "{ field = \"ok\"; any = [ true, false ]; } );");
	const struct lk_rule *rule = &settings->gate.rules.v[0];

	assert_int_equal(rule->hosts.n, 2);
	assert_string_equal(rule->hosts.v[1], "*.b");
	assert_string_equal(rule->login_url, "/in");
	assert_int_equal(rule->methods.n, 2);
	assert_string_equal(rule->methods.v[1], "M-SEARCH");
	assert_string_equal(rule->users.v[0], "a b");
	assert_string_equal(rule->clients.v[1], "ios");
	assert_int_equal(rule->require.n, 3);
	assert_string_equal(rule->require.v[0].field, "roles");
	assert_true(rule->require.v[0].any.quoted);
	assert_string_equal(rule->require.v[0].any.texts.v[0], "x");
	assert_false(rule->require.v[1].any.quoted);
	assert_string_equal(rule->require.v[1].any.texts.v[1], "-2");
	assert_string_equal(rule->require.v[1].any.texts.v[2], "16");
	assert_string_equal(rule->require.v[2].any.texts.v[0], "true");
	assert_string_equal(rule->require.v[2].any.texts.v[1], "false");
	lk_settings_free(settings);
}

static void
test_settings_rules_bad_path_is_refused(void **state)
{
	static const char *const paths[] = { "", "a", "*", "//", "/a//b",
		"/.", "/..", "/a/./b", "/a/../b", "/a/..", "/a%20b", "/a;b",
		"/a\\\\b", "/a\\x01", "/a\\x7f" };
	char value[64];

	EACH(c, paths) {
		(void)snprintf(value, sizeof(value),
		    "path = \"%s\"; access = \"deny\";", *c);
		expect_refused(*state, one_rule, value,
		    "gate.rules[0].path: expected ");
	}
}

static void
test_settings_rules_good_path_is_taken(void **state)
{
	static const char *const paths[] = { "/", "/a", "/a/", "/a/b.c",
		"/*", "/**", "/**/x/?", "/.well-known/", "/...", "/..a",
		"/a b", "/\\xc3\\xa9", "/a*b/**/" };
	char value[64];

	EACH(one, paths) {
		(void)snprintf(value, sizeof(value),
		    "path = \"%s\"; access = \"public\";", *one);
		lk_settings_free(expect_taken(*state, one_rule, value));
	}
}

static void
test_settings_rules_wrong_member_is_refused(void **state)
{
	static const struct {
		const char *value, *why;
	} cases[] = {
		{ "acces = \"deny\";", "gate.rules[0].acces: unknown key, did "
		    "you mean \"access\"?" },
		{ "method = [ \"GET\" ];", "did you mean \"methods\"?" },
		{ "colour = 1;", "gate.rules[0].colour: unknown key" },
		{ "require = ( { feild = \"a\"; } );", "require[0].feild: "
		    "unknown key, did you mean \"field\"?" },
		{ "hosts = \"a\";", "].hosts: expected an array" },
		{ "hosts = [ ];", "].hosts: expected an array of 1 to" },
		{ "hosts = [ \"*\" ];", "].hosts[0]: expected a host" },
		{ "hosts = [ \"*.\" ];", "].hosts[0]: expected a host" },
		{ "hosts = [ \"a.*.b\" ];", "].hosts[0]: expected a host" },
		{ "hosts = [ \"a\", \"a:80\" ];", "].hosts[1]: expected" },
		{ "hosts = [ \"a.\" ];", "].hosts[0]: expected a host" },
		{ "login_url = \"//a\";", "].login_url: expected an http" },
		{ "login_url = 1;", "].login_url: expected a string" },
		{ "methods = \"GET\";", "].methods: expected an array" },
		{ "methods = [ ];", "].methods: expected an array of 1 to" },
		{ "methods = [ \"get\" ];", "].methods[0]: expected a method" },
		{ "methods = [ \"\" ];", "].methods[0]: expected a method" },
		{ "methods = [ 1 ];", "].methods[0]: expected a string" },
		{ "users = [ \"a\", \"\" ];", "].users[1]: expected a user" },
		{ "users = [ \"a\\n\" ];", "].users[0]: expected a user" },
		{ "clients = [ \"a b\" ];", "].clients[0]: expected a client" },
		{ "clients = [ \"\" ];", "].clients[0]: expected a client" },
		{ "require = [ ];", "].require: expected a list" },
		{ "require = ( );", "].require: expected a list of 1 to 16" },
		{ "require = ( 1 );", "].require[0]: expected a group" },
		{ "require = ( { } );", "].require[0].field: expected" },
		{ "require = ( { field = \"a\"; } );", "[0].any: expected" },
		{ "require = ( { any = [ 1 ]; } );", "[0].field: expected" },
		{ "require = ( { field = \"\"; } );", "[0].field: expected" },
		{ "require = ( { field = \"a.\"; } );", "[0].field: expected" },
		{ "require = ( { field = \"a..b\"; } );", "[0].field: exp" },
		{ "require = ( { field = 1; } );", "[0].field: expected a st" },
		{ "require = ( { all = [ 1 ]; } );", "[0].all: unknown key" },
		{ "require = ( { any = [ ]; } );", "[0].any: expected" },
		{ "require = ( { any = ( \"a\" ); } );", "[0].any: expected" },
		{ "require = ( { any = \"a\"; } );", "[0].any: expected" },
		{ "require = ( { any = [ 1.5 ]; } );", "[0].any: expected" },
		{ "require = ( { any = [ \"\\t\" ]; } );", "[0].any[0]: exp" },
	};

	EACH(c, cases)
		expect_refused(*state, a_session, c->value, c->why);
}

static void
test_settings_rules_incomplete_rule_is_refused(void **state)
{
	static const struct {
		const char *value, *why;
	} cases[] = {
		{ "", "gate.rules[0].path: expected a path, got none" },
		{ "path = \"/\";", "gate.rules[0].access: expected" },
		{ "access = \"deny\";", "gate.rules[0].path: expected" },
		{ "path = \"/\"; access = \"open\";", "].access: expected" },
		{ "path = \"/\"; access = true;", "].access: expected" },
		{ "path = 1; access = \"deny\";", "].path: expected a string" },
		{ "path = \"/\"; access = \"public\"; users = [ \"a\" ];",
		    "expected access = \"session\"" },
		{ "path = \"/\"; access = \"deny\"; clients = [ \"a\" ];",
		    "expected access = \"session\"" },
		{ "path = \"/\"; access = \"public\"; login_url = \"/\";",
		    "expected access = \"session\"" },
		{ "path = \"/\"; access = \"public\"; require = ( "
		  "{ field = \"a\"; any = [ 1 ]; } );",
		    "expected access = \"session\"" },
	};

	EACH(c, cases)
		expect_refused(*state, one_rule, c->value, c->why);
}

static void
test_settings_rules_wrong_list_is_refused(void **state)
{
	static const struct {
		const char *value, *why;
	} cases[] = {
		{ "rules = ( );", "gate.rules: expected a list of 1 to 256" },
		{ "rules = [ ];", "gate.rules: expected a list" },
		{ "rules = \"/\";", "gate.rules: expected a list" },
		{ "rules = { };", "gate.rules: expected a list" },
		{ "rules = ( \"/\" );", "gate.rules[0]: expected a group" },
		{ "rules = ( { path = \"/\"; access = \"deny\"; }, 1 );",
		    "gate.rules[1]: expected a group" },
		{ "renew_below = 100;", "gate.renew_below: expected less" },
		{ "renew_below = -1;", "gate.renew_below: expected" },
		{ "detail = 1;", "gate.detail: expected" },
		{ "detail_max = 6145;", "gate.detail_max: expected" },
	};

	EACH(c, cases)
		expect_refused(*state, the_gate, c->value, c->why);
	lk_settings_free(expect_taken(*state, the_gate, "renew_below = 99;"));
}

static void
test_settings_rules_more_than_256_are_refused(void **state)
{
	struct lk_buf text = LK_BUF_INIT(65536);
	size_t i;

	lk_buf_str(&text, "rules = (");
	for (i = 0; i < LK_RULES_MAX; i++)
		lk_buf_printf(&text, "%s{ path = \"/\"; access = \"deny\"; }",
		    i > 0 ? "," : "");
	lk_buf_str(&text, ");");
	lk_settings_free(expect_taken(*state, the_gate, text.data));
	text.len -= 2;
	lk_buf_str(&text, ", { path = \"/\"; access = \"deny\"; });");
	expect_refused(*state, the_gate, text.data, "got 257");
	lk_buf_free(&text);
}

static void
test_settings_rules_headers_of_the_detail(void **state)
{
	static const struct {
		const char *value, *why;
	} cases[] = {
		{ "headers = ( { name = \"Latchkey-Groups\"; } );",
		    "gate.headers[0].field: expected a member" },
		{ "headers = ( { field = \"a\"; } );",
		    "gate.headers[0].name: expected a header" },
		{ "headers = ( { name = \"Latchkey-User\"; field = \"a\"; } );",
		    "gate.headers[0].name: expected Latchkey-" },
		{ "headers = ( { name = \"Latchkey-user\"; field = \"a\"; } );",
		    "gate.headers[0].name: expected Latchkey-" },
		{ "headers = ( { name = \"Latchkey-\"; field = \"a\"; } );",
		    "gate.headers[0].name: expected Latchkey-" },
		{ "headers = ( { name = \"Latchkey-a_b\"; field = \"a\"; } );",
		    "gate.headers[0].name: expected Latchkey-" },
		{ "headers = ( { name = \"Cookie\"; field = \"a\"; } );",
		    "gate.headers[0].name: expected Latchkey-" },
		{ "headers = ( { name = \"Latchkey-A\"; field = \"a.\"; } );",
		    "gate.headers[0].field: expected names" },
		{ "headers = ( { name = \"Latchkey-A\"; field = \"a\"; }, "
		  "{ name = \"Latchkey-a\"; field = \"b\"; } );",
		    "gate.headers: expected each header once" },
	};
	struct lk_settings *settings = expect_taken(*state, the_gate,
	    "headers = ( { name = \"Latchkey-Groups\"; "
	    "field = \"org.groups\"; } );");

	assert_int_equal(settings->gate.headers.n, 1);
	assert_string_equal(settings->gate.headers.v[0].name,
	    "Latchkey-Groups");
	assert_string_equal(settings->gate.headers.v[0].field, "org.groups");
	lk_settings_free(settings);
	EACH(c, cases)
		expect_refused(*state, the_gate, c->value, c->why);
}

/* What is printed says the same when it is read. */
static void
test_settings_rules_printed_load_back(void **state)
{
	struct lk_buf once = LK_BUF_INIT(65536), twice = LK_BUF_INIT(65536);
	struct lk_settings *settings;

	settings = expect_taken(*state, the_gate,
	    "headers = ( { name = \"Latchkey-A\"; field = \"a\"; } ); "
	    "rules = ( { hosts = [ \"*.a\" ]; path = \"/p\\\"q\"; "
	    "access = \"public\"; methods = "
	    "[ \"GET\" ]; }, { path = \"/**/\\xc3\\xa9/\"; access = "
	    "\"session\"; users = [ \"a\\\\b\", \"c\" ]; clients = [ \"w\" ]; "
	    "require = ( { field = \"a.b\"; any = [ \"x\\\"\" ]; }, "
	    "{ field = \"n\"; any = [ -1, 2 ]; }, { field = \"t\"; any = "
	    "[ true ]; } ); }, { path = \"/\"; access = \"deny\"; } );");
	lk_settings_print(settings, &once);
	lk_settings_free(settings);
	settings = expect_taken(*state, "%", once.data);
	assert_int_equal(settings->gate.rules.n, 3);
	assert_string_equal(settings->gate.rules.v[0].path, "/p\"q");
	assert_string_equal(settings->gate.rules.v[1].users.v[0], "a\\b");
	lk_settings_print(settings, &twice);
	lk_settings_free(settings);
	assert_string_equal(once.data, twice.data);
	lk_buf_free(&once);
	lk_buf_free(&twice);
}

#define SUITE_OPEN make_dir
#define SUITE_CLOSE remove_dir
#include "support/suite.h"
