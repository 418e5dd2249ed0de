#include <string.h>
#include <strings.h>

#include "path.h"

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
		if (len == 0 || uri[len] == '#' || uri[len] == '\\')
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
	if (byte < 0x20 || byte == 0x7f)
		return ("The path has a control character.");
	if (byte == '\\')
		return ("The path has a backslash.");
	if (byte == '/' && escaped)
		return ("The path has an encoded slash.");
	if (byte == '#' && !escaped)
		return ("The path has a fragment.");
	return (NULL);
}

/*
 * Decode all of ${raw} up to its query.  The slashes of the result are those
 * of ${raw}, since no other one is accepted.
 */
static const char *
decode(const char *raw, struct gate_path *path)
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
		path->has_params = path->has_params || byte == ';';
		path->text[path->len++] = (char)byte;
	}
	path->text[path->len] = '\0';
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

/* ---- Segments ---------------------------------------------------------- */

/* A walk over the segments of a path, which puts together another one. */
struct walk {
	struct gate_path *path;
	bool doubled;   /* there were slashes in a row */
	bool directory; /* what was read so far ends with a slash */
};

static const char *
go_up(struct walk *walk)
{
	struct gate_path *path = walk->path;

	if (walk->doubled)
		return ("The path goes up behind slashes in a row.");
	if (path->len == 0)
		return ("The path goes above the root.");
	while (path->text[--path->len] != '/')
		;
	walk->directory = true;
	return (NULL);
}

static const char *
take_segment(struct walk *walk, const char *segment, size_t len, bool last)
{
	struct gate_path *path = walk->path;

	if (len == 0) {
		walk->doubled = walk->doubled || !last;
		walk->directory = true;
		return (NULL);
	}
	if (len == 1 && segment[0] == '.') {
		walk->directory = true;
		return (NULL);
	}
	if (len == 2 && segment[0] == '.' && segment[1] == '.')
		return (go_up(walk));
	path->text[path->len++] = '/';
	memmove(path->text + path->len, segment, len);
	path->len += len;
	walk->directory = false;
	return (NULL);
}

/* The length of a segment, as far as it counts. */
static size_t
length_of(const char *segment, size_t len, bool bare)
{
	const char *params = bare ? memchr(segment, ';', len) : NULL;

	return (params == NULL ? len : (size_t)(params - segment));
}

/*
 * Put the segments of the decoded ${path} together again, in place: what is
 * written never gets ahead of what is read.
 */
static const char *
resolve(struct gate_path *path, bool bare)
{
	struct walk walk = { .path = path };
	const char *at = path->text, *end = at + path->len, *segment, *why;
	size_t len;

	path->len = 0;
	while (at < end) {
		segment = ++at;
		while (at < end && *at != '/')
			at++;
		len = length_of(segment, (size_t)(at - segment), bare);
		if ((why = take_segment(&walk, segment, len, at == end)) !=
		    NULL)
			return (why);
	}
	if (walk.directory || path->len == 0)
		path->text[path->len++] = '/';
	path->text[path->len] = '\0';
	return (NULL);
}

/* ---- What path.h promises ---------------------------------------------- */

static const char *
read_path(const char *uri, bool bare, struct gate_path *path)
{
	const char *why, *raw = skip_authority(uri);

	path->has_params = false;
	path->len = 0;
	path->text[0] = '\0';
	if (raw == NULL)
		return ("What is requested is no path.");
	if ((why = decode(raw, path)) == NULL && has_overlong(path->text))
		why = "The path has overlong UTF-8.";
	if (why == NULL)
		why = resolve(path, bare);
	if (why != NULL) {
		path->len = 0;
		path->text[0] = '\0';
	}
	return (why);
}

const char *
gate_path_read(const char *uri, struct gate_path *path)
{
	return (read_path(uri, false, path));
}

const char *
gate_path_read_bare(const char *uri, struct gate_path *path)
{
	return (read_path(uri, true, path));
}
