/*
 * The grammar is one recursive descent over the text.  Every function of it
 * takes the scan at the first byte of its part and leaves it behind the last,
 * or returns false.  ${out} takes each token's bytes as they stand; commas,
 * colons, brackets and braces go the same way.
 *
 * A string is quoted here, without memory of its own, because the records of
 * cached users and of exports are written wherever the library runs, also
 * inside a PAM host, whose own functions may have the names of any other
 * library's.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/json.h"

/* The names of the objects that are open, as hashes, the innermost last. */
struct names {
	uint64_t *hash;
	size_t n;
	size_t room;
};

struct scan {
	const char *p;   /* next byte to read */
	const char *end; /* the byte behind the text */
	unsigned int depth;
	enum lk_json_bytes bytes;
	struct lk_buf *out; /* may be NULL */
	bool no_twins;      /* note names, to find twins by */
	struct names names;
	struct lk_json_wanted *wanted; /* of the outermost object */
	size_t n_wanted;
};

/* A part of the text, at its own bytes. */
struct slice {
	const char *p;
	size_t len;
};

/* ---- Characters ------------------------------------------------------- */

/* Read four hexadecimal digits. */
static bool
scan_hex4(struct scan *s, uint32_t *code)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *digit;
	int i;

	*code = 0;
	if (s->end - s->p < 4)
		return (false);
	for (i = 0; i < 4; i++, s->p++) {
		digit = memchr(digits, *s->p, sizeof(digits) - 1);
		if (digit == NULL)
			return (false);
		*code = *code << 4 | (uint32_t)((digit - digits) % 16);
	}
	return (true);
}

/*
 * Read what follows "\u": a character, or a pair of surrogates.  One of a
 * pair alone is no character; readers differ on it, so it is refused.
 */
static bool
scan_unicode(struct scan *s, uint32_t *code)
{
	uint32_t low;

	if (!scan_hex4(s, code))
		return (false);
	if (*code < 0xd800 || *code > 0xdfff)
		return (true);
	if (*code > 0xdbff || s->end - s->p < 2 || memcmp(s->p, "\\u", 2) != 0)
		return (false);
	s->p += 2;
	if (!scan_hex4(s, &low) || low < 0xdc00 || low > 0xdfff)
		return (false);
	*code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
	return (true);
}

/* Read one character of a string, escaped or not, as ${len} bytes. */
static bool
scan_char(struct scan *s, char text[LK_UTF8_MAX], size_t *len)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	size_t left = (size_t)(s->end - s->p);
	const char *escape;
	uint32_t code;

	if (left == 0 || (unsigned char)*s->p < 0x20)
		return (false);
	if (*s->p > 0 && *s->p < 0x7f && *s->p != '\\') {
		text[0] = *s->p++;
		*len = 1;
		return (true);
	}
	if (*s->p != '\\') {
		*len = lk_utf8_len(s->p, left);
		if (*len == 0 && s->bytes == LK_JSON_ANY_BYTES)
			*len = 1;
		memcpy(text, s->p, *len);
		s->p += *len;
		return (*len > 0);
	}
	if (left < 2)
		return (false);
	s->p += 2;
	if (s->p[-1] == 'u') {
		if (!scan_unicode(s, &code))
			return (false);
		*len = lk_utf8_put(code, text);
		return (true);
	}
	if ((escape = memchr(from, s->p[-1], sizeof(from) - 1)) == NULL)
		return (false);
	text[0] = to[escape - from];
	*len = 1;
	return (true);
}

/* ---- Tokens ----------------------------------------------------------- */

/* Append to the output what was read since ${start}. */
static void
emit(struct scan *s, const char *start)
{
	if (s->out != NULL)
		lk_buf_add(s->out, start, (size_t)(s->p - start));
}

