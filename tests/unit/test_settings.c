#include "support/test.h"
#include "settings/table.h"
#include "support/temp_dir.h"

static struct temp_dir dir;
static struct lk_error error;

static int
setup(void **state)
{
	temp_dir_make(&dir);
	return (0);
}

static int
teardown(void **state)
{
	temp_dir_remove(&dir);
	return (0);
}

/*
 * libconfig 1.5 loses a string that stands where its grammar has none.  Only
 * a build with LeakSanitizer asks for this.
 */
const char *__lsan_default_suppressions(void)
    __attribute__((visibility("default")));

const char *
__lsan_default_suppressions(void)
{
	return ("leak:libconfig.so\n");
}

/* ---- Helpers ----------------------------------------------------------- */

/* Load the settings file that says ${text}; its path is in dir.file. */
static enum lk_status
load(const char *text, size_t len, struct lk_settings **settings)
{
	temp_write(&dir, "latchkey.conf", text, len, 0640);
	error.text[0] = '\0';
	return (lk_settings_load(dir.file, settings, &error));
}

/* What ${text} says; the caller frees it. */
static struct lk_settings *
loaded(const char *text)
{
	struct lk_settings *settings;
	enum lk_status status = load(text, strlen(text), &settings);

	assert_string_equal(error.text, "");
	assert_int_equal(status, LK_OK);
	assert_non_null(settings);
	return (settings);
}

/* Loading ${text} must fail with "FILE${why}". */
static void
assert_refused(const char *text, const char *why)
{
	struct lk_settings *settings = NULL;
	char want[LK_ERROR_MAX];

	assert_int_equal(load(text, strlen(text), &settings), LK_E_SETTINGS);
	assert_null(settings);
	(void)snprintf(want, sizeof(want), "%.100s%s", dir.file, why);
	assert_string_equal(error.text, want);
}

static char *
printed(const struct lk_settings *settings)
{
	struct lk_buf out = LK_BUF_INIT(65536);
	char *text;

	lk_settings_print(settings, &out);
	assert_non_null(text = lk_buf_take(&out));
	return (text);
}

static void
assert_same(const struct lk_settings *a, const struct lk_settings *b)
{
	char *a_text = printed(a), *b_text = printed(b);

	assert_string_equal(a_text, b_text);
	free(a_text);
	free(b_text);
}

/* Nest `KEY = VALUE` in its groups, the value on the line of the key. */
static void
nest(const char *key, const char *value, char *text, size_t size)
{
	size_t groups = 0;
	const char *dot;
	int used = 0;

	for (; (dot = strchr(key, '.')) != NULL; key = dot + 1, groups++)
		used += snprintf(text + used, size - (size_t)used, "%.*s = { ",
		    (int)(dot - key), key);
	used += snprintf(
	    text + used, size - (size_t)used, "\n%s = %s;", key, value);
	while (groups-- > 0)
		used += snprintf(text + used, size - (size_t)used, " };");
	assert_true((size_t)used < size);
}

struct value_case {
	const char *key, *value;
	const char *want, *got; /* NULL: it is fine */
};

static void
assert_values(const struct value_case *cases, size_t count)
{
	struct lk_settings *settings;
	char text[8192], why[LK_ERROR_MAX];
	size_t i;

	for (i = 0; i < count; i++) {
		nest(cases[i].key, cases[i].value, text, sizeof(text));
		if (cases[i].want == NULL) {
			settings = loaded(text);
			lk_settings_free(settings);
			continue;
		}
		(void)snprintf(why, sizeof(why), ":2: %s: expected %s, got %s",
		    cases[i].key, cases[i].want, cases[i].got);
		assert_refused(text, why);
	}
}

#define ASSERT_VALUES(cases) \
	assert_values((cases), COUNT(cases))

/* ---- Defaults ---------------------------------------------------------- */

static void
test_settings_defaults_are_those_of_the_manual(void **state)
{
	struct lk_settings *s;

	assert_int_equal(lk_settings_defaults(&s, NULL), LK_OK);
	assert_int_equal(s->store.backend, LK_BACKEND_SQLITE);
	assert_string_equal(s->store.sqlite.path,
	    "/var/lib/latchkey/sessions.db");
	assert_int_equal(s->store.sqlite.timeout_ms, 500);
	assert_string_equal(s->store.redis.address, "127.0.0.1:6379");
	assert_int_equal(s->store.redis.database, 0);
	assert_string_equal(s->store.redis.username, "");
	assert_string_equal(s->store.redis.password, "");
	assert_string_equal(s->store.redis.password_file, "");
	assert_int_equal(s->store.redis.layout, LK_LAYOUT_LATCHKEY);
	assert_int_equal(s->store.redis.connect_timeout_ms, 200);
	assert_int_equal(s->store.redis.command_timeout_ms, 500);
	assert_int_equal(s->store.sentinel.addresses.n, 1);
	assert_string_equal(s->store.sentinel.addresses.v[0],
	    "127.0.0.1:26379");
	assert_string_equal(s->store.sentinel.master, "mymaster");
	assert_int_equal(s->store.sentinel.staleness_ms, 2000);
	assert_true(s->store.sentinel.require_confirmed);
	assert_int_equal(s->store.durability, LK_DURABILITY_ACK);
	assert_int_equal(s->store.durability_timeout_ms, 100);
	assert_int_equal(s->session.ttl, 604800);
	assert_false(s->session.single);
	assert_int_equal(s->session.max_per_user, 1000);
	assert_string_equal(s->session.token_prefix, "gosession-token");
	assert_string_equal(s->session.user_prefix, "gosession-user");
	assert_int_equal(s->user.source, LK_SOURCE_NONE);
	assert_int_equal(s->user.ttl, 3600);
	assert_string_equal(s->user.path, "");
	assert_int_equal(s->user.command.n, 0);
	assert_int_equal(s->user.timeout_ms, 2000);
	assert_string_equal(s->gate.listen, "unix:/run/latchkey/gate.sock");
	assert_int_equal(s->gate.socket_mode, 0660);
	assert_int_equal(s->gate.threads, 4);
	assert_int_equal(s->gate.tokens.n, 4);
	assert_string_equal(s->gate.tokens.v[0], "bearer");
	assert_string_equal(s->gate.tokens.v[1], "cookie");
	assert_string_equal(s->gate.tokens.v[2], "header:X-Session-Token");
	assert_string_equal(s->gate.tokens.v[3], "basic");
	assert_null(s->gate.tokens.v[4]);
	assert_string_equal(s->gate.realm, "latchkey");
	assert_string_equal(s->gate.login_url, "");
	assert_string_equal(s->pam.prompt, "Session token: ");
	assert_string_equal(s->pam.user_field, "");
	assert_int_equal(s->log.to, LK_LOG_TO_STDERR);
	assert_int_equal(s->log.level, LK_LOG_INFO);
	assert_int_equal(s->log.format, LK_LOG_TEXT);
	assert_null(s->path);
	lk_settings_free(s);
	lk_settings_free(NULL);
}

/* What the table says when nobody says anything is itself allowed. */
static void
test_settings_table_defaults_are_within_its_limits(void **state)
{
	const struct lk_setting *s;
	const char *want;
	size_t i;

	for (s = lk_settings_table; s->key != NULL; s++) {
		if (s->type == LK_SETTING_INT || s->type == LK_SETTING_ROWS)
			assert_in_range(s->number, s->min, s->max);
		if (s->type == LK_SETTING_INT)
			assert_true(s->max <= INT32_MAX);
		if (s->type == LK_SETTING_ENUM)
			assert_non_null(s->names[s->number]);
		if (s->type != LK_SETTING_STRING &&
		    s->type != LK_SETTING_STRINGS)
			continue;
		assert_true(s->max > 0);
		for (i = 0; s->text[i] != NULL; i++) {
			if (s->check != NULL)
				assert_true(s->check(s->text[i], &want));
		}
		if (s->type == LK_SETTING_STRING)
			assert_true(i > 0 || s->min == 0);
		else
			assert_in_range(i, s->min, s->max);
	}
}

