/*
 * A look at the text of a settings file before libconfig sees it.
 *
 * libconfig 1.5 reads 4294967296 as 0 and 0660 as 660, later versions read
 * 0660 as 432; all of them follow @include and descend as deep as the text
 * says.  This scanner knows the same words and refuses whatever it does not
 * know, so that nothing reaches libconfig that the two could read apart.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "settings/table.h"

#define ALPHA "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"
#define HEX_DIGIT DIGIT "ABCDEFabcdef"
#define NAME_START ALPHA "*"
#define NUMBER_START DIGIT "+-."
#define FLOAT_CHARS DIGIT "+-.eE"
/* A name and its dot or NUL at every depth. */
#define KEY_SIZE ((LK_SCAN_DEPTH_MAX + 1) * (LK_SCAN_NAME_MAX + 1))

struct scan {
	const char *path;
	bool again; /* the text was scanned, and all of it is fit */
	struct lk_error *error;
	char *p; /* the next byte; the text ends with a NUL */
	int line;
	char last; /* how the word before began; a stands for any name */
	size_t depth;
	char close[LK_SCAN_DEPTH_MAX + 1]; /* what ends each depth, or NUL */
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

static enum lk_status
refuse_byte(const struct scan *s)
{
	unsigned int byte = (unsigned char)*s->p;
	char got[16];

	if (strncmp(s->p, "@include", 8) == 0)
		return (refuse(s, "no @include", "one"));
	(void)snprintf(got, sizeof(got),
	    byte > ' ' && byte < 0x7f ? "'%c'" : "byte 0x%02x", byte);
	return (refuse(s, "a setting", got));
}

/* ---- Comments and strings ---------------------------------------------- */

static enum lk_status
skip_block_comment(struct scan *s)
{
	const char *end = strstr(s->p + 2, "*/");

	if (end == NULL)
		return (refuse(s, "the comment to end", "the end of the file"));
	for (; s->p < end + 2; s->p++)
		s->line += *s->p == '\n';
	return (LK_OK);
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

/* How long the escape at ${p} is; 0 if libconfig knows no such one. */
static size_t
escape_len(const char *p)
{
	if (p[1] != '\0' && strchr("\"\\nrtf", p[1]) != NULL)
		return (2);
	return ((p[1] == 'x' || p[1] == 'X') && strspn(p + 2, HEX_DIGIT) >= 2 &&
	            strncmp(p + 2, "00", 2) != 0
	        ? 4
	        : 0);
}

static enum lk_status
skip_string(struct scan *s)
{
	size_t len;

	/* libconfig makes one string of both. */
	if (s->last == '"')
		return (refuse(s, "a comma or a semicolon between two strings",
		    "none"));
	s->last = '"';
	for (s->p++;; s->p += len) {
		s->p += strcspn(s->p, "\"\\\n");
		if (*s->p == '"')
			break;
		if (*s->p != '\\')
			return (refuse(s, "the string to end on its line",
			    "the end of the line"));
		if ((len = escape_len(s->p)) == 0)
			return (refuse(s,
			    "one of \\\" \\\\ \\n \\r \\t \\f \\x01 to \\xff",
			    "another escape in the string"));
	}
	s->p++;
	return (LK_OK);
}

/* ---- Keys -------------------------------------------------------------- */

/* Whatever the locale of a host says. */
static bool
is_letter_or_digit(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9'));
}

/*
 * How many letters, digits and ${others} are at ${p}.  Of so many characters
 * strspn() makes a table, for each word.
 */
static size_t
word_len(const char *p, const char *others)
{
	size_t len = 0;

	while (is_letter_or_digit(p[len]) ||
	    (p[len] != '\0' && strchr(others, p[len]) != NULL))
		len++;
	return (len);
}

static enum lk_status
take_name(struct scan *s)
{
	size_t len = word_len(s->p, "*-_");
	size_t start = s->start[s->depth];

	if (len > LK_SCAN_NAME_MAX)
		return (refuse(s,
		    "a name of at most " LK_DIGITS_OF(
		        LK_SCAN_NAME_MAX) " bytes",
		    "a longer one"));
	if ((len == 4 && strncasecmp(s->p, "true", len) == 0) ||
	    (len == 5 && strncasecmp(s->p, "false", len) == 0)) {
		s->p += len;
		s->last = 't';
		return (LK_OK);
	}
	if (s->last == '=')
		return (
		    refuse(s, "a value, with quotes if it is text", "a name"));
	s->last = 'a';
	memcpy(s->key + start, s->p, len);
	s->key[start + len] = '\0';
	s->p += len;
	return (LK_OK);
}

static char
closing(char opening)
{
	switch (opening) {
	case '{':
		return ('}');
	case '[':
		return (']');
	default:
		return (')');
	}
}

/* Names inside a group follow its own, after a dot. */
static enum lk_status
descend(struct scan *s)
{
	size_t len = strlen(s->key);

	if (s->depth == LK_SCAN_DEPTH_MAX)
		return (refuse(s,
		    "groups, arrays and lists at most " LK_DIGITS_OF(
		        LK_SCAN_DEPTH_MAX) " deep",
		    "deeper ones"));
	if (*s->p == '{' && len > 0 && s->key[len - 1] != '.')
		s->key[len++] = '.';
	s->key[len] = '\0';
	s->start[++s->depth] = len;
	s->close[s->depth] = closing(*s->p);
	s->p++;
	return (LK_OK);
}

/* ---- Numbers ----------------------------------------------------------- */

/* A file mode: octal, which only a leading zero says. */
static bool
is_mode(const char *word, long long max)
{
	const size_t len = strlen(word);

	return (word[0] == '0' && strspn(word, "01234567") == len &&
	    len <= 16 && strtoll(word, NULL, 8) <= max);
}

/* Whether ${word} is an integer that every libconfig reads as the same. */
static bool
is_integer(const char *word)
{
	const bool hex = strncasecmp(word, "0x", 2) == 0;
	const char *digits = word + strspn(word, "+-");
	long long number;
	char *end;

	if (!hex && digits[0] == '0' && strspn(digits, DIGIT) > 1)
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
	const struct lk_setting *setting = lk_setting_find(s->key);
	char want[LK_SETTING_TEXT_MAX] = "an integer of 32 bits", got[64];
	const size_t len = word_len(s->p, "+-._");
	char word[64], *at = s->p;
	size_t kept = len < sizeof(word) ? len : sizeof(word) - 1;

	s->p += len;
	if (s->again)
		return (LK_OK);
	memcpy(word, at, kept);
	word[kept] = '\0';
	if (setting != NULL && setting->octal && is_mode(word, setting->max)) {
		/* In place: a decimal number is no longer. */
		(void)snprintf(got, sizeof(got), "%*lld", (int)len,
		    strtoll(word, NULL, 8));
		memcpy(at, got, len);
		return (LK_OK);
	}
	if (len < sizeof(word) && (setting == NULL || !setting->octal) &&
	    (is_float(word) || is_integer(word)))
		return (LK_OK);
	if (setting != NULL && setting->type == LK_SETTING_INT)
		lk_setting_want(setting, want);
	(void)snprintf(got, sizeof(got), "%.40s%s", word,
	    strlen(word) > 40 ? "..." : "");
	return (refuse(s, want, got));
}

/* ---- Words ------------------------------------------------------------- */

/*
 * That the word at hand may follow the one before it.  libconfig would say
 * "syntax error" to what people forget most often, and no more.
 */
static enum lk_status
check_order(const struct scan *s)
{
	const char close = s->close[s->depth];
	char got[] = "'?'", want[] = "'?'";

	got[1] = *s->p;
	want[1] = close;
	if (s->last == 'a' && *s->p != '=' && *s->p != ':')
		return (
		    refuse(s, "= and a value, or = { ... } for a group", got));
	if (s->last == '=' && strchr(";,}])", *s->p) != NULL)
		return (refuse(s, "a value", got));
	if (close == ']' && strchr("{[(", *s->p) != NULL)
		return (refuse(s, "( ) around groups and not [ ]", got));
	if (strchr("}])", *s->p) != NULL && close != '\0' && *s->p != close)
		return (refuse(s, want, got));
	return (LK_OK);
}

static enum lk_status
take_word(struct scan *s)
{
	enum lk_status status;

	switch (*s->p) {
	case '\n':
		s->line++;
		s->p++;
		return (LK_OK);
	case ' ':
	case '\t':
	case '\r':
	case '\f':
		s->p++;
		return (LK_OK);
	case '#':
		return (skip_line_comment(s));
	case '/':
		return (s->p[1] == '*'   ? skip_block_comment(s)
		        : s->p[1] == '/' ? skip_line_comment(s)
		                         : refuse_byte(s));
	default:
		break;
	}
	if ((status = check_order(s)) != LK_OK)
		return (status);
	if (*s->p == '"')
		return (skip_string(s));
	if (strchr(NAME_START, *s->p) != NULL && *s->p != '\0')
		return (take_name(s));
	s->last = *s->p;
	if (s->last == ':')
		s->last = '=';
	switch (*s->p) {
	case ';':
	case '}':
	case ']':
	case ')':
		if (*s->p != ';' && s->depth-- == 0)
			return (refuse(s, "a setting", "a closing bracket"));
		s->key[s->start[s->depth]] = '\0';
		s->p++;
		return (LK_OK);
	case '=':
	case ':':
	case ',':
		s->p++;
		return (LK_OK);
	case '{':
	case '[':
	case '(':
		return (descend(s));
	case '\0':
		return (refuse_byte(s));
	default:
		return (strchr(NUMBER_START, *s->p) != NULL ? take_number(s)
		                                            : refuse_byte(s));
	}
}

enum lk_status
lk_settings_scan(const char *path, char *text, size_t len,
    struct lk_error *error)
{
	struct scan s = { .path = path, .error = error, .p = text, .line = 1 };
	const char *nul = memchr(text, '\0', len);
	enum lk_status status = LK_OK;
	char want[] = "'?'";

	/* What editors elsewhere put in front of a text. */
	if (strncmp(text, "\xef\xbb\xbf", 3) == 0 ||
	    strncmp(text, "\xff\xfe", 2) == 0 ||
	    strncmp(text, "\xfe\xff", 2) == 0)
		return (refuse(&s, "UTF-8 without a byte order mark",
		    "one at the start of the file"));
	/* libconfig would take it for the end of the text. */
	if (nul != NULL) {
		for (; s.p < nul; s.p++)
			s.line += *s.p == '\n';
		return (refuse(&s, "text", "a NUL byte"));
	}
	while (status == LK_OK && s.p < text + len)
		status = take_word(&s);
	if (status == LK_OK && s.depth > 0) {
		s.key[s.start[s.depth]] = '\0';
		want[1] = s.close[s.depth];
		return (refuse(&s, want, "the end of the file"));
	}
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
