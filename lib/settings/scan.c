#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "settings/table.h"
#include "settings/scan.h"

#define ALPHA "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"
#define HEX_DIGIT DIGIT "ABCDEFabcdef"
#define NAME_START ALPHA "*"
#define NAME_CHARS NAME_START DIGIT "-_"
#define NUMBER_START DIGIT "+-."
#define NUMBER_CHARS ALPHA DIGIT "+-._"
#define FLOAT_CHARS DIGIT "+-.eE"
/* A name and its dot or NUL at every depth. */
#define KEY_SIZE ((LK_SCAN_DEPTH_MAX + 1) * (LK_SCAN_NAME_MAX + 1))
#define DIGITS_OF_(number) #number
#define DIGITS_OF(number) DIGITS_OF_(number)

struct scan {
	const char *path;
	bool again; /* the text was scanned, and all of it is fit */
	struct lk_error *error;
	char *p; /* the next byte; the text ends with a NUL */
	int line;
	bool after_string; /* and nothing but filler since */
	size_t depth;
	char key[KEY_SIZE]; /* dotted path of the current setting */
	size_t start[LK_SCAN_DEPTH_MAX + 1]; /* of each depth's name in it */
};

/* `FILE:LINE: KEY: expected WANT, got GOT`; without the key if none yet. */
static enum lk_status
refuse(const struct scan *s, const char *want, const char *got)
{
	int len = (int)strlen(s->key);

	if (len > 0 && s->key[len - 1] == '.')
		len--;
	return (lk_fail(s->error, LK_E_SETTINGS,
	    "%s:%d: %.*s%sexpected %s, got %s", s->path, s->line,
	    len < 100 ? len : 100, s->key, len == 0 ? "" : ": ", want, got));
}

/* ---- What is skipped --------------------------------------------------- */

static enum lk_status
skip_block_comment(struct scan *s)
{
	int first = s->line;

	for (s->p += 2; *s->p != '\0'; s->p++) {
		if (s->p[0] == '*' && s->p[1] == '/') {
			s->p += 2;
			return (LK_OK);
		}
		if (*s->p == '\n')
			s->line++;
	}
	s->line = first;
	return (refuse(s, "the comment to end", "the end of the file"));
}

/* To its newline.  A lone carriage return looks like one, and is none. */
static enum lk_status
skip_line_comment(struct scan *s)
{
	s->p += strcspn(s->p, "\r\n");
	if (s->p[0] == '\r' && s->p[1] == '\n')
		s->p++;
	return (*s->p != '\r' ? LK_OK
	                      : refuse(s, "lines that end with a newline",
	                            "a carriage return in a comment"));
}

static enum lk_status
skip_escape(struct scan *s)
{
	const char *digits = s->p + 2;

	if (s->p[1] != '\0' && strchr("\"\\nrtf", s->p[1]) != NULL) {
		s->p += 2;
		return (LK_OK);
	}
	if ((s->p[1] == 'x' || s->p[1] == 'X') &&
	    strspn(digits, HEX_DIGIT) >= 2 &&
	    (digits[0] != '0' || digits[1] != '0')) {
		s->p += 4;
		return (LK_OK);
	}
	return (refuse(s, "one of \\\" \\\\ \\n \\r \\t \\f \\x01 to \\xff",
	    "another escape in the string"));
}

static enum lk_status
skip_string(struct scan *s)
{
	enum lk_status status = LK_FAULT;

	/* libconfig makes one string of both. */
	if (s->after_string)
		return (refuse(s, "a comma or a semicolon between two strings",
		    "none"));
	s->after_string = true;
	s->p++;
	for (;;) {
		s->p += strcspn(s->p, "\"\\\n");
		if (*s->p == '"') {
			s->p++;
			return (LK_OK);
		}
		if (*s->p != '\\')
			return (refuse(s, "the string to end on its line",
			    "the end of the line"));
		if ((status = skip_escape(s)) != LK_OK)
			return (status);
	}
}

/* ---- Keys -------------------------------------------------------------- */