static void
test_settings_table_keys_are_distinct(void **state)
{
	const struct lk_setting *a, *b;

	for (a = lk_settings_table; a->key != NULL; a++) {
		for (b = a + 1; b->key != NULL; b++) {
			assert_string_not_equal(a->key, b->key);
			assert_int_not_equal(a->offset, b->offset);
		}
		assert_ptr_equal(lk_setting_find(a->key), a);
		if (a->secret)
			assert_string_equal(strrchr(a[1].key, '_'), "_file");
	}
	assert_null(lk_setting_find("store"));
	assert_null(lk_setting_find(""));
}

/* Whoever looks below a group stops where it ends. */
static void
test_settings_table_finds_each_key_below_its_group(void **state)
{
	const struct lk_setting *s, *first;
	const char *name, *dot;
	char part[64];

	for (s = lk_settings_table; s->key != NULL; s++) {
		first = lk_settings_table;
		for (name = s->key; (dot = strchr(name, '.')) != NULL;
		     name = dot + 1) {
			(void)snprintf(part, sizeof(part), "%.*s",
			    (int)(dot - name), name);
			first = lk_setting_below(first,
			    (size_t)(name - s->key), part);
			assert_non_null(first);
			assert_int_not_equal(
			    first->key[dot - s->key], '\0');
		}
		assert_ptr_equal(lk_setting_below(first,
		    (size_t)(name - s->key), name), s);
	}
	assert_null(lk_setting_below(lk_settings_table, 0, "stor"));
	assert_null(lk_setting_below(lk_setting_find("user.source"), 5,
	    "listen"));
}

static void
test_settings_empty_file_gives_the_defaults(void **state)
{
	static const char *const texts[] = { "", "\n", "# nothing",
		"/* nothing */", "// nothing", "store = { };",
		"store : { redis : { } }", "# no newline\nsession = {} # end" };
	struct lk_settings *defaults, *settings;

	assert_int_equal(lk_settings_defaults(&defaults, NULL), LK_OK);
	EACH(c, texts) {
		settings = loaded(*c);
		assert_same(settings, defaults);
		assert_string_equal(settings->path, dir.file);
		lk_settings_free(settings);
	}
	lk_settings_free(defaults);
}

/* ---- Reading ----------------------------------------------------------- */

static const char full[] =
    "store = { backend = \"redis\"; sqlite = { path = \"/s.db\";\n"
    "    timeout_ms = 9; };\n"
    "  redis = { address = \"[::1]:1\"; database = 1000000; username = \"u\";\n"
    "    password = \"p \\\"\\\\ \xc3\xa9\"; layout = \"gosession\";\n"
    "    connect_timeout_ms = 1; command_timeout_ms = 60000; };\n"
    "  sentinel = { addresses = [ \"a:1\", \"unix:/b\" ]; master = \"m\";\n"
    "    username = \"su\"; password = \"sp\"; staleness_ms = 500;\n"
    "    require_confirmed = false; }; durability = \"replica\";\n"
    "  durability_timeout_ms = 60000; };\n"
    "session = { ttl = 0x10; single = TRUE; max_per_user = 100000L;\n"
    "  token_prefix = \"a_b_\"; user_prefix = \"u_\"; };\n"
    "user = { source = \"exec\"; ttl = 315360000; path = \"/u\";\n"
    "  command = [ \"/bin/u\", \"\", \"-x y\" ]; timeout_ms = +7; };\n"
    "gate = { listen = \"unix:/g\"; socket_mode = 0600; threads = 256;\n"
    "  tokens = [ \"header:A\", \"cookie:a\", \"cookie:A\" ];\n"
    "  realm = \"My realm\"; login_url = \"https://a/b?c=%20\"; };\n"
    "pam = { prompt = \"\"; user_field = \"uid\"; };\n"
    "log = { to = \"syslog\"; level = \"debug\"; format = \"json\"; };\n";

static void
test_settings_full_file_is_read(void **state)
{
	struct lk_settings *s = loaded(full);

	assert_string_equal(s->store.sqlite.path, "/s.db");
	assert_int_equal(s->store.sqlite.timeout_ms, 9);
	assert_string_equal(s->store.redis.address, "[::1]:1");
	assert_int_equal(s->store.redis.database, 1000000);
	assert_string_equal(s->store.redis.username, "u");
	assert_string_equal(s->store.redis.password, "p \"\\ \xc3\xa9");
	assert_int_equal(s->store.redis.layout, LK_LAYOUT_GOSESSION);
	assert_int_equal(s->store.redis.connect_timeout_ms, 1);
	assert_int_equal(s->store.redis.command_timeout_ms, 60000);
	assert_int_equal(s->store.sentinel.addresses.n, 2);
	assert_string_equal(s->store.sentinel.addresses.v[1], "unix:/b");
	assert_null(s->store.sentinel.addresses.v[2]);
	assert_int_equal(s->store.sentinel.staleness_ms, 500);
	assert_false(s->store.sentinel.require_confirmed);
	assert_int_equal(s->store.durability, LK_DURABILITY_REPLICA);
	assert_int_equal(s->store.durability_timeout_ms, 60000);
	assert_int_equal(s->session.ttl, 16);
	assert_true(s->session.single);
	assert_int_equal(s->session.max_per_user, 100000);
	assert_string_equal(s->session.token_prefix, "a-b-");
	assert_string_equal(s->session.user_prefix, "u-");
	assert_int_equal(s->user.source, LK_SOURCE_EXEC);
	assert_int_equal(s->user.ttl, 315360000);
	assert_int_equal(s->user.command.n, 3);
	assert_string_equal(s->user.command.v[0], "/bin/u");
	assert_string_equal(s->user.command.v[1], "");
	assert_string_equal(s->user.command.v[2], "-x y");
	assert_null(s->user.command.v[3]);
	assert_int_equal(s->user.timeout_ms, 7);
	assert_int_equal(s->gate.socket_mode, 0600);
	assert_int_equal(s->gate.threads, 256);
	assert_int_equal(s->gate.tokens.n, 3);
	assert_string_equal(s->gate.realm, "My realm");
	assert_string_equal(s->gate.login_url, "https://a/b?c=%20");
	assert_string_equal(s->pam.prompt, "");
	assert_string_equal(s->pam.user_field, "uid");
	assert_int_equal(s->log.to, LK_LOG_TO_SYSLOG);
	assert_int_equal(s->log.level, LK_LOG_DEBUG);
	assert_int_equal(s->log.format, LK_LOG_JSON);
	lk_settings_free(s);
}

static void
test_settings_socket_mode_is_octal(void **state)
{
	struct lk_settings *s;

	s = loaded("gate = { socket_mode = 0666; };");
	assert_int_equal(s->gate.socket_mode, 0666);
	lk_settings_free(s);
	s = loaded("gate = { socket_mode = 0; };");
	assert_int_equal(s->gate.socket_mode, 0);
	lk_settings_free(s);
	assert_refused("gate = { socket_mode = 660; };",
	    ":1: gate.socket_mode: expected an octal number from 0 to 0777 "
	    "that starts with 0, got 660");
	assert_refused("gate = { socket_mode = \"0660\"; };",
	    ":1: gate.socket_mode: expected an octal number from 0 to 0777 "
	    "that starts with 0, got a string");
}