static void
skip_space(struct scan *s)
{
	while (s->p < s->end &&
	    (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

/* Take ${mark} if it comes next. */
static bool
take(struct scan *s, char mark)
{
	if (s->p == s->end || *s->p != mark)
		return (false);
	s->p++;
	return (true);
}

/* The same for a mark between tokens, which is a token itself. */
static bool
take_mark(struct scan *s, char mark)
{
	skip_space(s);
	if (!take(s, mark))
		return (false);
	emit(s, s->p - 1);
	return (true);
}

/* Step over characters of a string that stand for themselves: ASCII. */
static void
skip_plain(struct scan *s)
{
	while (s->p < s->end && *s->p >= ' ' && *s->p < 0x7f && *s->p != '"' &&
	    *s->p != '\\')
		s->p++;
}

static bool
scan_string(struct scan *s)
{
	const char *start = s->p;
	char text[LK_UTF8_MAX];
	size_t len;

	if (!take(s, '"'))
		return (false);
	for (skip_plain(s); !take(s, '"'); skip_plain(s)) {
		if (!scan_char(s, text, &len))
			return (false);
	}
	emit(s, start);
	return (true);
}

/* One digit at least. */
static bool
scan_digits(struct scan *s)
{
	const char *start = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (s->p > start);
}

static bool
scan_number(struct scan *s)
{
	const char *start = s->p;

	(void)take(s, '-');
	if (!take(s, '0') && !scan_digits(s))
		return (false);
	if (take(s, '.') && !scan_digits(s))
		return (false);
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '+'))
			(void)take(s, '-');
		if (!scan_digits(s))
			return (false);
	}
	emit(s, start);
	return (true);
}

static bool
scan_literal(struct scan *s, const char *word)
{
	const char *start = s->p;
	size_t len = strlen(word);

	if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
		return (false);
	s->p += len;
	emit(s, start);
	return (true);
}

/* ---- Values ----------------------------------------------------------- */

static bool scan_value(struct scan *s);

/* A name, a colon and a value. */
static bool
scan_member(struct scan *s, struct slice *name, struct slice *value)
{
	skip_space(s);
	name->p = s->p;
	if (!scan_string(s))
		return (false);
	name->len = (size_t)(s->p - name->p);
	if (!take_mark(s, ':'))
		return (false);
	skip_space(s);
	value->p = s->p;
	if (!scan_value(s))
		return (false);
	value->len = (size_t)(s->p - value->p);
	return (true);
}

/* Whether the JSON string ${name} says ${text}. */
static bool
says(struct slice name, const char *text)
{
	struct scan s = { .p = name.p,
		.end = name.p + name.len,
		.bytes = LK_JSON_ANY_BYTES };
	char one[LK_UTF8_MAX];
	size_t n;

	if (memchr(name.p, '\\', name.len) == NULL)
		return (strlen(text) == name.len - 2 &&
		    memcmp(text, name.p + 1, name.len - 2) == 0);
	(void)take(&s, '"');
	while (!take(&s, '"')) {
		if (!scan_char(&s, one, &n) || one[0] == '\0' ||
		    strncmp(text, one, n) != 0)
			return (false);
		text += n;
	}
	return (*text == '\0');
}

/* Note ${value} if the member of that ${name} is looked for. */
static void
find_wanted(struct scan *s, struct slice name, struct slice value)
{
	size_t i;

	for (i = 0; i < s->n_wanted; i++) {
		if (!says(name, s->wanted[i].name))
			continue;
		s->wanted[i].value = value.p;
		s->wanted[i].len = value.len;
	}
}

/* FNV-1a of what the JSON string ${name} says, whatever its escapes. */
static uint64_t
hash_of(struct slice name)
{
	struct scan s = { .p = name.p + 1,
		.end = name.p + name.len,
		.bytes = LK_JSON_ANY_BYTES };
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	char one[LK_UTF8_MAX];
	size_t n, i;

	while (!take(&s, '"') && scan_char(&s, one, &n)) {
		for (i = 0; i < n; i++) {
			hash ^= (unsigned char)one[i];
			hash *= UINT64_C(0x100000001b3);
		}
	}
	return (hash);
}

static bool
note_name(struct scan *s, struct slice name)
{
	struct names *names = &s->names;
	uint64_t *more;
	size_t room;

	if (!s->no_twins)
		return (true);
	if (names->n == names->room) {
		room = names->room == 0 ? 64 : 2 * names->room;
		more = realloc(names->hash, room * sizeof(*more));
		if (more == NULL)
			return (false);
		names->hash = more;
		names->room = room;
	}
	names->hash[names->n++] = hash_of(name);
	return (true);
}