static enum lk_status
take_name(struct scan *s)
{
	size_t len = strspn(s->p, NAME_CHARS);
	size_t start = s->start[s->depth];

	if (len > LK_SCAN_NAME_MAX)
		return (refuse(s,
		    "a name of at most " DIGITS_OF(LK_SCAN_NAME_MAX) " bytes",
		    "a longer one"));
	if ((len == 4 && strncasecmp(s->p, "true", len) == 0) ||
	    (len == 5 && strncasecmp(s->p, "false", len) == 0)) {
		s->p += len;
		return (LK_OK);
	}
	memcpy(s->key + start, s->p, len);
	s->key[start + len] = '\0';
	s->p += len;
	return (LK_OK);
}

/* Names inside a group follow its own, after a dot. */
static enum lk_status
descend(struct scan *s)
{
	size_t len = strlen(s->key);

	if (s->depth == LK_SCAN_DEPTH_MAX)
		return (refuse(s,
		    "groups, arrays and lists at most " DIGITS_OF(
		        LK_SCAN_DEPTH_MAX) " deep",
		    "deeper ones"));
	if (*s->p == '{' && len > 0 && s->key[len - 1] != '.')
		s->key[len++] = '.';
	s->key[len] = '\0';
	s->start[++s->depth] = len;
	s->p++;
	return (LK_OK);
}

static enum lk_status
ascend(struct scan *s)
{
	if (s->depth == 0)
		return (refuse(s, "a setting", "a closing bracket"));
	s->depth--;
	s->key[s->start[s->depth]] = '\0';
	s->p++;
	return (LK_OK);
}

/* ---- Numbers ----------------------------------------------------------- */

/* Write ${number} over the ${len} bytes of an octal literal that said so. */
static void
replace(char *literal, size_t len, long long number)
{
	char digits[32];

	(void)snprintf(digits, sizeof(digits), "%*lld", (int)len, number);
	memcpy(literal, digits, len);
}

static enum lk_status
refuse_number(const struct scan *s, const struct lk_setting *setting,
    const char *word)
{
	char want[LK_SETTING_TEXT_MAX] = "an integer of 32 bits";
	char got[LK_SETTING_TEXT_MAX];

	if (setting != NULL)
		lk_setting_want(setting, want);
	(void)snprintf(got, sizeof(got), "%.40s%s", word,
	    strlen(word) > 40 ? "..." : "");
	return (refuse(s, want, got));
}

/* A file mode: octal, which only a leading zero says. */
static enum lk_status
take_octal(struct scan *s, const struct lk_setting *setting, const char *word)
{
	size_t len = strlen(word);
	long long number;

	if (word[0] != '0' || strspn(word, "01234567") != len || len > 16)
		return (refuse_number(s, setting, word));
	number = strtoll(word, NULL, 8);
	if (number > setting->max)
		return (refuse_number(s, setting, word));
	replace(s->p, len, number);
	s->p += len;
	return (LK_OK);
}