static void
test_settings_clients_are_read(void **state)
{
	struct lk_settings *s = loaded(
	    "session = { ttl = 100; max_life = 300; clients = (\n"
	    " { kinds = [ \"a\", \"b\" ]; max = 2; ttl = 50;"
	    "   on_limit = \"refuse\"; },\n"
	    " { kinds = [ \"c\" ]; max = 1; max_life = 20; } ); };\n");
	struct lk_policy b = lk_settings_policy(s, "b");
	struct lk_policy c = lk_settings_policy(s, "c");
	struct lk_policy none = lk_settings_policy(s, "");

	assert_int_equal(b.row->max, 2);
	assert_int_equal(b.ttl, 50);
	assert_int_equal(b.max_life, 300);
	assert_true(b.row_refuses);
	/* An inherited ttl is cut short. */
	assert_int_equal(c.ttl, 20);
	assert_int_equal(c.max_life, 20);
	assert_false(c.row_refuses);
	assert_null(none.row);
	assert_int_equal(none.ttl, 100);
	lk_settings_free(s);
	(void)state;
}

static void
test_settings_clients_that_contradict_are_refused(void **state)
{
	(void)state;
#define ROWS(rows) "session = { clients = (\n" rows " ); };"
	assert_refused(ROWS("{ kinds = [ \"a\" ]; }"),
	    ":2: session.clients[0].max: expected an integer from 1 to "
	    "100000, got none");
	assert_refused(ROWS("{ max = 1; }"),
	    ":2: session.clients[0].kinds: expected an array of client kinds, "
	    "got none");
	assert_refused(ROWS("{ kinds = [ \"a\" ]; max = 0; }"),
	    ":2: session.clients[0].max: expected an integer from 1 to "
	    "100000, got 0");
	assert_refused(ROWS("{ kinds = [ \"a\", \"a\" ]; max = 1; }"),
	    ":2: session.clients[0].kinds: expected each kind once, "
	    "got \"a\" again");
	assert_refused(ROWS("{ kinds = [ \"a\" ]; max = 1; },"
	                    "{ kinds = [ \"b\", \"a\" ]; max = 1; }"),
	    ":1: session.clients: expected each kind in one row, got \"a\" "
	    "again");
	assert_refused(
	    ROWS("{ kinds = [ \"a\" ]; max = 1; ttl = 9; max_life = 8; }"),
	    ":2: session.clients[0]: expected a ttl that max_life "
	    "does not cut short, got a longer one");
	assert_refused(
	    ROWS("{ kinds = [ \"a\" ]; max = 1; ttl = 9; renew_below = 9; }"),
	    ":1: session.clients: expected kinds renewed below less than "
	    "their ttl, which is 9 for \"a\", got 9");
	assert_refused("session = { ttl = 10;\n max_life = 9; };",
	    ":2: session.max_life: expected no less than session.ttl, which is "
	    "10, got 9");
	assert_refused("session = { max_life = 8; clients = (\n"
	               "{ kinds = [ \"a\" ]; max = 1; ttl = 9; } ); };",
	    ":1: session.clients: expected rows with a ttl of at most "
	    "session.max_life, which is 8, got 9");
	assert_refused("session = { single = true;\n on_limit = \"refuse\"; };",
	    ":2: session.on_limit: expected \"oldest\", since session.single "
	    "lets each login end the others, got \"refuse\"");
#undef ROWS
}

static void
test_settings_number_out_of_range_is_refused(void **state)
{
#define TTL "an integer from 1 to 315360000"
#define MS "an integer from 1 to 60000"
	static const struct value_case cases[] = {
		{ "session.ttl", "1", NULL, NULL },
		{ "session.ttl", "0", TTL, "0" },
		{ "session.ttl", "-1", TTL, "-1" },
		{ "session.ttl", "315360001", TTL, "315360001" },
		{ "session.ttl", "4294967296", TTL, "4294967296" },
		{ "session.ttl", "0xFFFFFFFF", TTL, "0xFFFFFFFF" },
		{ "session.ttl", "0x7FFFFFFF", TTL, "2147483647" },
		{ "session.ttl", "9999999999999999999999", TTL,
		    "9999999999999999999999" },
		{ "user.ttl", "0", TTL, "0" },
		{ "session.max_per_user", "100001",
		    "an integer from 0 to 100000", "100001" },
		{ "session.max_per_user", "-1", "an integer from 0 to 100000",
		    "-1" },
		{ "store.redis.database", "-1", "an integer from 0 to 1000000",
		    "-1" },
		{ "store.sqlite.timeout_ms", "0", MS, "0" },
		{ "store.sqlite.timeout_ms", "60001", MS, "60001" },
		{ "store.redis.connect_timeout_ms", "0", MS, "0" },
		{ "store.redis.command_timeout_ms", "60001", MS, "60001" },
		{ "user.timeout_ms", "60001", MS, "60001" },
		{ "gate.threads", "0", "an integer from 1 to 256", "0" },
		{ "gate.threads", "257", "an integer from 1 to 256", "257" },
	};

	ASSERT_VALUES(cases);
}

static void
test_settings_wrong_type_is_refused(void **state)
{
#define BACKEND \
	"one of \"sqlite\", \"redis\", \"sentinel\", \"mariadb\", \"agent\", " \
	"\"cluster\""
#define REALM "a string of 1 to 128 bytes"
#define TOKENS "an array of 1 to 16 strings"
	static const struct value_case cases[] = {
		{ "session.ttl", "\"5\"", TTL, "a string" },
		{ "session.ttl", "5.0", TTL, "a float" },
		{ "session.ttl", "1e3", TTL, "a float" },
		{ "session.ttl", "true", TTL, "a boolean" },
		{ "session.ttl", "{ }", TTL, "a group" },
		{ "session.ttl", "[ 5 ]", TTL, "an array" },
		{ "session.ttl", "( 5 )", TTL, "a list" },
		{ "session.single", "1", "true or false", "an integer" },
		{ "session.single", "\"true\"", "true or false", "a string" },
		{ "gate.realm", "5", REALM, "an integer" },
		{ "gate.realm", "[ \"x\" ]", REALM, "an array" },
		{ "store.backend", "1", BACKEND, "an integer" },
		{ "store.backend", "true", BACKEND, "a boolean" },
		{ "gate.tokens", "\"bearer\"", TOKENS, "a string" },
		{ "gate.tokens", "( \"bearer\" )", TOKENS, "a list" },
		{ "gate.tokens", "[ 1, 2 ]", "an array of strings",
		    "an array of others" },
		{ "store", "5", "a group", "an integer" },
		{ "store.redis", "\"x\"", "a group", "a string" },
		{ "store.redis", "( )", "a group", "a list" },
		{ "store.redis", "[ ]", "a group", "an array" },
	};

	ASSERT_VALUES(cases);
}

static void
test_settings_array_of_wrong_length_is_refused(void **state)
{
#define SIX "\"cookie:a\", \"cookie:b\", \"cookie:c\", \"cookie:d\", " \
	"\"cookie:e\", \"cookie:f\""
	static const struct value_case cases[] = {
		{ "gate.tokens", "[ ]", TOKENS, "0" },
		{ "gate.tokens", "[ " SIX ", " SIX ", " SIX " ]", TOKENS,
		    "18" },
		{ "store.sentinel.addresses", "[ ]", TOKENS, "0" },
		{ "user.command", "[ ]", NULL, NULL },
		{ "user.command", "[ \"/x\" ]", NULL, NULL },
	};

	ASSERT_VALUES(cases);
}

static void
test_settings_unknown_enum_name_is_refused(void **state)
{
	static const struct value_case cases[] = {
		{ "store.backend", "\"redi\"", BACKEND, "\"redi\"" },
		{ "store.backend", "\"\"", BACKEND, "\"\"" },
		{ "store.backend", "\"REDIS\"", BACKEND, "\"REDIS\"" },
		{ "store.redis.layout", "\"x\"",
		    "one of \"latchkey\", \"gosession\"", "\"x\"" },
		{ "user.source", "\"ldap\"",
		    "one of \"none\", \"file\", \"exec\", \"passwd\"",
		    "\"ldap\"" },
		{ "log.level", "\"trace\"",
		    "one of \"error\", \"warn\", \"info\", \"debug\"",
		    "\"trace\"" },
		{ "log.to", "\"x\xff\\n\"", "one of \"stderr\", \"syslog\"",
		    "\"x??\"" },
		{ "log.format",
		    "\"0123456789012345678901234567890123456789012345678\"",
		    "one of \"text\", \"json\"",
		    "\"012345678901234567890123456789012345678901234567"
		    "...\"" },
	};

	ASSERT_VALUES(cases);
}