static int
compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y ? -1 : x > y);
}

/*
 * Whether two of the names from ${first} on are one, and forget them.  Names
 * that only share a hash are refused as well, and nobody has two by chance.
 */
static bool
has_twins(struct names *names, size_t first)
{
	bool twins = false;
	size_t i;

	if (names->n == first)
		return (false);
	qsort(names->hash + first, names->n - first, sizeof(*names->hash),
	    compare);
	for (i = first + 1; i < names->n; i++)
		twins = twins || names->hash[i - 1] == names->hash[i];
	names->n = first;
	return (twins);
}

static bool
scan_object(struct scan *s)
{
	const size_t first = s->names.n;
	struct slice name, value;

	if (take_mark(s, '}'))
		return (true);
	do {
		if (!scan_member(s, &name, &value) || !note_name(s, name))
			return (false);
		if (s->depth == 1)
			find_wanted(s, name, value);
	} while (take_mark(s, ','));
	return (take_mark(s, '}') && !has_twins(&s->names, first));
}

static bool
scan_array(struct scan *s)
{
	if (take_mark(s, ']'))
		return (true);
	do {
		if (!scan_value(s))
			return (false);
	} while (take_mark(s, ','));
	return (take_mark(s, ']'));
}

static bool
scan_nested(struct scan *s, bool (*scan)(struct scan *s))
{
	bool ok;

	if (s->depth == LK_JSON_DEPTH_MAX)
		return (false);
	s->depth++;
	ok = scan(s);
	s->depth--;
	return (ok);
}

static bool
scan_value(struct scan *s)
{
	if (take_mark(s, '{'))
		return (scan_nested(s, scan_object));
	if (take_mark(s, '['))
		return (scan_nested(s, scan_array));
	if (s->p == s->end)
		return (false);
	switch (*s->p) {
	case '"':
		return (scan_string(s));
	case 't':
		return (scan_literal(s, "true"));
	case 'f':
		return (scan_literal(s, "false"));
	case 'n':
		return (scan_literal(s, "null"));
	default:
		return (scan_number(s));
	}
}

/* ---- Whole texts ------------------------------------------------------ */

/* Whether the ${len} bytes at ${s} are one value, without twins. */
static bool
scan_all(struct scan *s, size_t len)
{
	bool ok = false;

	s->no_twins = true;
	if (len > 0) {
		s->end = s->p + len;
		ok = scan_value(s);
		skip_space(s);
	}
	free(s->names.hash);
	return (ok && s->p == s->end);
}

bool
lk_json_scan(const char *text, size_t len, enum lk_json_bytes bytes,
    struct lk_buf *out)
{
	struct scan s = { .p = text, .bytes = bytes, .out = out };

	return (scan_all(&s, len));
}

bool
lk_json_object(const char *text, size_t len, struct lk_json_wanted *wanted,
    size_t n)
{
	struct scan s = { .p = text, .wanted = wanted, .n_wanted = n };
	size_t i;

	for (i = 0; i < n; i++) {
		wanted[i].value = NULL;
		wanted[i].len = 0;
	}
	return (scan_all(&s, len) && text[strspn(text, " \t\r\n")] == '{');
}

bool
lk_json_text(const char *string, size_t len, char *text, size_t size)
{
	struct scan s = { .p = string, .bytes = LK_JSON_ANY_BYTES };
	const char *plain;
	char one[LK_UTF8_MAX];
	size_t used = 0, n;

	text[0] = '\0';
	if (len == 0)
		return (false);
	s.end = string + len;
	if (!take(&s, '"'))
		return (false);
	for (;;) {
		plain = s.p;
		skip_plain(&s);
		n = (size_t)(s.p - plain);
		if (n >= size - used)
			break;
		memcpy(text + used, plain, n);
		used += n;
		if (take(&s, '"')) {
			text[used] = '\0';
			return (true);
		}
		if (!scan_char(&s, one, &n) || one[0] == '\0' ||
		    n >= size - used)
			break;
		memcpy(text + used, one, n);
		used += n;
	}
	text[0] = '\0';
	return (false);
}

