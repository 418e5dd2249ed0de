#include <stdbool.h>
#include <string.h>

#include <fastcgi.h>

#include "door/guard.h"

#define BEGIN_BODY_LEN sizeof(FCGI_BeginRequestBody)
#define BEGIN_LEN (FCGI_HEADER_LEN + BEGIN_BODY_LEN)

_Static_assert(FCGI_HEADER_LEN == sizeof(FCGI_Header), "header has no gaps");
_Static_assert(BEGIN_BODY_LEN == 8, "body of BEGIN_REQUEST has no gaps");

/* Parameters that decide something: a second one would be ambiguous.  In the
 * order of their first letters. */
#define SINGLE(name)                                                     \
	{                                                                \
		name, sizeof(name) - 1, "parameter " name " given twice" \
	}
static const struct {
	const char *name;
	size_t len;
	const char *twice; /* what is wrong then */
} single[] = { SINGLE("FCGI_APACHE_ROLE"), SINGLE("FCGI_ROLE"),
	SINGLE("LATCHKEY_ENDPOINT"), SINGLE("LATCHKEY_METHOD"),
	SINGLE("PATH_INFO"), SINGLE("QUERY_STRING"), SINGLE("REMOTE_ADDR"),
	SINGLE("REMOTE_USER"), SINGLE("REQUEST_METHOD"), SINGLE("REQUEST_URI"),
	SINGLE("SCRIPT_NAME") };
#define SINGLE_COUNT (sizeof(single) / sizeof(single[0]))
/* Longer than the longest of them, and than the value of one that is looked
 * at. */
#define TEXT_KEPT 24

struct record {
	uint8_t version;
	uint8_t type;
	uint16_t id;
	size_t content;
	size_t padding;
};

/* Reads the contents of the PARAMS records as one stream. */
struct cursor {
	const uint8_t *bytes;
	size_t pos;     /* of the next byte */
	size_t left;    /* content of this record still to come */
	size_t padding; /* behind it */
};

static struct gate_seen
refused(const char *reason, uint16_t id)
{
	return ((struct gate_seen){ .guard = GATE_GUARD_REFUSED,
	    .reason = reason,
	    .request_id = id });
}

/* What is needed next is the header of a record at ${pos}. */
static struct gate_seen
need_header(struct gate_seen seen, size_t pos)
{
	seen.guard = GATE_GUARD_NEED_MORE;
	seen.from = pos;
	seen.need = pos + FCGI_HEADER_LEN;
	return (seen);
}

static struct record
record_at(const uint8_t *p)
{
	return ((struct record){
	    .version = p[0],
	    .type = p[1],
	    .id = (uint16_t)(p[2] << 8 | p[3]),
	    .content = (size_t)(p[4] << 8 | p[5]),
	    .padding = p[6],
	});
}

/* The first record, up to which nothing was seen. */
static struct gate_seen
look_at_begin(const uint8_t *bytes, size_t len)
{
	const struct gate_seen nothing = { .end = 0 };
	struct gate_seen seen;
	struct record record;
	unsigned int role;

	if (len < FCGI_HEADER_LEN)
		return (need_header(nothing, 0));
	record = record_at(bytes);
	if (record.version != FCGI_VERSION_1)
		return (refused("not FastCGI version 1", 0));
	if (record.type != FCGI_BEGIN_REQUEST)
		return (refused("does not start with BEGIN_REQUEST", 0));
	if (record.id == FCGI_NULL_REQUEST_ID ||
	    record.content != BEGIN_BODY_LEN)
		return (refused("malformed BEGIN_REQUEST", 0));
	/* No server does this, and libfcgi then reads none of the PARAMS. */
	if (record.padding != 0)
		return (refused("padded BEGIN_REQUEST", 0));
	if (len < BEGIN_LEN) {
		seen = need_header(nothing, 0);
		seen.need = BEGIN_LEN;
		return (seen);
	}
	role = (unsigned int)(bytes[FCGI_HEADER_LEN] << 8 |
	    bytes[FCGI_HEADER_LEN + 1]);
	if (role < FCGI_RESPONDER || role > FCGI_FILTER)
		return (refused("unknown role", record.id));
	seen = nothing;
	seen.guard = GATE_GUARD_COMPLETE;
	seen.request_id = record.id;
	seen.responder = role == FCGI_RESPONDER;
	seen.keepable = seen.responder &&
	    (bytes[FCGI_HEADER_LEN + 2] & FCGI_KEEP_CONN) != 0;
	return (seen);
}

/* Why a record must not stand behind BEGIN_REQUEST, or NULL. */
static const char *
wrong_record(const struct record *record, uint16_t id)
{
	if (record->version != FCGI_VERSION_1)
		return ("not FastCGI version 1");
	if (record->id == FCGI_NULL_REQUEST_ID)
		return ("management record");
	if (record->id != id)
		return ("more than one request id");
	if (record->type != FCGI_PARAMS)
		return ("record other than PARAMS");
	return (NULL);
}