static void
test_settings_string_with_control_character_is_refused(void **state)
{
#define NO_CONTROL "a string without control characters"
	static const struct value_case cases[] = {
		{ "pam.prompt", "\"a\\nb\"", NO_CONTROL, "\"a?b\"" },
		{ "pam.prompt", "\"a\tb\"", NO_CONTROL, "\"a?b\"" },
		{ "pam.prompt", "\"\\x7f\"", NO_CONTROL, "\"?\"" },
		{ "pam.prompt", "\"\xc3\xa9: \"", NULL, NULL },
		{ "gate.listen", "\"unix:/a\\r\"", NO_CONTROL,
		    "\"unix:/a?\"" },
		{ "user.command", "[ \"/x\", \"\\x01\" ]", NO_CONTROL,
		    "\"?\"" },
		{ "store.redis.password", "\"hunter2\\x1b\"", NO_CONTROL,
		    "a secret with some" },
	};

	ASSERT_VALUES(cases);
	assert_null(strstr(error.text, "hunter2"));
}

static void
test_settings_address_syntax_is_checked(void **state)
{
#define ADDRESS "host:port, [ipv6]:port or unix:/path (at most 107 bytes)"
	static const struct value_case cases[] = {
		{ "store.redis.address", "\"redis.example:6379\"", NULL, NULL },
		{ "store.redis.address", "\"[2001:db8::1]:65535\"", NULL,
		    NULL },
		{ "store.redis.address", "\"unix:/run/redis.sock\"", NULL,
		    NULL },
		{ "store.redis.address", "\"\"", "a string of 1 to 262 bytes",
		    "0" },
		{ "store.redis.address", "\"localhost\"", ADDRESS,
		    "\"localhost\"" },
		{ "store.redis.address", "\"localhost:0\"", ADDRESS,
		    "\"localhost:0\"" },
		{ "store.redis.address", "\"localhost:65536\"", ADDRESS,
		    "\"localhost:65536\"" },
		{ "store.redis.address", "\"::1:6379\"", ADDRESS,
		    "\"::1:6379\"" },
		{ "store.redis.address", "\"[1.2.3.4]:1\"", ADDRESS,
		    "\"[1.2.3.4]:1\"" },
		{ "store.redis.address", "\"[::1::]:1\"", ADDRESS,
		    "\"[::1::]:1\"" },
		{ "store.redis.address", "\"a;b:1\"", ADDRESS, "\"a;b:1\"" },
		{ "store.redis.address", "\"unix:relative\"", ADDRESS,
		    "\"unix:relative\"" },
		{ "gate.listen", "\":9000\"", ADDRESS, "\":9000\"" },
		{ "store.sentinel.addresses", "[ \"a:1\", \"b\" ]", ADDRESS,
		    "\"b\"" },
	};

	ASSERT_VALUES(cases);
}

static void
test_settings_token_source_syntax_is_checked(void **state)
{
#define SOURCE "\"bearer\", \"basic\", \"cookie\", \"cookie:NAME\" or " \
	"\"header:NAME\""
#define N32 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
	static const struct value_case cases[] = {
		{ "gate.tokens", "[ \"basic\" ]", NULL, NULL },
		{ "gate.tokens", "[ \"cookie:__Host-s\" ]", NULL, NULL },
		{ "gate.tokens", "[ \"cookie:!#$%&'*+-.^_`|~\" ]", NULL, NULL },
		{ "gate.tokens", "[ \"cookie:" N32 N32 "\" ]", NULL, NULL },
		{ "gate.tokens", "[ \"cookie:" N32 N32 "n\" ]", SOURCE,
		    "\"cookie:nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
		    "...\"" },
		{ "gate.tokens", "[ \"Bearer\" ]", SOURCE, "\"Bearer\"" },
		{ "gate.tokens", "[ \"\" ]", SOURCE, "\"\"" },
		{ "gate.tokens", "[ \"query:t\" ]", SOURCE, "\"query:t\"" },
		{ "gate.tokens", "[ \"cookie:\" ]", SOURCE, "\"cookie:\"" },
		{ "gate.tokens", "[ \"cookie\" ]", NULL, NULL },
		{ "gate.tokens", "[ \"cookies\" ]", SOURCE, "\"cookies\"" },
		{ "gate.tokens", "[ \"cookie:a b\" ]", SOURCE,
		    "\"cookie:a b\"" },
		{ "gate.tokens", "[ \"cookie:a=b\" ]", SOURCE,
		    "\"cookie:a=b\"" },
		{ "gate.tokens", "[ \"header:A:\" ]", SOURCE, "\"header:A:\"" },
		{ "gate.tokens", "[ \"header:\xc3\xa9\" ]", SOURCE,
		    "\"header:??\"" },
	};

	ASSERT_VALUES(cases);
}

static void
test_settings_same_token_source_twice_is_refused(void **state)
{
#define ONCE "each place once"
	static const struct value_case cases[] = {
		{ "gate.tokens", "[ \"bearer\", \"basic\", \"bearer\" ]", ONCE,
		    "\"bearer\" again" },
		{ "gate.tokens", "[ \"cookie:a\", \"cookie:a\" ]", ONCE,
		    "\"cookie:a\" again" },
		{ "gate.tokens", "[ \"cookie:a\", \"cookie:A\" ]", NULL, NULL },
		{ "gate.tokens", "[ \"cookie\", \"cookie:latchkey\" ]", ONCE,
		    "\"cookie:latchkey\" again" },
		{ "gate.tokens", "[ \"cookie\", \"cookie:session\" ]", NULL,
		    NULL },
		{ "gate.tokens", "[ \"cookie:a\", \"header:a\" ]", NULL, NULL },
		{ "gate.tokens", "[ \"header:X-A\", \"header:x_a\" ]", ONCE,
		    "\"header:x_a\" again" },
		{ "gate.tokens", "[ \"header:X-A\", \"header:X-AB\" ]", NULL,
		    NULL },
	};

	ASSERT_VALUES(cases);
}