bool
lk_json_member(const char *text, size_t len, const char *name,
    const char **value, size_t *value_len)
{
	struct scan s = { .p = text, .bytes = LK_JSON_ANY_BYTES };
	struct slice this, that;

	*value = NULL;
	*value_len = 0;
	if (len == 0)
		return (false);
	s.end = text + len;
	if (!take_mark(&s, '{'))
		return (false);
	do {
		if (!scan_member(&s, &this, &that))
			return (false);
		if (says(this, name)) {
			*value = that.p;
			*value_len = that.len;
			return (true);
		}
	} while (take_mark(&s, ','));
	return (false);
}

bool
lk_json_pair(const char *text, size_t len, size_t *at, const char **name,
    size_t *name_len, const char **value, size_t *value_len)
{
	struct scan s = { .p = text, .bytes = LK_JSON_ANY_BYTES };
	struct slice this, that;

	*name = *value = NULL;
	*name_len = *value_len = 0;
	if (*at >= len)
		return (false);
	s.end = text + len;
	s.p = text + *at;
	/* An empty object has a brace where a name would stand. */
	if (!take_mark(&s, *at == 0 ? '{' : ',') ||
	    !scan_member(&s, &this, &that))
		return (false);
	*name = this.p;
	*name_len = this.len;
	*value = that.p;
	*value_len = that.len;
	*at = len - (size_t)(s.end - s.p);
	return (true);
}

bool
lk_json_element(const char *text, size_t len, size_t *at, const char **value,
    size_t *value_len)
{
	struct scan s = { .p = text, .bytes = LK_JSON_ANY_BYTES };

	*value = NULL;
	*value_len = 0;
	if (*at >= len)
		return (false);
	s.end = text + len;
	s.p = text + *at;
	if (!take_mark(&s, *at == 0 ? '[' : ','))
		return (false);
	skip_space(&s);
	text = s.p;
	/* An empty array has a bracket where a value would stand. */
	if (!scan_value(&s))
		return (false);
	*value = text;
	*value_len = (size_t)(s.p - text);
	*at = len - (size_t)(s.end - s.p);
	return (true);
}

/* ---- Quoting ----------------------------------------------------------- */

static void
quote(enum lk_escape how, const char *text, struct lk_buf *out)
{
	lk_buf_str(out, "\"");
	lk_escape(how, text, strlen(text), out);
	lk_buf_str(out, "\"");
}

void
lk_json_bytes(const char *text, struct lk_buf *out)
{
	quote(LK_ESCAPE_BYTES, text, out);
}

void
lk_json_string(const char *text, struct lk_buf *out)
{
	quote(LK_ESCAPE_JSON, text, out);
}

void
lk_json_shown(const char *text, struct lk_buf *out)
{
	/* What is hidden is in its strings, where an escape is the same. */
	lk_escape(LK_ESCAPE_LINE, text, strlen(text), out);
}

void
lk_json_compact(const char *text, size_t len, struct lk_buf *out)
{
	if (!lk_json_scan(text, len, LK_JSON_UTF8, out))
		out->failed = true;
}

/* ---- What a value is --------------------------------------------------- */

bool
lk_json_valid(const char *text, size_t len)
{
	return (lk_json_scan(text, len, LK_JSON_UTF8, NULL));
}

bool
lk_json_is_detail(const char *text, size_t len)
{
	size_t depth = 0, deepest = 0, i;
	bool quoted = false;

	if (len > LK_DETAIL_MAX || !lk_json_valid(text, len))
		return (false);
	for (i = 0; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '[' || text[i] == '{'))
			depth++;
		else if (!quoted && (text[i] == ']' || text[i] == '}'))
			depth--;
		deepest = depth > deepest ? depth : deepest;
	}
	return (deepest < LK_JSON_DEPTH_MAX);
}

bool
lk_json_is_object(const char *text, size_t len)
{
	return (lk_json_object(text, len, NULL, 0));
}
