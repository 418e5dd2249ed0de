#include <stdbool.h>
#include <string.h>

#include <fastcgi.h>

#include "door/guard.h"

#define BEGIN_BODY_LEN sizeof(FCGI_BeginRequestBody)

_Static_assert(FCGI_HEADER_LEN == sizeof(FCGI_Header), "header has no gaps");
_Static_assert(BEGIN_BODY_LEN == 8, "body of BEGIN_REQUEST has no gaps");

/* Parameters that decide something: a second one would be ambiguous. */
#define SINGLE(name)                                   \
	{                                              \
		name, "parameter " name " given twice" \
	}
static const struct {
	const char *name;
	const char *twice; /* what is wrong then */
} single[] = { SINGLE("FCGI_APACHE_ROLE"), SINGLE("FCGI_ROLE"),
	SINGLE("LATCHKEY_ENDPOINT"), SINGLE("LATCHKEY_METHOD"),
	SINGLE("PATH_INFO"), SINGLE("QUERY_STRING"), SINGLE("REMOTE_ADDR"),
	SINGLE("REMOTE_USER"), SINGLE("REQUEST_METHOD"), SINGLE("REQUEST_URI"),
	SINGLE("SCRIPT_NAME") };
#define SINGLE_COUNT (sizeof(single) / sizeof(single[0]))
/* Longer than the longest of them. */
#define NAME_KEPT 24

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

static struct gate_finding
refused(const char *reason, uint16_t id)
{
	return ((struct gate_finding){ .guard = GATE_GUARD_REFUSED,
	    .reason = reason,
	    .request_id = id });
}