static void
test_settings_cookie_syntax_is_checked(void **state)
{
#define DOMAIN "the name of a host, such as example.org"
#define COOKIE_PATH "an absolute path of printable ASCII without spaces " \
	"and semicolons"
#define COOKIE_NAME "1 to 64 of the characters that a cookie's name may have"
	static const struct value_case cases[] = {
		{ "cookie.name", "\"a.b\"", NULL, NULL },
		{ "cookie.name", "\"a;b\"", COOKIE_NAME, "\"a;b\"" },
		{ "cookie.name", "\"a b\"", COOKIE_NAME, "\"a b\"" },
		{ "cookie.name", "\"a=b\"", COOKIE_NAME, "\"a=b\"" },
		{ "cookie.name", "\"a,b\"", COOKIE_NAME, "\"a,b\"" },
		{ "cookie.name", "\"\xc3\xa9\"", COOKIE_NAME, "\"??\"" },
		{ "cookie.domain", "\"example.org\"", NULL, NULL },
		{ "cookie.domain", "\".example.org\"", NULL, NULL },
		{ "cookie.domain", "\"xn--a-b.1.org\"", NULL, NULL },
		{ "cookie.domain", "\"\"", NULL, NULL },
		{ "cookie.domain", "\".\"", DOMAIN, "\".\"" },
		{ "cookie.domain", "\"a..b\"", DOMAIN, "\"a..b\"" },
		{ "cookie.domain", "\"..a\"", DOMAIN, "\"..a\"" },
		{ "cookie.domain", "\"a.\"", DOMAIN, "\"a.\"" },
		{ "cookie.domain", "\"-a.b\"", DOMAIN, "\"-a.b\"" },
		{ "cookie.domain", "\"a.b-\"", DOMAIN, "\"a.b-\"" },
		{ "cookie.domain", "\"a b\"", DOMAIN, "\"a b\"" },
		{ "cookie.domain", "\"a;b\"", DOMAIN, "\"a;b\"" },
		{ "cookie.domain", "\"a:80\"", DOMAIN, "\"a:80\"" },
		{ "cookie.domain", "\"192.0.2.1\"", DOMAIN, "\"192.0.2.1\"" },
		{ "cookie.domain", "\"[::1]\"", DOMAIN, "\"[::1]\"" },
		{ "cookie.path", "\"/app\"", NULL, NULL },
		{ "cookie.path", "\"/a;Domain=b\"", COOKIE_PATH,
		    "\"/a;Domain=b\"" },
		{ "cookie.path", "\"/a b\"", COOKIE_PATH, "\"/a b\"" },
		{ "cookie.path", "\"a\"", COOKIE_PATH, "\"a\"" },
		{ "cookie.path", "\"/\xc3\xa9\"", COOKIE_PATH, "\"/??\"" },
		{ "cookie.same_site", "\"Strict\"", NULL, NULL },
		{ "cookie.same_site", "\"lax\"",
		    "one of \"Lax\", \"Strict\", \"None\"", "\"lax\"" },
	};

	ASSERT_VALUES(cases);
}

/* What browsers would not take is an error at once. */
static void
test_settings_cookie_that_contradicts_itself_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *error; /* NULL: it is taken */
	} cases[] = {
		{ "name = \"__Host-s\"", NULL },
		{ "name = \"__Secure-s\"; domain = \"a.b\"; path = \"/x\"",
		    NULL },
		{ "same_site = \"None\"", NULL },
		{ "secure = false", NULL },
		{ "name = \"__Host-s\"; secure = false",
		    "cookie.secure: expected true, by the prefix of "
		    "cookie.name, got false" },
		{ "name = \"__hOST-s\"; secure = false",
		    "cookie.secure: expected true, by the prefix of "
		    "cookie.name, got false" },
		{ "name = \"__Secure-s\"; secure = false",
		    "cookie.secure: expected true, by the prefix of "
		    "cookie.name, got false" },
		{ "name = \"__Http-s\"; secure = false",
		    "cookie.secure: expected true, by the prefix of "
		    "cookie.name, got false" },
		{ "name = \"__Host-s\"; domain = \"a.b\"",
		    "cookie.domain: expected none, by the prefix of "
		    "cookie.name, got one" },
		{ "name = \"__Host-s\"; path = \"/app\"",
		    "cookie.path: expected \"/\", by the prefix of "
		    "cookie.name, got another" },
		{ "same_site = \"None\"; secure = false",
		    "cookie.secure: expected true, since "
		    "cookie.same_site is \"None\", got false" },
	};
	char text[128], why[160];

	EACH(c, cases) {
		(void)snprintf(text, sizeof(text), "cookie = { %s; };",
		    c->text);
		if (c->error == NULL)
			lk_settings_free(loaded(text));
		else
			assert_refused(text, strcat(strcpy(why, ":1: "),
			    c->error));
	}
}

static void
test_settings_login_url_syntax_is_checked(void **state)
{
#define URL "an http:// or https:// URL, or an absolute path"
	static const struct value_case cases[] = {
		{ "gate.login_url", "\"\"", NULL, NULL },
		{ "gate.login_url", "\"/\"", NULL, NULL },
		{ "gate.login_url", "\"/login?next=a%20b#c\"", NULL, NULL },
		{ "gate.login_url", "\"http://[::1]:80/\"", NULL, NULL },
		{ "gate.login_url", "\"//evil.example/\"", URL,
		    "\"//evil.example/\"" },
		{ "gate.login_url", "\"/\\\\evil.example\"", URL,
		    "\"/\\evil.example\"" },
		{ "gate.login_url", "\"login\"", URL, "\"login\"" },
		{ "gate.login_url", "\"https://\"", URL, "\"https://\"" },
		{ "gate.login_url", "\"https:///x\"", URL, "\"https:///x\"" },
		{ "gate.login_url", "\"https://@h/\"", URL, "\"https://@h/\"" },
		{ "gate.login_url", "\"javascript:alert(1)\"", URL,
		    "\"javascript:alert(1)\"" },
		{ "gate.login_url", "\"/a b\"", URL, "\"/a b\"" },
		{ "gate.login_url", "\"/a'b\"", URL, "\"/a'b\"" },
		{ "gate.login_url", "\"/a\\\"b\"", URL, "\"/a\"b\"" },
		{ "gate.login_url", "\"/\xc3\xa9\"", URL, "\"/??\"" },
	};

	ASSERT_VALUES(cases);
}

static void
test_settings_other_strings_are_checked(void **state)
{
#define PATH_WANT "an absolute path"
#define PREFIX "printable ASCII without spaces and braces"
#define WORD "printable ASCII without spaces"
#define QUOTABLE "printable ASCII without quotes and backslashes"
	static const struct value_case cases[] = {
		{ "store.sqlite.path", "\"x.db\"", PATH_WANT, "\"x.db\"" },
		{ "store.sqlite.path", "\"\"", "a string of 1 to 4095 bytes",
		    "0" },
		{ "user.path", "\"\"", NULL, NULL },
		{ "user.path", "\"users.json\"", PATH_WANT, "\"users.json\"" },
		{ "store.redis.password_file", "\"pw\"", PATH_WANT, "\"pw\"" },
		{ "store.redis.username", "\"a b\"", WORD, "\"a b\"" },
		{ "session.token_prefix", "\"\"", "a string of 1 to 64 bytes",
		    "0" },
		{ "session.token_prefix", "\"" N32 N32 "\"", NULL, NULL },
		{ "session.token_prefix", "\"" N32 N32 "n\"",
		    "a string of 1 to 64 bytes", "65" },
		{ "session.token_prefix", "\"a b\"", PREFIX, "\"a b\"" },
		{ "session.user_prefix", "\"{a}\"", PREFIX, "\"{a}\"" },
		{ "session.user_prefix", "\"\xc3\xa9\"", PREFIX, "\"??\"" },
		{ "gate.realm", "\"\"", REALM, "0" },
		{ "gate.realm", "\"a\\\"b\"", QUOTABLE, "\"a\"b\"" },
		{ "gate.realm", "\"a\\\\b\"", QUOTABLE, "\"a\\b\"" },
		{ "store.sentinel.master", "\"my master\"", WORD,
		    "\"my master\"" },
	};

	ASSERT_VALUES(cases);
}

static void
test_settings_unknown_key_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "x = 1;", ":1: x: unknown key" },
		{ "gate = {\n colour = 0; };",
		    ":2: gate.colour: unknown key" },
		{ "gate = {\n folders = ( { path = \"/\"; } ); };",
		    ":2: gate.folders: unknown key" },
		{ "mysql = { x = { y = 1; }; };", ":1: mysql: unknown key" },
		{ "ttl = 5;", ":1: ttl: unknown key" },
		{ "store = {\n redis = {\n adress = \"a:1\"; }; };",
		    ":3: store.redis.adress: unknown key, did you mean "
		    "\"store.redis.address\"?" },
		{ "sesion = { ttl = 5; };",
		    ":1: sesion: unknown key, did you mean \"session\"?" },
		{ "Store = { };",
		    ":1: Store: unknown key, did you mean \"store\"?" },
		{ "store = { rediss = { }; };",
		    ":1: store.rediss: unknown key, did you mean "
		    "\"store.redis\"?" },
		{ "gate = { socket-mode = 1; };",
		    ":1: gate.socket-mode: unknown key, did you mean "
		    "\"gate.socket_mode\"?" },
	};

	EACH(c, cases)
		assert_refused(c->text, c->why);
}

