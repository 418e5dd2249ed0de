#include "support/test.h"
#include "settings/table.h"

/* Scan a copy of exactly ${len} bytes and a NUL; what becomes of it. */
static enum lk_status
scan(const char *text, size_t len, char **after, struct lk_error *error)
{
	char *copy = malloc(len + 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	copy[len] = '\0';
	error->text[0] = '\0';
	*after = copy;
	return (lk_settings_scan("/f", copy, len, error));
}

static void
assert_scan(const char *text, const char *want)
{
	struct lk_error error;
	char *after;

	assert_int_equal(scan(text, strlen(text), &after, &error), LK_OK);
	assert_string_equal(error.text, "");
	assert_string_equal(after, want);
	free(after);
}

static void
assert_refused(const char *text, const char *want)
{
	struct lk_error error;
	char *after;

	assert_int_equal(
	    scan(text, strlen(text), &after, &error), LK_E_SETTINGS);
	assert_string_equal(error.text, want);
	free(after);
}

static void
test_scan_ordinary_text_is_left_alone(void **state)
{
	static const char *const texts[] = { "", "\n", "# only\n", "a = 1;",
		"a : \"x\" b = [1, 2]; c = ( { d = true; }, FALSE );",
		"a=-5;b=+5;c=0;d=0x7fFFffff;e=-2147483648;f=2147483647L;",
		"a=-0; b=5LL; c = 0x10L; *name-_9 = 1;", "a\r\n=\f\t5",
		"a = 1.5; b = .5; c = 1e5; d = -1.5E-7; e = 5.;",
		"s = \"\\\" \\\\ \\n\\r\\t\\f \\x01 \\XfF } @include # /*\";",
		"# @include \"x\" 99999999999999 \"\na=1",
		"// @include \"x\" 99999999999999 \"\na=1",
		"/* @include \"x\"\n99999999999999 \" ** / **/a=1",
		"/**/a=1/*/ \"*/", "s = \"caf\xc3\xa9\"" };

	EACH(one, texts)
		assert_scan(*one, *one);
}

static void
test_scan_octal_mode_becomes_decimal_in_place(void **state)
{
	assert_scan("gate = { socket_mode = 0660; };",
	    "gate = { socket_mode =  432; };");
	assert_scan("gate:{threads=4,socket_mode:0777}x=1",
	    "gate:{threads=4,socket_mode: 511}x=1");
	assert_scan("gate = { socket_mode = /* 0111 */ 00600 # 0222\n; }",
	    "gate = { socket_mode = /* 0111 */   384 # 0222\n; }");
	assert_scan("gate = { socket_mode = 0 }", "gate = { socket_mode = 0 }");
}

static void
test_scan_mode_not_octal_is_refused(void **state)
{
	static const char *const numbers[] = { "660", "432", "0o660", "0x1b0",
		"0680", "01000", "07777", "-0660", "+0660", "0660L", "0660.0",
		"00000000000000000660" };
	char text[128], want[256];

	EACH(c, numbers) {
		(void)snprintf(text, sizeof(text),
		    "gate = {\n\tsocket_mode = %s;\n};\n", *c);
		(void)snprintf(want, sizeof(want),
		    "/f:2: gate.socket_mode: expected an octal number from 0 "
		    "to 0777 that starts with 0, got %s", *c);
		assert_refused(text, want);
	}
}

/* libconfig 1.5 reads 010 as ten, 1.7 as eight. */
static void
test_scan_leading_zero_elsewhere_is_refused(void **state)
{
	assert_refused("session = { ttl = 010; };",
	    "/f:1: session.ttl: expected an integer from 1 to 315360000, got "
	    "010");
	assert_refused("x = -010;",
	    "/f:1: x: expected an integer of 32 bits, got -010");
	/* The name alone does not make it a mode. */
	assert_refused("socket_mode = 0660;",
	    "/f:1: socket_mode: expected an integer of 32 bits, got 0660");
	assert_refused("gate = { x = { socket_mode = 0660; }; };",
	    "/f:1: gate.x.socket_mode: expected an integer of 32 bits, got "
	    "0660");
}

static void
test_scan_integer_that_does_not_fit_is_refused(void **state)
{
	static const char *const numbers[] = { "4294967296", "2147483648",
		"-2147483649", "0x80000000", "0xFFFFFFFF", "0x100000000",
		"4294967296L", "99999999999999999999999999",
		"-99999999999999999999LL", "0xFFFFFFFFFFFFFFFFFF" };
	char text[128], want[256];

	EACH(c, numbers) {
		(void)snprintf(text, sizeof(text),
		    "\n# one\nstore = { redis = {\n database = %s; }; };",
		    *c);
		(void)snprintf(want, sizeof(want),
		    "/f:4: store.redis.database: expected an integer from 0 "
		    "to 1000000, got %s", *c);
		assert_refused(text, want);
		(void)snprintf(text, sizeof(text), "a = [ 1,\n%s ];", *c);
		(void)snprintf(want, sizeof(want),
		    "/f:2: a: expected an integer of 32 bits, got %s", *c);
		assert_refused(text, want);
	}
}

static void
test_scan_word_that_is_no_number_is_refused(void **state)
{
	static const char *const words[] = { "5x", "0x", "0xg", "0b101", "1_0",
		"+", "-", ".", "1..x", "--5", "5true", "5LLL", "5l" };
	char text[128], want[256];

	EACH(c, words) {
		(void)snprintf(text, sizeof(text), "a = %s;", *c);
		(void)snprintf(want, sizeof(want),
		    "/f:1: a: expected an integer of 32 bits, got %s", *c);
		assert_refused(text, want);
	}
}

static void
test_scan_endless_number_is_cut_in_the_message(void **state)
{
	char text[4096] = "a = ";

	memset(text + 4, '9', sizeof(text) - 5);
	assert_refused(text,
	    "/f:1: a: expected an integer of 32 bits, got "
	    "9999999999999999999999999999999999999999...");
}

static void
test_scan_include_is_refused(void **state)
{
	static const char want[] = "/f:2: expected no @include, got one";
	static const char *const texts[] = { "\n@include \"x\"\n",
		"\n \t @include \"x\"\n", "/*\n*/@include \"x\"\n",
		"\n@include\"x\"", "\n@include_dir \"x\"" };

	EACH(c, texts)
		assert_refused(*c, want);
	assert_refused("gate = {\n @include \"x\"\n};",
	    "/f:2: gate: expected no @include, got one");
}

static void
test_scan_other_bytes_are_refused(void **state)
{
	assert_refused("a = 1; @x", "/f:1: expected a setting, got '@'");
	assert_refused("\n$", "/f:2: expected a setting, got '$'");
	assert_refused("/", "/f:1: expected a setting, got '/'");
	assert_refused("_a = 1", "/f:1: expected a setting, got '_'");
	assert_refused("\x01", "/f:1: expected a setting, got byte 0x01");
	assert_refused("\x7f", "/f:1: expected a setting, got byte 0x7f");
	assert_refused("\xef\xbb" "a = 1",
	    "/f:1: expected a setting, got byte 0xef");
}

/* libconfig says no more than "syntax error" to these. */
static void
test_scan_what_people_forget_is_named(void **state)
{
#define NO_VALUE "expected = and a value, or = { ... } for a group, got "
#define QUOTES "expected a value, with quotes if it is text, got a name"
	assert_refused("a.b = 1", "/f:1: a: " NO_VALUE "'.'");
	assert_refused("\na {\nb = 1; }", "/f:2: a: " NO_VALUE "'{'");
	assert_refused("a = { b 1; };", "/f:1: a.b: " NO_VALUE "'1'");
	assert_refused("a /* = */ \"x\";", "/f:1: a: " NO_VALUE "'\"'");
	assert_refused("a = { b; };", "/f:1: a.b: " NO_VALUE "';'");
	assert_refused("a = b;", "/f:1: a: " QUOTES);
	assert_refused("a : # c\nb;", "/f:2: a: " QUOTES);
	assert_refused("a = { b = truee; };", "/f:1: a.b: " QUOTES);
	assert_refused("a = ;", "/f:1: a: expected a value, got ';'");
	assert_refused("a = { b = }", "/f:1: a.b: expected a value, got '}'");
	assert_refused("a = [ { b = 1; } ];",
	    "/f:1: a: expected ( ) around groups and not [ ], got '{'");
	assert_refused("a = ( { b = 1; );",
	    "/f:1: a: expected '}', got ')'");
	assert_refused("a = [ 1, 2 );", "/f:1: a: expected ']', got ')'");
	assert_refused("a = ( 1, 2 };", "/f:1: a: expected ')', got '}'");
	assert_refused("a = {\n b = { c = 1;\n\n d = 2;\n};\n",
	    "/f:6: a: expected '}', got the end of the file");
	assert_refused("a = [ \"x\"",
	    "/f:1: a: expected ']', got the end of the file");
#undef NO_VALUE
#undef QUOTES
}

static void
test_scan_nul_byte_is_refused_wherever_it_is(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = { { "\0", 1 }, { "a = 1;\0", 7 }, { "a = 1;\0 b = 2;", 14 },
		{ "# x\0\n", 5 }, { "/* \0 */", 7 }, { "a = \"x\0y\";", 10 },
		{ "a = \"x\\\0\";", 10 }, { "a = 5\0000;", 8 } };
	struct lk_error error;
	char *after;

	EACH(c, cases) {
		assert_int_equal(scan(c->text, c->len, &after, &error),
		    LK_E_SETTINGS);
		assert_string_equal(
		    error.text, "/f:1: expected text, got a NUL byte");
		free(after);
	}
}

static void
test_scan_string_without_end_is_refused_on_its_line(void **state)
{
	static const char end[] =
	    "/f:2: a: expected the string to end on its line, got the end of "
	    "the line";

	assert_refused("\na = \"x;\nb = \"y\";\n", end);
	assert_refused("\na = \"x", end);
	assert_refused("\na = \"", end);
	assert_refused("\na = \"x\\\"\n", end);
}

static void
test_scan_unknown_escape_is_refused(void **state)
{
	static const char *const escapes[] = { "\\q", "\\x", "\\x4", "\\xg1",
		"\\x00", "\\0", "\\a", "\\\n", "\\" };
	char text[64];

	EACH(c, escapes) {
		(void)snprintf(text, sizeof(text), "a = \"%s", *c);
		assert_refused(text,
		    "/f:1: a: expected one of \\\" \\\\ \\n \\r \\t \\f \\x01 "
		    "to \\xff, got another escape in the string");
	}
}

static void
test_scan_comment_without_end_is_refused_where_it_begins(void **state)
{
	assert_refused("\n/* a\nb\n",
	    "/f:2: expected the comment to end, got the end of the file");
	assert_refused("/*/",
	    "/f:1: expected the comment to end, got the end of the file");
}

static void
test_scan_nesting_is_capped(void **state)
{
	static const char brackets[] = "{(", closing[] = "})";
	char text[5001], want[256];
	size_t i;

	for (i = 0; i < 2; i++) {
		memset(text, 0, sizeof(text));
		memset(text, brackets[i], LK_SCAN_DEPTH_MAX);
		memset(text + LK_SCAN_DEPTH_MAX, closing[i], LK_SCAN_DEPTH_MAX);
		assert_scan(text, text);
		memset(text, brackets[i], sizeof(text) - 1);
		(void)snprintf(want, sizeof(want),
		    "/f:1: expected groups, arrays and lists at most 16 deep, "
		    "got deeper ones");
		assert_refused(text, want);
	}
	assert_refused("a = 1;\n}",
	    "/f:2: expected a setting, got a closing bracket");
}

static void
test_scan_longest_key_at_every_depth_fits(void **state)
{
	char name[LK_SCAN_NAME_MAX + 1], text[4096] = "", want[512];
	size_t i, len = 0;

	memset(name, 'n', LK_SCAN_NAME_MAX);
	name[LK_SCAN_NAME_MAX] = '\0';
	for (i = 0; i < LK_SCAN_DEPTH_MAX; i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%s={", name);
	len += (size_t)snprintf(text + len, sizeof(text) - len, "%s=1", name);
	memset(text + len, '}', LK_SCAN_DEPTH_MAX);
	assert_scan(text, text);
	(void)snprintf(text, sizeof(text), "%sn = 1", name);
	assert_refused(text,
	    "/f:1: expected a name of at most 64 bytes, got a longer one");
	(void)snprintf(want, sizeof(want),
	    "/f:1: %s: expected an integer of 32 bits, got 5x", name);
	(void)snprintf(text, sizeof(text), "%s = 5x", name);
	assert_refused(text, want);
}

static void
test_scan_key_follows_groups_and_lists(void **state)
{
	static const struct {
		const char *text, *key;
	} cases[] = {
		{ "a = { b = 1; c = ?", "a.c" },
		{ "a = { b = { c = 1; }; d = ?", "a.d" },
		{ "a = { b = { c = 1; }; ?", "a" },
		{ "a = { b = 1; }; ?", "" },
		{ "a = ( { b = ?", "a.b" },
		{ "a = ( { b = 1; }, { c = ?", "a.c" },
		{ "a = ( { b = 1; }, ?", "a" },
		{ "a = [ true, ?", "a" },
		{ "a = [ 1 ]; b = ?", "b" },
		{ "a = true ?", "a" },
		{ "a = true; ?", "" },
		{ "a = { b = 1; ?", "a" },
		{ "a : { b = { c = ?", "a.b.c" },
		{ "trueish = ?", "trueish" },
	};
	char want[128];

	EACH(one, cases) {
		(void)snprintf(want, sizeof(want),
		    "/f:1: %s%sexpected a setting, got '?'", one->key,
		    one->key[0] == '\0' ? "" : ": ");
		assert_refused(one->text, want);
	}
}

#define NO_COMMA "expected a comma or a semicolon between two strings, got " \
	"none"

/* libconfig makes one string of them. */
static void
test_scan_adjacent_strings_are_refused(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "m = [ \"GET\" \"POST\" ];", "/f:1: m: " NO_COMMA },
		{ "m = [ \"GET\"\"POST\" ];", "/f:1: m: " NO_COMMA },
		{ "m = [\n\"GET\"\n\"POST\" ];", "/f:3: m: " NO_COMMA },
		{ "m = [ \"a\", \"GET\" # x,\n \"POST\" ];",
		    "/f:2: m: " NO_COMMA },
		{ "m = [ \"GET\" /* , */ \"POST\" ];", "/f:1: m: " NO_COMMA },
		{ "m = [ \"GET\" // ,\n\r\t\f \"POST\" ];",
		    "/f:2: m: " NO_COMMA },
		{ "a = { b = \"x\" \"y\"; };", "/f:1: a.b: " NO_COMMA },
		{ "a = ( { b = \"x\" }, \"y\" \"\" );", "/f:1: a: " NO_COMMA },
	};

	EACH(c, cases)
		assert_refused(c->text, c->want);
}

static void
test_scan_byte_order_mark_is_named(void **state)
{
	assert_refused("\xef\xbb\xbf" "a", "/f:1: expected UTF-8 without a "
	    "byte order mark, got one at the start of the file");
	assert_refused("\xff\xfe" "a", "/f:1: expected UTF-8 without a "
	    "byte order mark, got one at the start of the file");
}

/* Some editors show two lines; the second would be part of the comment. */
static void
test_scan_comment_that_hides_a_line_is_refused(void **state)
{
	static const char want[] = "/f:1: expected lines that end with a "
	                           "newline, got a carriage return in a "
	                           "comment";
	static const char ends[] = "# c\r\na = 1; // d\r\n/* e\rf */\r\n";

	assert_refused("# c\ra = 1;", want);
	assert_refused("// c\ra = 1;\n", want);
	assert_refused("# c\r\r\na = 1;\r\n", want);
	assert_scan(ends, ends);
}

#include "support/suite.h"
