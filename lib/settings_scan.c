#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "settings_scan.h"

/* The one key whose integers are octal. */
#define OCTAL_KEY "socket_mode"
/* Longest key that is remembered for messages. */
#define NAME_MAX_LEN 63
/* Longest number that is looked at, in characters. */
#define NUMBER_MAX_LEN 63

struct scan {
	const char *path;
	struct lk_error *error;
	char *p;   /* the text ends with a NUL */
	int line;
	int depth;
	char name[NAME_MAX_LEN + 1]; /* the last name seen */
};

static bool
is_name_char(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*');
}

static bool
is_digit(char c)
{
	return (c >= '0' && c <= '9');
}

static void
skip_line_comment(struct scan *s)
{
	while (*s->p != '\0' && *s->p != '\n')
		s->p++;
}

static void
skip_block_comment(struct scan *s)
{
	for (s->p += 2; *s->p != '\0'; s->p++) {
		if (*s->p == '\n')
			s->line++;
		if (s->p[0] == '*' && s->p[1] == '/') {
			s->p += 2;
			return;
		}
	}
}

static void
skip_string(struct scan *s)
{
	for (s->p++; *s->p != '\0' && *s->p != '"'; s->p++) {
		if (s->p[0] == '\\' && s->p[1] != '\0')
			s->p++;
		if (*s->p == '\n')
			s->line++;
	}
	if (*s->p == '"')
		s->p++;
}

/* Remember a word: the name of what a number may follow. */
static void
take_name(struct scan *s)
{
	size_t len = 0;

	while (is_name_char(*s->p)) {
		if (len < NAME_MAX_LEN)
			s->name[len++] = *s->p;
		s->p++;
	}
	s->name[len] = '\0';
}

/* Write an octal number's value over its digits. */
static enum lk_status
rewrite_octal(struct scan *s, size_t len)
{
	char number[NUMBER_MAX_LEN + 1], decimal[NUMBER_MAX_LEN + 1];
	char *end;
	long value;

	memcpy(number, s->p, len);
	number[len] = '\0';
	value = strtol(number, &end, 8);
	if (*end != '\0' || value > 07777)
		return (lk_fail(s->error, LK_E_SETTINGS,
		    "%s:%d: %s: expected octal digits, 0 to 0777", s->path,
		    s->line, s->name));
	/* In decimal it is never longer than in octal with its zero. */
	(void)snprintf(decimal, sizeof(decimal), "%ld", value);
	memset(s->p, ' ', len);
	memcpy(s->p, decimal, strlen(decimal));
	s->p += len;
	return (LK_OK);
}

/* An integer of ${len} characters at the scan's place. */
static enum lk_status
take_integer(struct scan *s, size_t len, bool is_long)
{
	char number[NUMBER_MAX_LEN + 1], *end;
	long long value;
	size_t sign = s->p[0] == '-' || s->p[0] == '+' ? 1 : 0;
	const bool hex = len > sign + 1 && s->p[sign] == '0' &&
	    (s->p[sign + 1] | 0x20) == 'x';

	if (len > NUMBER_MAX_LEN)
		goto too_large;
	if (!hex && len > sign + 1 && s->p[sign] == '0') {
		if (sign == 0 && !is_long && strcmp(s->name, OCTAL_KEY) == 0)
			return (rewrite_octal(s, len));
		return (lk_fail(s->error, LK_E_SETTINGS,
		    "%s:%d: %s: expected a number without a leading zero",
		    s->path, s->line, s->name));
	}
	memcpy(number, s->p, len);
	number[len] = '\0';
	errno = 0;
	value = strtoll(number, &end, hex ? 16 : 10);
	if (errno != 0 || *end != '\0' ||
	    (!is_long && (value < INT_MIN || value > INT_MAX)))
		goto too_large;
	s->p += len;
	return (LK_OK);
too_large:
	return (lk_fail(s->error, LK_E_SETTINGS,
	    "%s:%d: %s: expected a number from %d to %d, got one beyond",
	    s->path, s->line, s->name, INT_MIN, INT_MAX));
}

/* A number: an integer, or something with a point or an exponent. */
static enum lk_status
take_number(struct scan *s)
{
	size_t len = s->p[0] == '-' || s->p[0] == '+' ? 1 : 0;
	enum lk_status status = LK_FAULT;
	bool is_long;

	if (s->p[len] == '0' && (s->p[len + 1] | 0x20) == 'x') {
		len += 2;
		len += strspn(s->p + len, "0123456789abcdefABCDEF");
	} else {
		len += strspn(s->p + len, "0123456789");
		if (s->p[len] == '.' || (s->p[len] | 0x20) == 'e') {
			/* Not an integer: the reader refuses its type. */
			s->p += len;
			s->p += strspn(s->p, "0123456789.eE+-");
			return (LK_OK);
		}
	}
	is_long = s->p[len] == 'L';
	status = take_integer(s, len, is_long);
	while (status == LK_OK && *s->p == 'L')
		s->p++;
	return (status);
}

static enum lk_status
take_bracket(struct scan *s)
{
	if (strchr("{([", *s->p) != NULL)
		s->depth++;
	else
		s->depth--;
	s->p++;
	if (s->depth <= LK_SETTINGS_DEPTH_MAX)
		return (LK_OK);
	return (lk_fail(s->error, LK_E_SETTINGS,
	    "%s:%d: %s: expected at most %d groups in one another", s->path,
	    s->line, s->name, LK_SETTINGS_DEPTH_MAX));
}

/* The next token, whatever it is. */
static enum lk_status
take_token(struct scan *s)
{
	const char c = *s->p, next = s->p[1];

	if (c == '"')
		skip_string(s);
	else if (c == '#' || (c == '/' && next == '/'))
		skip_line_comment(s);
	else if (c == '/' && next == '*')
		skip_block_comment(s);
	else if (c == '@')
		return (lk_fail(s->error, LK_E_SETTINGS,
		    "%s:%d: expected no @include: settings are one file",
		    s->path, s->line));
	else if (is_digit(c) || ((c == '-' || c == '+') && is_digit(next)))
		return (take_number(s));
	else if (is_name_char(c))
		take_name(s);
	else if (strchr("{}()[]", c) != NULL)
		return (take_bracket(s));
	else {
		s->line += c == '\n';
		s->p++;
	}
	return (LK_OK);
}

enum lk_status
lk_settings_scan(const char *path, struct lk_buf *text, struct lk_error *error)
{
	struct scan s = { .path = path, .error = error, .line = 1 };
	enum lk_status status = LK_OK;
	const char *nul;

	if (text->len == 0)
		return (LK_OK);
	s.p = text->data;
	nul = memchr(text->data, '\0', text->len);
	while (status == LK_OK && *s.p != '\0')
		status = take_token(&s);
	if (status == LK_OK && nul != NULL)
		status = lk_fail(error, LK_E_SETTINGS,
		    "%s:%d: expected text, got a NUL byte", path, s.line);
	return (status);
}