/* What was meant for another store is said, since nothing is wrong with it. */
static void
test_settings_of_an_unused_store_are_hinted_at(void **state)
{
	static const struct {
		const char *text, *hint;
	} cases[] = {
		{ "store = { redis = { address = \"unix:/r\"; }; };",
		    "store.redis.address has no effect with store.backend = "
		    "\"sqlite\"" },
		{ "store = { backend = \"redis\"; sqlite = { path = \"/x\"; };"
		  " };", "store.sqlite.path has no effect with store.backend = "
		    "\"redis\"" },
		{ "store = { backend = \"redis\";"
		  " redis = { address = \"unix:/r\"; }; };", "" },
		{ "session = { ttl = 5; };", "" },
	};
	struct lk_settings *s;

	EACH(c, cases) {
		s = loaded(c->text);
		assert_string_equal(s->hint, c->hint);
		lk_settings_free(s);
	}
}

static void
test_settings_text_that_is_no_libconfig_is_refused(void **state)
{
	assert_refused("session = {\n ttl = 5 6;\n};",
	    ":2: syntax error near session.ttl");
	assert_refused("pam = { prompt = \"x\"\n[ ] };",
	    ":2: syntax error near pam.prompt");
	assert_refused("gate = { tokens = [ \"basic\", 1 ]; };",
	    ":1: mismatched element type in array near gate.tokens");
	assert_refused("gate = { socket_mode = 0660;\n x = , 5; };",
	    ":2: gate.x: expected a value, got ','");
	assert_refused("session = { ttl = 5;\n ttl = 6; };",
	    ":2: duplicate setting name near session.ttl: each stands once "
	    "in its group, and each group once");
	assert_refused("@include \"/etc/passwd\"\n",
	    ":1: expected no @include, got one");
	assert_refused("a = \"\\x00\";", ":1: a: expected one of \\\" \\\\ \\n "
	    "\\r \\t \\f \\x01 to \\xff, got another escape in the string");
}

static void
test_settings_include_in_comment_or_string_is_allowed(void **state)
{
	struct lk_settings *s;

	s = loaded("# @include \"x\"\n/*\n@include \"y\"\n*/\n"
	    "pam = { prompt = \"@include \"; };");
	assert_string_equal(s->pam.prompt, "@include ");
	lk_settings_free(s);
}

/* ---- The file itself --------------------------------------------------- */

static void
test_settings_unsafe_file_is_refused(void **state)
{
	struct lk_settings *settings;
	char want[LK_ERROR_MAX];

	temp_write(&dir, "latchkey.conf", "", 0, 0660);
	(void)snprintf(want, sizeof(want), "%.100s: expected a file that "
	    "group and others cannot write, got mode 0660", dir.file);
	assert_int_equal(lk_settings_load(dir.file, &settings, &error),
	    LK_E_SETTINGS);
	assert_string_equal(error.text, want);
	assert_null(settings);
	assert_int_equal(lk_settings_load("latchkey.conf", &settings, &error),
	    LK_E_SETTINGS);
	assert_string_equal(error.text,
	    "latchkey.conf: expected an absolute path");
	assert_int_equal(lk_settings_load(temp_path(&dir, "none"), &settings,
	    NULL), LK_E_SETTINGS);
}

static void
test_settings_file_of_largest_size_is_read(void **state)
{
	char *text = malloc(LK_SETTINGS_FILE_MAX + 2);
	struct lk_settings *settings;
	char want[LK_ERROR_MAX];

	assert_non_null(text);
	memset(text, '#', LK_SETTINGS_FILE_MAX + 1);
	assert_int_equal(load(text, LK_SETTINGS_FILE_MAX, &settings), LK_OK);
	lk_settings_free(settings);
	assert_int_equal(load(text, LK_SETTINGS_FILE_MAX + 1, &settings),
	    LK_E_SETTINGS);
	(void)snprintf(want, sizeof(want),
	    "%.100s: expected at most 262144 bytes, got 262145", dir.file);
	assert_string_equal(error.text, want);
	free(text);
}

static void
test_settings_nul_byte_is_refused(void **state)
{
	struct lk_settings *settings;
	char want[LK_ERROR_MAX];

	assert_int_equal(load("log = { };\n\0 x", 14, &settings),
	    LK_E_SETTINGS);
	(void)snprintf(want, sizeof(want),
	    "%.100s:2: expected text, got a NUL byte", dir.file);
	assert_string_equal(error.text, want);
}

static void
test_settings_deep_nesting_is_refused(void **state)
{
	static const char *const openings[] = { "a = { ", "a = ( ", "( ",
		"{" };
	char text[32768], *p;
	struct lk_settings *settings;
	size_t j, len;

	EACH(c, openings) {
		len = strlen(*c);
		for (j = 0, p = text; j < 5000; j++, p += len)
			memcpy(p, *c, len);
		assert_int_equal(load(text, (size_t)(p - text), &settings),
		    LK_E_SETTINGS);
		assert_non_null(strstr(error.text, "expected groups, arrays "
		    "and lists at most 16 deep, got deeper ones"));
	}
}

/* ---- What spans keys --------------------------------------------------- */

static void
test_settings_that_are_the_agents_are_refused(void **state)
{
#define AGENT "store = { backend = \"agent\"; };\n"
	assert_refused(AGENT "user = { source = \"passwd\"; };",
	    ":2: user.source: expected \"none\", since the agent asks the "
	    "user source, by its own settings");
	assert_refused("store = { backend = \"agent\";\n "
	    "durability = \"replica\"; };",
	    ":2: store.durability: expected \"ack\", since the agent's "
	    "settings say it, got \"replica\"");
	assert_refused("store = { agent = {\n address = \"127.0.0.1:1\"; }; };",
	    ":2: store.agent.address: expected unix:/path (at most 107 "
	    "bytes), got \"127.0.0.1:1\"");
	lk_settings_free(loaded(AGENT "user = { timeout_ms = 1; };"));
}

static void
test_settings_replicas_of_the_embedded_store_are_refused(void **state)
{
	assert_refused("store = {\n durability = \"replica\"; };",
	    ":2: store.durability: expected \"ack\", since store.backend "
	    "\"sqlite\" has no replicas, got \"replica\"");
	lk_settings_free(loaded("store = { backend = \"redis\"; "
	    "durability = \"replica\"; };"));
	lk_settings_free(loaded("store = { backend = \"sentinel\"; "
	    "durability = \"replica\"; };"));
}

static void
test_settings_sentinel_named_twice_is_refused(void **state)
{
	assert_refused("store = { sentinel = {\n"
	    " addresses = [ \"a:1\", \"b:1\", \"a:1\" ]; }; };",
	    ":2: store.sentinel.addresses: expected each Sentinel once, got "
	    "\"a:1\" again");
}

static void
test_settings_user_source_needs_what_it_uses(void **state)
{
	assert_refused("user = {\n source = \"file\"; };",
	    ":2: user.path: expected an absolute path, since user.source is "
	    "\"file\", got none");
	assert_refused("user = {\n source = \"file\";\n path = \"\"; };",
	    ":3: user.path: expected an absolute path, since user.source is "
	    "\"file\", got none");
	assert_refused("user = {\n source = \"exec\"; };",
	    ":2: user.command: expected a program and its arguments, since "
	    "user.source is \"exec\", got none");
	assert_refused("user = {\n command = [ \"sh\", \"/x\" ]; };",
	    ":2: user.command: expected the absolute path of a program first, "
	    "got \"sh\"");
	lk_settings_free(loaded("user = { source = \"passwd\"; };"));
}