/*
 * The records behind BEGIN_REQUEST, from the header at ${pos} on, up to that of
 * the empty PARAMS; ${bytes} begin at ${from}, and there are ${total} in all.
 */
static struct gate_seen
look_at_records(struct gate_seen seen, size_t pos, const uint8_t *bytes,
    size_t from, size_t total)
{
	struct record record;
	const char *wrong;

	for (;;) {
		if (pos + FCGI_HEADER_LEN > GATE_REQUEST_MAX)
			return (
			    refused("request is too large", seen.request_id));
		if (pos + FCGI_HEADER_LEN > total)
			return (need_header(seen, pos));
		record = record_at(bytes + pos - from);
		wrong = wrong_record(&record, seen.request_id);
		if (wrong != NULL)
			return (refused(wrong, seen.request_id));
		pos += FCGI_HEADER_LEN + record.content + record.padding;
		if (record.content == 0)
			break;
	}
	seen.guard = GATE_GUARD_COMPLETE;
	seen.end = pos;
	return (seen);
}

/* The next bytes of the parameters, at most ${most}, as many as are side by
 * side: at least one, or NULL at the end. */
static const uint8_t *
next_bytes(struct cursor *cursor, size_t most, size_t *n)
{
	const uint8_t *bytes;
	struct record record;

	if (cursor->left == 0) {
		record = record_at(
		    cursor->bytes + cursor->pos + cursor->padding);
		if (record.content == 0)
			return (NULL);
		cursor->pos += cursor->padding + FCGI_HEADER_LEN;
		cursor->left = record.content;
		cursor->padding = record.padding;
	}
	bytes = cursor->bytes + cursor->pos;
	*n = most < cursor->left ? most : cursor->left;
	cursor->pos += *n;
	cursor->left -= *n;
	return (bytes);
}

static bool
next_byte(struct cursor *cursor, uint8_t *byte)
{
	const uint8_t *bytes;
	size_t n;

	if ((bytes = next_bytes(cursor, 1, &n)) == NULL)
		return (false);
	*byte = *bytes;
	return (true);
}

/* One or four bytes of length, of which ${first} was read. */
static bool
read_length(struct cursor *cursor, uint8_t first, size_t *len)
{
	uint8_t byte;
	int i;

	*len = first;
	if ((first & 0x80) == 0)
		return (true);
	*len = first & 0x7f;
	for (i = 0; i < 3; i++) {
		if (!next_byte(cursor, &byte))
			return (false);
		*len = *len << 8 | byte;
	}
	return (true);
}

/* Which of the single parameters it is, or SINGLE_COUNT. */
static size_t
single_index(const char name[TEXT_KEPT], size_t len)
{
	size_t i;

	for (i = 0; i < SINGLE_COUNT && single[i].name[0] <= name[0]; i++) {
		if (len == single[i].len &&
		    memcmp(name, single[i].name, len) == 0)
			return (i);
	}
	return (SINGLE_COUNT);
}

/*
 * Skip ${len} bytes without any of ${forbidden} or NUL in them, keeping the
 * first ones in ${kept} if they all fit.  Return what is wrong, or NULL.
 */
static const char *
skip_text(struct cursor *cursor, size_t len, uint8_t forbidden,
    char kept[TEXT_KEPT])
{
	const uint8_t *bytes;
	size_t at, n;

	for (at = 0; at < len; at += n) {
		if ((bytes = next_bytes(cursor, len - at, &n)) == NULL)
			return ("parameter lengths do not add up");
		if (memchr(bytes, '\0', n) != NULL ||
		    (forbidden != '\0' && memchr(bytes, forbidden, n) != NULL))
			return ("parameter with a forbidden byte");
		if (kept != NULL && len < TEXT_KEPT)
			memcpy(kept + at, bytes, n);
	}
	return (NULL);
}

_Static_assert(SINGLE_COUNT <= 32, "they fit a bit mask");

/* One parameter, of which ${first} was read.  What is wrong, or NULL; ${body}:
 * it says that the request's body is read. */
static const char *
look_at_param(struct cursor *cursor, uint8_t first, uint32_t *seen, bool *body)
{
	char name[TEXT_KEPT] = "", endpoint[TEXT_KEPT] = "";
	size_t name_len, value_len, which;
	const char *wrong;
	bool is_endpoint;
	uint8_t byte;

	if (!read_length(cursor, first, &name_len) ||
	    !next_byte(cursor, &byte) || !read_length(cursor, byte, &value_len))
		return ("parameter lengths do not add up");
	if (name_len == 0)
		return ("parameter without a name");
	if ((wrong = skip_text(cursor, name_len, '=', name)) != NULL)
		return (wrong);
	which = single_index(name, name_len);
	is_endpoint = strcmp(name, "LATCHKEY_ENDPOINT") == 0;
	wrong = skip_text(cursor, value_len, '\0',
	    is_endpoint ? endpoint : NULL);
	if (wrong != NULL)
		return (wrong);
	*body = is_endpoint && strcmp(endpoint, GATE_BODY_ENDPOINT) == 0;
	if (which == SINGLE_COUNT)
		return (NULL);
	if ((*seen & UINT32_C(1) << which) != 0)
		return (single[which].twice);
	*seen |= UINT32_C(1) << which;
	return (NULL);
}

