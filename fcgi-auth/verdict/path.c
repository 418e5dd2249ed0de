#include <string.h>
#include <strings.h>

#include "base/escape.h"
#include "verdict/path.h"

static const char too_long[] = "The path is too long.";

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (-1);
}

/* The byte that %XX stands for; -1 if it is no escape. */
static int
escaped_byte(const char *escape)
{
	int high = hex_digit(escape[1]);
	int low = high < 0 ? -1 : hex_digit(escape[2]);

	return (low < 0 ? -1 : high * 16 + low);
}

/* The path and query of a request target; NULL if it is neither form. */
static const char *
skip_authority(const char *uri)
{
	static const char *const schemes[] = { "http://", "https://" };
	size_t i, len;

	if (uri[0] == '/')
		return (uri);
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		len = strlen(schemes[i]);
		if (strncasecmp(uri, schemes[i], len) != 0)
			continue;
		uri += len;
		len = strcspn(uri, "/?#\\");
		if (len == 0 || uri[len] == '#' || uri[len] == '\\' ||
		    memchr(uri, '%', len) != NULL)
			return (NULL);
		return (uri[len] == '/' ? uri + len : "/");
	}
	return (NULL);
}

/* ---- Decoding ---------------------------------------------------------- */

static const char *
refuse_byte(int byte, bool escaped)
{
	if (byte < 0)
		return ("The path has a % that is no escape.");
	if (lk_is_control((char)byte))
		return ("The path has a control character.");
	if (byte == '\\')
		return ("The path has a backslash.");
	if (byte == '#' && !escaped)
		return ("The path has a fragment.");
	return (NULL);
}

static void
add(struct gate_decoded *to, int byte, unsigned char level)
{
	to->text[to->len] = (char)byte;
	to->level[to->len++] = level;
	to->text[to->len] = '\0';
}

/* Decode all of ${raw} up to its query. */
static const char *
decode(const char *raw, struct gate_decoded *once)
{
	size_t raw_len = strcspn(raw, "?"), i;
	const char *why;
	bool escaped;
	int byte;

	if (raw_len > GATE_PATH_MAX)
		return (too_long);
	for (i = 0; i < raw_len; i += escaped ? 3 : 1) {
		escaped = raw[i] == '%';
		byte = escaped ? escaped_byte(raw + i) : (unsigned char)raw[i];
		if ((why = refuse_byte(byte, escaped)) != NULL)
			return (why);
		add(once, byte, escaped);
	}
	return (NULL);
}

/* Decode it once more; a % that is no escape by now is one of the text. */
static const char *
decode_again(const struct gate_decoded *once, struct gate_decoded *twice)
{
	const char *why;
	int byte;
	size_t i;

	for (i = 0; i < once->len; i++) {
		byte = once->text[i] == '%' ? escaped_byte(once->text + i) : -1;
		if (byte < 0) {
			add(twice, once->text[i], once->level[i]);
			continue;
		}
		if ((why = refuse_byte(byte, true)) != NULL)
			return (why);
		add(twice, byte, 2);
		i += 2;
	}
	for (i = 0; i < twice->len; i++) {
		if (twice->text[i] == '%' && escaped_byte(twice->text + i) >= 0)
			return ("The path is encoded over and over.");
	}
	return (NULL);
}

/*
 * Whether the text has a sequence of UTF-8 that starts as only one that is
 * longer than it need be does (RFC 3629, section 3).
 */
static bool
has_overlong(const char *text)
{
	unsigned char byte, next;

	for (; *text != '\0'; text++) {
		byte = (unsigned char)text[0];
		next = (unsigned char)text[1];
		if (byte == 0xc0 || byte == 0xc1 ||
		    (byte == 0xe0 && next >= 0x80 && next < 0xa0) ||
		    (byte == 0xf0 && next >= 0x80 && next < 0x90))
			return (true);
	}
	return (false);
}

/* ---- What is odd about it ---------------------------------------------- */

/* Whether a segment may end at byte ${i}, in some reading. */
static bool
may_end(const struct gate_decoded *d, size_t i)
{
	return (i == d->len || strchr("/;?#", d->text[i]) != NULL);
}

/* Whether there is a `.` or `..` segment, in any reading. */
static bool
has_dots(const struct gate_decoded *d)
{
	size_t i, dots;

	for (i = 0; i < d->len; i++) {
		if (d->text[i] != '/')
			continue;
		dots = strspn(d->text + i + 1, ".");
		if ((dots == 1 || dots == 2) && may_end(d, i + 1 + dots))
			return (true);
	}
	return (false);
}

static const char *
examine(struct gate_target *target)
{
	const struct gate_decoded *once = &target->once;
	const struct gate_decoded *twice = &target->twice;
	size_t i;

	if (has_overlong(once->text) || has_overlong(twice->text))
		return ("The path has overlong UTF-8.");
	if (has_dots(twice))
		return ("The path has a segment of dots.");
	target->params = strchr(twice->text, ';') != NULL;
	target->again = twice->len != once->len ||
	    strpbrk(once->text, "?#") != NULL;
	for (i = 0; i < twice->len; i++) {
		if (twice->text[i] == '/' && twice->level[i] > 0)
			target->slashes = true;
	}
	if (target->params && (target->slashes || target->again))
		return ("The path has parameters beside encoded characters.");
	target->odd = target->params || target->slashes || target->again ||
	    strstr(once->text, "//") != NULL;
	return (NULL);
}