static void
test_settings_prefixes_that_are_alike_are_refused(void **state)
{
#define ALIKE ": expected another prefix than session.token_prefix, got the " \
	"same"

	assert_refused("session = {\n token_prefix = \"a\";\n user_prefix = "
	    "\"a\"; };", ":3: session.user_prefix" ALIKE);
	assert_refused("session = {\n token_prefix = \"a_b\";\n user_prefix = "
	    "\"a-b\"; };", ":3: session.user_prefix" ALIKE);
	assert_refused("session = {\n token_prefix = \"gosession_user\"; };",
	    ":2: session.user_prefix" ALIKE);
	/* Nor of what stands beside. */
	assert_refused("session = {\n user_prefix = "
	    "\"latchkey_gosession-token\"; };",
	    ":2: session.user_prefix: expected another prefix than "
	    "\"latchkey-\" and session.token_prefix, got these");
}

static void
test_settings_layout_without_kinds_refuses_a_table(void **state)
{
#define GOSESSION(backend)                                \
	"store = { backend = \"" backend "\"; redis = {" \
	" layout = \"gosession\"; };\n};\nsession = {\n"
#define NO_KINDS \
	": expected nothing, since layout gosession has no kinds, got a value"

	assert_refused(GOSESSION("redis")
	    "ttl = 60;\n clients = ( { kinds = [ \"web\" ]; max = 1; } ); };",
	    ":5: session.clients" NO_KINDS);
	assert_refused(GOSESSION("sentinel")
	    "clients = ( { kinds = [ \"web\" ]; max = 1; } ); };",
	    ":4: session.clients" NO_KINDS);
	assert_refused(GOSESSION("redis")
	    "unlisted = \"refuse\"; };",
	    ":4: session.unlisted" NO_KINDS);
	/* All else is kept there. */
	lk_settings_free(loaded(GOSESSION("redis")
	    "ttl = 60; max_life = 600; reasons = 60; on_limit = \"refuse\";"
	    "history = { keep = 5; ttl = 60; }; };"));
}

static void
test_settings_check_without_file_names_the_key(void **state)
{
	struct lk_settings *s;

	assert_int_equal(lk_settings_defaults(&s, NULL), LK_OK);
	assert_int_equal(lk_settings_check(s, &error), LK_OK);
	s->user.source = LK_SOURCE_FILE;
	assert_int_equal(lk_settings_check(s, &error),
	    LK_E_SETTINGS);
	assert_string_equal(error.text, "defaults: user.path: expected an "
	    "absolute path, since user.source is \"file\", got none");
	lk_settings_free(s);
}

/* ---- Password files ---------------------------------------------------- */

/* Settings that name the file ${name} of the folder, on line 2. */
static void
naming(const char *name, char text[512])
{
	(void)snprintf(text, 512,
	    "store = { redis = {\n password_file = \"%.100s\"; }; };",
	    temp_path(&dir, name));
}

static void
test_settings_password_file_is_read(void **state)
{
	static const struct {
		const char *content, *password;
	} cases[] = { { "hunter2", "hunter2" }, { "hunter2\n", "hunter2" },
		{ " two words ", " two words " },
		{ "\xc3\xa9\n", "\xc3\xa9" } };
	struct lk_settings *s;
	char text[512], *shown;

	EACH(c, cases) {
		temp_write(&dir, "pw", c->content, strlen(c->content), 0640);
		naming("pw", text);
		s = loaded(text);
		assert_string_equal(s->store.redis.password, c->password);
		shown = printed(s);
		assert_null(strstr(shown, c->password));
		free(shown);
		lk_settings_free(s);
	}
}

static void
test_settings_password_file_not_fit_is_refused(void **state)
{
#define LINE_WANT "expected a file of one line without control characters, " \
	"got another"
	static const struct {
		const char *content;
		size_t len;
		const char *why;
	} cases[] = {
		{ "", 0, "expected a file with a password, got an empty one" },
		{ "\n", 1, "expected a file with a password, got an empty "
		    "one" },
		{ "hunter2\n\n", 9, LINE_WANT },
		{ "hunter2\r\n", 9, LINE_WANT },
		{ "hun\0ter2", 8, LINE_WANT },
	};
	char text[512], why[LK_ERROR_MAX];

	EACH(c, cases) {
		temp_write(&dir, "pw", c->content, c->len, 0600);
		naming("pw", text);
		(void)snprintf(why, sizeof(why),
		    ":2: store.redis.password_file: %s", c->why);
		assert_refused(text, why);
	}
}

static void
test_settings_password_file_unsafe_is_refused(void **state)
{
	char text[512], why[LK_ERROR_MAX];

	temp_write(&dir, "pw", "hunter2", 7, 0644);
	naming("pw", text);
	(void)snprintf(why, sizeof(why), ":2: store.redis.password_file: "
	    "%.60s/pw: expected a file that others cannot read, got mode 0644",
	    dir.path);
	assert_refused(text, why);
	naming("none", text);
	(void)snprintf(why, sizeof(why), ":2: store.redis.password_file: "
	    "%.60s/none: cannot open: No such file or directory", dir.path);
	assert_refused(text, why);
}

static void
test_settings_password_and_its_file_exclude_each_other(void **state)
{
	char text[512], both[512];

	temp_write(&dir, "pw", "x", 1, 0600);
	naming("pw", text);
	(void)snprintf(both, sizeof(both),
	    "store = { redis = {\n password_file = \"%.100s\";\n password = "
	    "\"hunter2\"; }; };", temp_path(&dir, "pw"));
	assert_refused(both,
	    ":2: store.redis.password_file: expected only one of "
	    "store.redis.password and store.redis.password_file, got both");
}

/* ---- Printing ---------------------------------------------------------- */

static void
test_settings_printed_defaults_are_readable(void **state)
{
	static const char start[] = "store = {\n\tbackend = \"sqlite\";\n"
	    "\tdurability = \"ack\";\n\tdurability_timeout_ms = 100;\n"
	    "\tsqlite = {\n\t\tpath = \"/var/lib/latchkey/sessions.db\";\n";
	static const char end[] = "\tformat = \"text\";\n};\n";
	struct lk_settings *s;
	char *text;

	assert_int_equal(lk_settings_defaults(&s, NULL), LK_OK);
	text = printed(s);
	assert_memory_equal(text, start, strlen(start));
	assert_non_null(strstr(text, "\t};\n\tredis = {\n"));
	assert_non_null(strstr(text, "\t\tpassword = \"\";\n"));
	assert_non_null(strstr(text, "\tsocket_mode = 0660;\n"));
	assert_non_null(strstr(text, "\tcommand = [ ];\n"));
	assert_non_null(strstr(text, "\tsingle = false;\n"));
	assert_non_null(strstr(text, "\ttokens = [ \"bearer\", "
	    "\"cookie\", \"header:X-Session-Token\", \"basic\" ];\n"));
	assert_non_null(strstr(text, "\ncookie = {\n\tname = \"latchkey\";\n"
	    "\tdomain = \"\";\n\tpath = \"/\";\n\tsame_site = \"Lax\";\n"
	    "\tsecure = true;\n\tpersistent = true;\n};\n"));
	assert_string_equal(text + strlen(text) - strlen(end), end);
	free(text);
	lk_settings_free(s);
}

static void
test_settings_printed_text_loads_to_the_same(void **state)
{
	struct lk_settings *first, *second;
	char *text;

	first = loaded(full);
	text = printed(first);
	second = loaded(text);
	assert_same(first, second);
	assert_string_equal(second->store.redis.password, "********");
	assert_string_equal(second->user.command.v[2], "-x y");
	assert_int_equal(second->gate.socket_mode, 0600);
	free(text);
	lk_settings_free(first);
	lk_settings_free(second);
	assert_int_equal(lk_settings_defaults(&first, NULL), LK_OK);
	text = printed(first);
	second = loaded(text);
	assert_same(first, second);
	free(text);
	lk_settings_free(first);
	lk_settings_free(second);
}