/* The request up to the end of its parameters; ${bytes} are all of it. */
static struct gate_seen
look_at_params(const uint8_t *bytes, size_t len)
{
	struct gate_seen seen = look_at_begin(bytes, len);
	struct cursor cursor = { .bytes = bytes };
	const char *wrong;
	uint32_t twice = 0;
	uint8_t first;
	bool body;

	if (seen.guard == GATE_GUARD_COMPLETE)
		seen = look_at_records(seen, BEGIN_LEN, bytes, 0, len);
	if (seen.guard != GATE_GUARD_COMPLETE)
		return (seen);
	/* From here on every record is known to be whole. */
	cursor.pos = BEGIN_LEN;
	while (next_byte(&cursor, &first)) {
		if (seen.params == GATE_PARAMS_MAX)
			return (
			    refused("too many parameters", seen.request_id));
		seen.params++;
		wrong = look_at_param(&cursor, first, &twice, &body);
		if (wrong != NULL)
			return (refused(wrong, seen.request_id));
		seen.body = seen.body || (body && seen.responder);
	}
	seen.from = seen.end;
	return (seen);
}

static const char too_long[] = "the body is too long";

/* What is wrong with a body that has come so far, or NULL. */
static const char *
wrong_body(const struct gate_seen *seen)
{
	if (seen->odd)
		return ("record other than STDIN");
	return (seen->content > GATE_BODY_MAX ? too_long : NULL);
}

/*
 * What follows the parameters, whose end was seen.  Behind a RESPONDER's comes
 * STDIN, ended by an empty record, and a web server that is answered and hung
 * up on before it has written that takes the gate for broken.  A body that does
 * not fit is not waited for, nor is the end that other roles may have.  Only a
 * RESPONDER's request that has such an end, with nothing behind it, which would
 * be lost in libfcgi's buffer, leaves the connection free for another one.
 * ${bytes} begin at ${from}.
 */
static struct gate_seen
look_at_stdin(struct gate_seen seen, const uint8_t *bytes, size_t from,
    size_t total)
{
	size_t pos = seen.from;
	struct record record;
	const char *wrong;

	seen.guard = GATE_GUARD_COMPLETE;
	seen.need = 0;
	while (pos + FCGI_HEADER_LEN <= total) {
		record = record_at(bytes + pos - from);
		if (record.version != FCGI_VERSION_1 ||
		    record.type != FCGI_STDIN || record.id != seen.request_id)
			seen.odd = true;
		seen.content += record.content;
		if (seen.body && (wrong = wrong_body(&seen)) != NULL) {
			seen = refused(wrong, seen.request_id);
			seen.too_large = wrong == too_long;
			return (seen);
		}
		pos += FCGI_HEADER_LEN + record.content + record.padding;
		if (record.type != FCGI_STDIN || record.content == 0) {
			seen.ended = !seen.odd && pos == total ? total : 0;
			seen.keep = seen.keepable && seen.ended != 0;
			return (seen.body && seen.ended == 0
			        ? refused("more than one request",
			              seen.request_id)
			        : seen);
		}
	}
	if (seen.body && pos + FCGI_HEADER_LEN > GATE_REQUEST_MAX)
		return (refused("request is too large", seen.request_id));
	if (seen.responder && pos + FCGI_HEADER_LEN <= GATE_REQUEST_MAX)
		return (need_header(seen, pos));
	return (seen);
}

struct gate_seen
gate_guard_look_on(const struct gate_seen *before, const uint8_t *bytes,
    size_t total)
{
	struct gate_seen seen = *before;

	if (total < before->need)
		return (seen);
	if (seen.end == 0 && seen.from == 0) {
		seen = look_at_params(bytes, total);
	} else if (seen.end == 0) {
		seen = look_at_records(seen, seen.from, bytes, seen.from,
		    total);
		/* All records are there: now for what they hold. */
		if (seen.end != 0)
			seen = (struct gate_seen){
				.guard = GATE_GUARD_NEED_MORE,
				.request_id = seen.request_id,
				.need = before->need,
			};
	}
	return (seen.end == 0
	        ? seen
	        : look_at_stdin(seen, bytes, before->from, total));
}

struct gate_seen
gate_guard_look(const uint8_t *bytes, size_t len)
{
	const struct gate_seen nothing = { .end = 0 };

	return (gate_guard_look_on(&nothing, bytes, len));
}