/* ---- One reading ------------------------------------------------------- */

/* What becomes of a `;` and of what follows it in its segment. */
enum params { PARAMS_KEPT, PARAMS_GONE, PARAMS_RAW_GONE, PARAMS_COUNT };

/* What becomes of slashes in a row, and of the last one. */
enum slashes {
	SLASHES_MERGED,
	SLASHES_KEPT,
	SLASHES_CUT,
	SLASHES_AUTHORITY,
	SLASHES_COUNT
};

/* Up to which level a slash parts segments. */
static const unsigned char parting[] = { 1, 0, 2 };
#define PARTING_COUNT (sizeof(parting) / sizeof(parting[0]))

/* A way to read a target; the first one is the usual. */
struct manner {
	enum slashes slashes;
	enum params params;
	unsigned char parting;
	bool again;
};

#define MANNER_COUNT (2 * PARTING_COUNT * PARAMS_COUNT * SLASHES_COUNT)

static struct manner
manner_of(unsigned int i)
{
	struct manner m;

	m.slashes = (enum slashes)(i % SLASHES_COUNT);
	i /= SLASHES_COUNT;
	m.params = (enum params)(i % PARAMS_COUNT);
	i /= PARAMS_COUNT;
	m.parting = parting[i % PARTING_COUNT];
	m.again = i / PARTING_COUNT > 0;
	return (m);
}

/* Whether reading the target this way can make a difference; the usual way,
 * which is the first, always can, and if nothing is odd no other. */
static bool
is_of_use(const struct gate_target *target, const struct manner *m)
{
	if (m->again && !target->again)
		return (false);
	if (m->params != PARAMS_KEPT && !target->params)
		return (false);
	return (m->parting == parting[0] || target->slashes);
}

static bool
parts(const struct gate_decoded *d, size_t i, const struct manner *m)
{
	return (d->text[i] == '/' && d->level[i] <= m->parting);
}

static bool
starts_params(const struct gate_decoded *d, size_t i, const struct manner *m)
{
	return (d->text[i] == ';' &&
	    (m->params == PARAMS_GONE ||
	        (m->params == PARAMS_RAW_GONE && d->level[i] == 0)));
}

/* Where it ends: decoded again, it was a target with a query of its own. */
static size_t
end_of(const struct gate_decoded *d, const struct manner *m)
{
	size_t i = 0;

	while (i < d->len &&
	    !(m->again && d->level[i] == 1 && strchr("?#", d->text[i]) != NULL))
		i++;
	return (i);
}

/* Put the path together, slashes in a row as they are. */
static void
compose(const struct gate_target *target, const struct manner *m,
    struct gate_path *path)
{
	const struct gate_decoded *d = m->again
	    ? &target->twice
	    : &target->once;
	size_t i, end = end_of(d, m);
	bool skipping = false;

	path->len = 0;
	for (i = 0; i < end; i++) {
		if (parts(d, i, m))
			skipping = false;
		else if (starts_params(d, i, m))
			skipping = true;
		if (skipping)
			continue;
		path->text[path->len] = d->text[i];
		if (d->text[i] == '/' && !parts(d, i, m))
			path->text[path->len] = GATE_PATH_SLASH;
		path->len++;
	}
	path->text[path->len] = '\0';
}

/* Drop what is no more than an authority to some: `//` and a segment. */
static void
drop_authority(struct gate_path *path)
{
	size_t skip = strspn(path->text, "/");

	if (skip < 2)
		return;
	skip += strcspn(path->text + skip, "/");
	path->len -= skip;
	memmove(path->text, path->text + skip, path->len + 1);
}

static void
fold(enum slashes slashes, struct gate_path *path)
{
	size_t i, len;

	if (slashes == SLASHES_AUTHORITY)
		drop_authority(path);
	if (slashes != SLASHES_KEPT) {
		len = path->len;
		path->len = 0;
		for (i = 0; i < len; i++) {
			if (path->text[i] != '/' || path->len == 0 ||
			    path->text[path->len - 1] != '/')
				path->text[path->len++] = path->text[i];
		}
	}
	if (slashes == SLASHES_CUT && path->len > 1 &&
	    path->text[path->len - 1] == '/')
		path->len--;
	if (path->len == 0)
		path->text[path->len++] = '/';
	path->text[path->len] = '\0';
}

/* ---- Reading a target, and the next reading ------------------------------ */

bool
gate_target_next(struct gate_target *target, struct gate_path *path)
{
	const unsigned int count = target->odd ? MANNER_COUNT : 1;
	struct manner m;

	while (target->next < count) {
		m = manner_of(target->next++);
		if (!is_of_use(target, &m))
			continue;
		compose(target, &m, path);
		fold(m.slashes, path);
		return (true);
	}
	return (false);
}

const char *
gate_target_read(const char *uri, struct gate_target *target,
    struct gate_path *path)
{
	const char *why, *raw = skip_authority(uri);

	target->once.len = target->twice.len = 0;
	target->params = target->slashes = target->again = target->odd = false;
	target->next = 0;
	path->len = 0;
	path->text[0] = '\0';
	if (raw == NULL)
		return ("What is requested is no path.");
	if ((why = decode(raw, &target->once)) == NULL &&
	    (why = decode_again(&target->once, &target->twice)) == NULL &&
	    (why = examine(target)) == NULL)
		(void)gate_target_next(target, path);
	return (why);
}