/* Whether ${word} is an integer that every libconfig reads as the same. */
static bool
is_plain_integer(const char *word)
{
	bool hex = word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
	const char *digits = word + (hex ? 2 : 0);
	long long number;
	char *end;

	if (!hex && (*digits == '+' || *digits == '-'))
		digits++;
	if (strspn(digits, hex ? HEX_DIGIT : DIGIT) == 0 ||
	    (!hex && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9'))
		return (false);
	errno = 0;
	number = strtoll(word, &end, hex ? 16 : 10);
	if (errno != 0 || number < INT32_MIN || number > INT32_MAX)
		return (false);
	return (strcmp(end, "") == 0 || strcmp(end, "L") == 0 ||
	    strcmp(end, "LL") == 0);
}

/* No setting is one; libconfig reads it and its type is refused. */
static bool
is_float(const char *word)
{
	return (strspn(word, FLOAT_CHARS) == strlen(word) &&
	    strpbrk(word, DIGIT) != NULL && strpbrk(word, ".eE") != NULL);
}

static enum lk_status
take_number(struct scan *s)
{
	size_t len = strspn(s->p, NUMBER_CHARS);
	const struct lk_setting *setting = lk_setting_find(s->key);
	char word[64];

	(void)snprintf(word, sizeof(word), "%.*s",
	    (int)(len < sizeof(word) ? len : sizeof(word) - 1), s->p);
	if (setting != NULL && setting->type != LK_SETTING_INT)
		setting = NULL;
	if (len >= sizeof(word))
		return (refuse_number(s, setting, word));
	if (s->again) {
		s->p += len;
		return (LK_OK);
	}
	if (setting != NULL && setting->octal)
		return (take_octal(s, setting, word));
	if (!is_float(word) && !is_plain_integer(word))
		return (refuse_number(s, setting, word));
	s->p += len;
	return (LK_OK);
}

/* ---- Words ------------------------------------------------------------- */

static enum lk_status
refuse_byte(struct scan *s)
{
	unsigned int byte = (unsigned char)*s->p;
	char got[16];

	if (strncmp(s->p, "@include", 8) == 0)
		return (refuse(s, "no @include", "one"));
	(void)snprintf(got, sizeof(got),
	    byte > ' ' && byte < 0x7f ? "'%c'" : "byte 0x%02x", byte);
	return (refuse(s, "a setting", got));
}

static bool
is_one_of(char c, const char *set)
{
	return (c != '\0' && strchr(set, c) != NULL);
}

/* Space, comments and separators; LK_FAULT if the next byte is none. */
static enum lk_status
skip_filler(struct scan *s)
{
	if (*s->p == ';')
		s->key[s->start[s->depth]] = '\0';
	if (is_one_of(*s->p, "=:;,"))
		s->after_string = false;
	if (is_one_of(*s->p, " \t\r\f=:;,")) {
		s->p++;
		return (LK_OK);
	}
	if (*s->p == '\n') {
		s->line++;
		s->p++;
		return (LK_OK);
	}
	if (s->p[0] == '/' && s->p[1] == '*')
		return (skip_block_comment(s));
	if (*s->p == '#' || (s->p[0] == '/' && s->p[1] == '/'))
		return (skip_line_comment(s));
	return (LK_FAULT);
}

static enum lk_status
take_word(struct scan *s)
{
	enum lk_status status = skip_filler(s);

	if (status != LK_FAULT)
		return (status);
	if (*s->p == '"')
		return (skip_string(s));
	s->after_string = false;
	if (is_one_of(*s->p, NAME_START))
		return (take_name(s));
	if (is_one_of(*s->p, NUMBER_START))
		return (take_number(s));
	if (is_one_of(*s->p, "{[("))
		return (descend(s));
	if (is_one_of(*s->p, "}])"))
		return (ascend(s));
	return (refuse_byte(s));
}

/* What editors elsewhere put in front of a text. */
static enum lk_status
refuse_mark(struct scan *s)
{
	if (strncmp(s->p, "\xef\xbb\xbf", 3) != 0 &&
	    strncmp(s->p, "\xff\xfe", 2) != 0 &&
	    strncmp(s->p, "\xfe\xff", 2) != 0)
		return (LK_OK);
	return (refuse(s, "UTF-8 without a byte order mark",
	    "one at the start of the file"));
}

/* libconfig would take it for the end of the text. */
static enum lk_status
refuse_nul(struct scan *s, size_t len)
{
	const char *p, *nul = memchr(s->p, '\0', len);

	if (nul == NULL)
		return (LK_OK);
	for (p = s->p; p < nul; p++)
		s->line += *p == '\n';
	return (refuse(s, "text", "a NUL byte"));
}

enum lk_status
lk_settings_scan(const char *path, char *text, size_t len,
    struct lk_error *error)
{
	struct scan s = { .path = path, .error = error, .p = text, .line = 1 };
	enum lk_status status = refuse_mark(&s);

	if (status == LK_OK)
		status = refuse_nul(&s, len);
	while (status == LK_OK && s.p < text + len)
		status = take_word(&s);
	return (status);
}

void
lk_settings_scan_near(char *text, int line, char near[LK_SCAN_NEAR_SIZE])
{
	struct scan s = { .again = true, .p = text, .line = 1 };
	size_t len;

	near[0] = '\0';
	while (*s.p != '\0' && s.line <= line && take_word(&s) == LK_OK) {
		len = strlen(s.key);
		if (len > 0 && s.key[len - 1] != '.')
			(void)snprintf(near, LK_SCAN_NEAR_SIZE, "%.100s",
			    s.key);
	}
}