static struct gate_finding
need_more(uint16_t id, size_t need)
{
	return ((struct gate_finding){ .guard = GATE_GUARD_NEED_MORE,
	    .request_id = id,
	    .need = need });
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

/* The first record. */
static struct gate_finding
look_at_begin(const uint8_t *bytes, size_t len)
{
	struct record record;
	unsigned int role;

	if (len < FCGI_HEADER_LEN)
		return (need_more(0, FCGI_HEADER_LEN));
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
	if (len < FCGI_HEADER_LEN + BEGIN_BODY_LEN)
		return (need_more(0, FCGI_HEADER_LEN + BEGIN_BODY_LEN));
	role = (unsigned int)(bytes[FCGI_HEADER_LEN] << 8 |
	    bytes[FCGI_HEADER_LEN + 1]);
	if (role < FCGI_RESPONDER || role > FCGI_FILTER)
		return (refused("unknown role", record.id));
	return ((struct gate_finding){ .guard = GATE_GUARD_COMPLETE,
	    .request_id = record.id });
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

/* The records, up to the header of the empty PARAMS. */
static struct gate_finding
look_at_records(const uint8_t *bytes, size_t len)
{
	struct gate_finding begin = look_at_begin(bytes, len);
	struct record record;
	const char *wrong;
	size_t pos = 0;

	if (begin.guard != GATE_GUARD_COMPLETE)
		return (begin);
	record = record_at(bytes);
	for (;;) {
		pos += FCGI_HEADER_LEN + record.content + record.padding;
		if (pos + FCGI_HEADER_LEN > GATE_REQUEST_MAX)
			return (
			    refused("request is too large", begin.request_id));
		if (pos + FCGI_HEADER_LEN > len)
			return (
			    need_more(begin.request_id, pos + FCGI_HEADER_LEN));
		record = record_at(bytes + pos);
		wrong = wrong_record(&record, begin.request_id);
		if (wrong != NULL)
			return (refused(wrong, begin.request_id));
		if (record.content == 0)
			break;
	}
	begin.end = pos + FCGI_HEADER_LEN + record.padding;
	return (begin);
}

/*
 * Whether a connection whose first ${len} bytes hold a complete request, its
 * parameters up to ${pos}, is free for another one after the answer.  Only a
 * RESPONDER's request has an end that is always marked, and bytes behind it
 * would be lost in libfcgi's buffer.
 */
static bool
can_be_kept(const uint8_t *bytes, size_t len, size_t pos, uint16_t id)
{
	const uint8_t *begin = bytes + FCGI_HEADER_LEN;
	struct record record;

	if ((begin[2] & FCGI_KEEP_CONN) == 0 ||
	    (begin[0] << 8 | begin[1]) != FCGI_RESPONDER)
		return (false);
	while (pos + FCGI_HEADER_LEN <= len) {
		record = record_at(bytes + pos);
		if (record.version != FCGI_VERSION_1 ||
		    record.type != FCGI_STDIN || record.id != id)
			return (false);
		pos += FCGI_HEADER_LEN + record.content + record.padding;
		if (record.content == 0)
			return (pos == len);
	}
	return (false);
}

/* The next byte of the parameters; false at their end. */
static bool
next_byte(struct cursor *cursor, uint8_t *byte)
{
	struct record record;

	if (cursor->left == 0) {
		record = record_at(
		    cursor->bytes + cursor->pos + cursor->padding);
		if (record.content == 0)
			return (false);
		cursor->pos += cursor->padding + FCGI_HEADER_LEN;
		cursor->left = record.content;
		cursor->padding = record.padding;
	}
	*byte = cursor->bytes[cursor->pos++];
	cursor->left--;
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
single_index(const char *name)
{
	size_t i;

	for (i = 0; i < SINGLE_COUNT; i++) {
		if (strcmp(name, single[i].name) == 0)
			break;
	}
	return (i);
}

/*
 * Skip ${len} bytes without any of ${forbidden} or NUL in them, keeping the
 * first ones in ${kept} if they all fit.  Return what is wrong, or NULL.
 */
static const char *
skip_text(struct cursor *cursor, size_t len, uint8_t forbidden,
    char kept[NAME_KEPT])
{
	uint8_t byte;
	size_t i;

	for (i = 0; i < len; i++) {
		if (!next_byte(cursor, &byte))
			return ("parameter lengths do not add up");
		if (byte == '\0' || byte == forbidden)
			return ("parameter with a forbidden byte");
		if (kept != NULL && len < NAME_KEPT)
			kept[i] = (char)byte;
	}
	return (NULL);
}

/* One parameter, of which ${first} was read.  What is wrong, or NULL. */
static const char *
look_at_param(struct cursor *cursor, uint8_t first, uint32_t *seen)
{
	char name[NAME_KEPT] = "";
	size_t name_len, value_len, which;
	const char *wrong;
	uint8_t byte;

	if (!read_length(cursor, first, &name_len) ||
	    !next_byte(cursor, &byte) || !read_length(cursor, byte, &value_len))
		return ("parameter lengths do not add up");
	if (name_len == 0)
		return ("parameter without a name");
	if ((wrong = skip_text(cursor, name_len, '=', name)) != NULL)
		return (wrong);
	if ((wrong = skip_text(cursor, value_len, '\0', NULL)) != NULL)
		return (wrong);
	which = single_index(name);
	if (which == SINGLE_COUNT)
		return (NULL);
	if ((*seen & UINT32_C(1) << which) != 0)
		return (single[which].twice);
	*seen |= UINT32_C(1) << which;
	return (NULL);
}

_Static_assert(SINGLE_COUNT <= 32, "they fit a bit mask");

/*
 * How many bytes must be there before more can be said of a request whose
 * parameters end at ${pos}, because its peer is still writing; 0: it is not.
 * Behind a RESPONDER's parameters comes STDIN, ended by an empty record, and a
 * web server that is answered and hung up on before it has written that takes
 * the gate for broken.  A body that does not fit is not waited for.
 */
static size_t
needed_of_stdin(const uint8_t *bytes, size_t len, size_t pos)
{
	const uint8_t *begin = bytes + FCGI_HEADER_LEN;
	struct record record;

	if ((begin[0] << 8 | begin[1]) != FCGI_RESPONDER)
		return (0);
	while (pos + FCGI_HEADER_LEN <= len) {
		record = record_at(bytes + pos);
		if (record.type != FCGI_STDIN || record.content == 0)
			return (0);
		pos += FCGI_HEADER_LEN + record.content + record.padding;
	}
	pos += FCGI_HEADER_LEN;
	return (pos <= GATE_REQUEST_MAX ? pos : 0);
}

/* The request up to the end of its parameters. */
static struct gate_finding
look_at_params(const uint8_t *bytes, size_t len)
{
	struct gate_finding finding = look_at_records(bytes, len);
	struct cursor cursor = { .bytes = bytes };
	const char *wrong;
	uint32_t seen = 0;
	uint8_t first;

	if (finding.guard != GATE_GUARD_COMPLETE)
		return (finding);
	/* From here on every record is known to be whole. */
	cursor.pos = FCGI_HEADER_LEN + BEGIN_BODY_LEN;
	while (next_byte(&cursor, &first)) {
		if (finding.params == GATE_PARAMS_MAX)
			return (
			    refused("too many parameters", finding.request_id));
		finding.params++;
		if ((wrong = look_at_param(&cursor, first, &seen)) != NULL)
			return (refused(wrong, finding.request_id));
	}
	return (finding);
}

struct gate_finding
gate_guard_look_on(const struct gate_finding *before, const uint8_t *bytes,
    size_t len)
{
	struct gate_finding finding = *before;

	if (finding.end == 0)
		finding = look_at_params(bytes, len);
	if (finding.end == 0)
		return (finding);
	finding.need = needed_of_stdin(bytes, len, finding.end);
	finding.guard = finding.need > 0
	    ? GATE_GUARD_NEED_MORE
	    : GATE_GUARD_COMPLETE;
	finding.keep = finding.need == 0 &&
	    can_be_kept(bytes, len, finding.end, finding.request_id);
	return (finding);
}

struct gate_finding
gate_guard_look(const uint8_t *bytes, size_t len)
{
	const struct gate_finding nothing = { .end = 0 };

	return (gate_guard_look_on(&nothing, bytes, len));
}