static void
test_settings_printed_odd_strings_load_to_the_same(void **state)
{
	struct lk_settings *first, *second;
	char *text;

	first = loaded("pam = { prompt = \"\\\\\\\" \\\\n ' \xff\xc3\xa9 # /* "
	    "@include\"; };");
	assert_string_equal(first->pam.prompt,
	    "\\\" \\n ' \xff\xc3\xa9 # /* @include");
	text = printed(first);
	second = loaded(text);
	assert_string_equal(second->pam.prompt, first->pam.prompt);
	free(text);
	lk_settings_free(first);
	lk_settings_free(second);
}

static void
test_settings_printed_text_masks_secrets(void **state)
{
	struct lk_settings *s = loaded("store = { redis = { password = "
	    "\"hunter2\"; }; sentinel = { password = \"hunter3\"; }; };");
	char *text = printed(s);

	assert_null(strstr(text, "hunter"));
	assert_non_null(strstr(text, "\t\tpassword = \"********\";\n"));
	free(text);
	lk_settings_free(s);
}

static void
test_settings_printed_text_with_password_file_loads(void **state)
{
	struct lk_settings *first, *second;
	char text[512], *shown;

	temp_write(&dir, "pw", "hunter2", 7, 0600);
	naming("pw", text);
	first = loaded(text);
	shown = printed(first);
	assert_non_null(strstr(shown, "\t\tpassword = \"\";\n"));
	second = loaded(shown);
	assert_same(first, second);
	assert_string_equal(second->store.redis.password, "hunter2");
	free(shown);
	lk_settings_free(first);
	lk_settings_free(second);
}

/* ---- Whatever else ----------------------------------------------------- */

static uint32_t
next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return (*seed);
}

/* Bytes, words of the language, or a good file with some bytes changed. */
static size_t
make_garbage(uint32_t *seed, char *text, size_t size)
{
	static const char *const words[] = { "store", "redis", "session",
		"ttl", "gate", "tokens", "socket_mode", "=", ":", "{", "}",
		"[", "]", "(", ")", ";", ",", "\"", "\\", "#", "//", "/*",
		"*/", "\n", " ", "0660", "4294967296", "0x", "-1", "1.5e",
		"true", "@include", "\"bearer\"", "\"x" };
	size_t i, len, used = 0, kind = next_random(seed) % 3;

	if (kind == 2) {
		memcpy(text, full, sizeof(full) - 1);
		for (i = next_random(seed) % 4; i < 4; i++)
			text[next_random(seed) % (sizeof(full) - 1)] =
			    (char)next_random(seed);
		return (sizeof(full) - 1);
	}
	for (i = next_random(seed) % 64; i > 0; i--) {
		const char *word = words[next_random(seed) %
		    (COUNT(words))];

		len = kind == 0 ? 1 : strlen(word);
		assert_true(used + len <= size);
		if (kind == 0)
			text[used] = (char)next_random(seed);
		else
			memcpy(text + used, word, len);
		used += len;
	}
	return (used);
}

static void
test_settings_garbage_is_refused_or_read(void **state)
{
	uint32_t seed = 20240229;
	struct lk_settings *settings;
	size_t i, len, read = 0, refused = 0;
	enum lk_status status;
	char text[2048];

	for (i = 0; i < 6000; i++) {
		len = make_garbage(&seed, text, sizeof(text));
		status = load(text, len, &settings);
		assert_true(status == LK_OK || status == LK_E_SETTINGS);
		assert_int_equal(status == LK_OK, settings != NULL);
		assert_int_equal(status == LK_OK, error.text[0] == '\0');
		read += status == LK_OK;
		refused += status != LK_OK;
		lk_settings_free(settings);
	}
	assert_true(read > 20);
	assert_true(refused > 3000);
}

#define SUITE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
/* ---- The agent's callers ------------------------------------------------- */

#define CALLERS(rows) "agent = { callers = (\n" rows " ); };\n"

static void
test_settings_callers_are_read_and_printed(void **state)
{
	struct lk_settings *settings = loaded(CALLERS(
	    "{ users = [ \"postgres\", \"101\" ]; may = [ \"check\" ]; },\n"
	    "{ groups = ( \"www\", 33 ); may = [ \"issue\", \"list\" ];\n"
	    "  clients = [ \"web\" ]; min_uid = 1000; max_ttl = 60;\n"
	    "  not_users = [ \"admin\" ]; per_minute = 600; }"));
	const struct lk_caller *row = settings->agent.callers.v;
	char *text = printed(settings);

	(void)state;
	assert_int_equal(settings->agent.callers.n, 2);
	assert_int_equal(row[0].users.n, 2);
	assert_int_equal(row[0].groups.n, 0);
	assert_int_equal(row[0].clients.n, 0);
	assert_int_equal(row[0].min_uid, 0);
	assert_int_equal(row[0].max_ttl, 0);
	assert_int_equal(row[0].per_minute, 0);
	assert_string_equal(row[1].groups.v[1], "33");
	assert_string_equal(row[1].may.v[1], "list");
	assert_int_equal(row[1].min_uid, 1000);
	assert_int_equal(row[1].max_ttl, 60);
	assert_int_equal(row[1].per_minute, 600);
	assert_string_equal(row[1].not_users.v[0], "admin");
	assert_non_null(strstr(text, "may = [ \"check\" ]; }"));
	assert_null(strstr(text, "= 0; }"));
	free(text);
	lk_settings_free(settings);
}

/* What is missing, empty or misspelled never permits. */
static void
test_settings_callers_that_are_wrong_are_refused(void **state)
{
	(void)state;
	assert_refused(CALLERS("{ may = [ \"check\" ]; }"),
	    ":2: agent.callers[0]: expected users or groups, got neither");
	assert_refused(CALLERS("{ users = [ \"a\" ]; }"),
	    ":2: agent.callers[0].may: expected an array of what they may do, "
	    "got none");
	assert_refused(CALLERS("{ users = [ \"a\" ]; may = [ ]; }"),
	    ":2: agent.callers[0].may: expected an array of 1 to 16 strings, "
	    "got 0");
	assert_refused(CALLERS("{ users = [ \"a\" ]; may = [ \"Check\" ]; }"),
	    ":2: agent.callers[0].may[0]: expected \"check\", \"refresh\", "
	    "\"issue\", \"revoke\", \"list\", \"user\" or \"token\", got "
	    "\"Check\"");
	assert_refused(CALLERS("{ users = [ \"a\" ]; may = [ \"check\" ];\n"
	                       "  clients = [ ]; }"),
	    ":3: agent.callers[0].clients: expected an array of 1 to 256 "
	    "strings, got 0");
	assert_refused(CALLERS("{ users = [ \"a\" ]; may = [ \"check\" ];\n"
	                       "  min_uid = 0; }"),
	    ":3: agent.callers[0].min_uid: expected an integer from 1 to "
	    "2147483647, got 0");
	assert_refused(CALLERS("{ users = [ \"a\" ]; may = [ \"check\" ];\n"
	                       "  maxttl = 60; }"),
	    ":3: agent.callers[0].maxttl: unknown key, did you mean "
	    "\"max_ttl\"?");
	assert_refused("agent = { listen = \"127.0.0.1:80\"; };\n",
	    ":1: agent.listen: expected unix:/path (at most 107 bytes), got "
	    "\"127.0.0.1:80\"");
	assert_refused("agent = { next_hosts = [ \"https://x\" ]; };\n",
	    ":1: agent.next_hosts: expected a host as URLs name it, such as "
	    "example.org or example.org:8443, got \"https://x\"");
}

#include "support/suite.h"
