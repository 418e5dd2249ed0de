#include "support/test.h"
#include "door/guard.h"

enum { BEGIN = 1, ABORT = 2, PARAMS = 4, STDIN = 5, GET_VALUES = 9 };

/* Bytes of a request under construction. */
struct wire {
	uint8_t bytes[3 * GATE_REQUEST_MAX];
	size_t len;
};

static void
add(struct wire *wire, const void *bytes, size_t len)
{
	assert_true(len <= sizeof(wire->bytes) - wire->len);
	if (len > 0)
		memcpy(wire->bytes + wire->len, bytes, len);
	wire->len += len;
}

static void
add_record(struct wire *wire, uint8_t type, uint16_t id, const void *content,
    size_t len, uint8_t padding)
{
	static const uint8_t zeros[255];
	const uint8_t header[8] = { 1, type, (uint8_t)(id >> 8), (uint8_t)id,
		(uint8_t)(len >> 8), (uint8_t)len, padding, 0 };

	add(wire, header, sizeof(header));
	add(wire, content, len);
	add(wire, zeros, padding);
}

static void
add_begin(struct wire *wire, uint16_t id)
{
	static const uint8_t authorizer[8] = { 0, 2, 0 };

	add_record(wire, BEGIN, id, authorizer, sizeof(authorizer), 0);
}

static void
add_length(struct wire *wire, size_t len, bool is_long)
{
	const uint8_t four[4] = { (uint8_t)(0x80 | len >> 24),
		(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len };
	const uint8_t one = (uint8_t)len;

	if (is_long)
		add(wire, four, 4);
	else
		add(wire, &one, 1);
}

/* A parameter, without record header. */
static void
add_pair(struct wire *wire, const char *name, const char *value)
{
	add_length(wire, strlen(name), strlen(name) > 127);
	add_length(wire, strlen(value), strlen(value) > 127);
	add(wire, name, strlen(name));
	add(wire, value, strlen(value));
}

/* One request with these bytes as the content of its PARAMS. */
static void
make_request(struct wire *wire, const struct wire *params)
{
	wire->len = 0;
	add_begin(wire, 1);
	if (params->len > 0)
		add_record(wire, PARAMS, 1, params->bytes, params->len, 3);
	add_record(wire, PARAMS, 1, NULL, 0, 0);
}

static struct gate_seen
look(const struct wire *wire)
{
	/* Memory of exactly this length, so that a sanitizer sees overruns. */
	uint8_t *copy = malloc(wire->len + 1);
	struct gate_seen seen;

	assert_non_null(copy);
	memcpy(copy, wire->bytes, wire->len);
	seen = gate_guard_look(copy, wire->len);
	free(copy);
	return (seen);
}

static void
expect_refused(const struct wire *wire, const char *reason)
{
	struct gate_seen seen = look(wire);

	assert_int_equal(seen.guard, GATE_GUARD_REFUSED);
	assert_string_equal(seen.reason, reason);
}

static void
expect_params_refused(const struct wire *params, const char *reason)
{
	static struct wire wire;

	make_request(&wire, params);
	expect_refused(&wire, reason);
	/* A refusal that can be answered. */
	assert_int_equal(look(&wire).request_id, 1);
}

static void
expect_complete(const struct wire *wire, uint16_t id)
{
	struct gate_seen seen = look(wire);

	assert_int_equal(seen.guard, GATE_GUARD_COMPLETE);
	assert_null(seen.reason);
	assert_int_equal(seen.request_id, id);
}

static void
test_guard_nothing_needs_more(void **state)
{
	struct gate_seen seen = gate_guard_look(NULL, 0);

	assert_int_equal(seen.guard, GATE_GUARD_NEED_MORE);
	assert_int_equal(seen.request_id, 0);
}

static void
test_guard_every_prefix_needs_more(void **state)
{
	static struct wire wire, params;
	size_t whole;

	wire.len = params.len = 0;
	add_pair(&params, "REQUEST_METHOD", "GET");
	add_pair(&params, "REQUEST_URI", "/app");
	make_request(&wire, &params);
	whole = wire.len;
	for (wire.len = 0; wire.len < whole; wire.len++)
		assert_int_equal(look(&wire).guard, GATE_GUARD_NEED_MORE);
	expect_complete(&wire, 1);
}

static void
test_guard_no_params_is_complete(void **state)
{
	static struct wire wire;

	wire.len = 0;
	add_begin(&wire, 0xabcd);
	add_record(&wire, PARAMS, 0xabcd, NULL, 0, 0);
	expect_complete(&wire, 0xabcd);
}

static void
test_guard_padding_of_params_is_complete(void **state)
{
	static struct wire wire;

	wire.len = 0;
	add_begin(&wire, 7);
	add_record(&wire, PARAMS, 7, "\001\001A1", 4, 9);
	add_record(&wire, PARAMS, 7, "\001\001B2", 4, 0);
	/* The padding of the empty record need not have come. */
	add_record(&wire, PARAMS, 7, NULL, 0, 5);
	expect_complete(&wire, 7);
	wire.len -= 5;
	expect_complete(&wire, 7);
}

/* A request of parameters with one byte of their content in each record. */
static void
scatter(struct wire *wire, const struct wire *params)
{
	size_t i;

	wire->len = 0;
	add_begin(wire, 1);
	for (i = 0; i < params->len; i++)
		add_record(wire, PARAMS, 1, params->bytes + i, 1,
		    (uint8_t)(i % 3));
	add_record(wire, PARAMS, 1, NULL, 0, 0);
}

static void
test_guard_params_across_records_is_complete(void **state)
{
	static struct wire wire, params;
	char value[200];

	memset(value, 'v', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	params.len = 0;
	add_pair(&params, "REQUEST_URI", value);
	add_pair(&params, "HTTP_COOKIE", "latchkey=x");
	scatter(&wire, &params);
	expect_complete(&wire, 1);
}

static void
test_guard_bytes_after_params_are_not_judged(void **state)
{
	static struct wire wire;

	wire.len = 0;
	add_begin(&wire, 1);
	add_record(&wire, PARAMS, 1, NULL, 0, 0);
	add_record(&wire, STDIN, 1, "body", 4, 0);
	add(&wire, "\377\377\377", 3);
	expect_complete(&wire, 1);
}

/* A RESPONDER's request without STDIN. */
static void
make_responder(struct wire *wire)
{
	static const uint8_t responder[8] = { 0, 1, 0 };

	wire->len = 0;
	add_record(wire, BEGIN, 1, responder, sizeof(responder), 0);
	add_record(wire, PARAMS, 1, NULL, 0, 5);
}

static void
expect_more(const struct wire *wire)
{
	struct gate_seen seen = look(wire);

	assert_int_equal(seen.guard, GATE_GUARD_NEED_MORE);
	assert_int_equal(seen.request_id, 1);
}

static void
test_guard_responder_without_end_of_stdin_needs_more(void **state)
{
	static struct wire wire, part;
	size_t before;

	make_responder(&wire);
	before = wire.len;
	add_record(&wire, STDIN, 1, "body", 4, 2);
	add_record(&wire, STDIN, 1, NULL, 0, 0);
	part = wire;
	for (part.len = before; part.len < wire.len; part.len++)
		expect_more(&part);
	expect_complete(&wire, 1);
}

static void
test_guard_responder_with_large_stdin_is_complete(void **state)
{
	static const char body[30000];
	static struct wire wire;

	make_responder(&wire);
	add_record(&wire, STDIN, 1, body, sizeof(body), 0);
	add_record(&wire, STDIN, 1, body, sizeof(body), 0);
	expect_more(&wire);
	add_record(&wire, STDIN, 1, body, sizeof(body), 0);
	wire.len = GATE_REQUEST_MAX;
	expect_complete(&wire, 1);
}

/* A responder's request whose STDIN is announced, and comes in the future. */
static void
begin_upload(struct wire *wire, size_t body)
{
	static struct wire params;

	params.len = 0;
	add_pair(&params, "REQUEST_URI", "/");
	make_request(wire, &params);
	wire->bytes[9] = 1; /* the role */
	add_record(wire, STDIN, 1, NULL, 0, 0);
	/* The length of that record. */
	wire->bytes[wire->len - 4] = (uint8_t)(body >> 8);
	wire->bytes[wire->len - 3] = (uint8_t)body;
}

static void
test_guard_says_how_much_it_needs(void **state)
{
	static struct wire wire;
	struct gate_seen seen;
	size_t whole;

	begin_upload(&wire, 1000);
	whole = wire.len + 1000 + 8;
	wire.len = 0;
	assert_int_equal(look(&wire).need, 8);
	wire.len = 8;
	assert_int_equal(look(&wire).need, 16);
	wire.len = 16;
	assert_int_equal(look(&wire).need, 24);
	wire.len = 24;
	seen = look(&wire);
	assert_int_equal(seen.end, 0);
	/* The parameters, their padding and the next header. */
	assert_int_equal(seen.need, 24 + 14 + 3 + 8);
	wire.len = whole - 1000 - 8;
	seen = look(&wire);
	assert_int_equal(seen.guard, GATE_GUARD_NEED_MORE);
	assert_int_equal(seen.need, whole);
	assert_int_equal(seen.end, wire.len - 8);
	assert_int_equal(seen.params, 1);
}

static void
test_guard_verifies_nothing_twice(void **state)
{
	static struct wire wire;
	struct gate_seen seen, again;

	begin_upload(&wire, 5);
	seen = look(&wire);
	assert_int_equal(seen.guard, GATE_GUARD_NEED_MORE);
	/* What would be refused if it were looked at again. */
	memset(wire.bytes + 16, 0xff, seen.end - 16);
	expect_refused(&wire, "not FastCGI version 1");
	add(&wire, "hello", 5);
	add_record(&wire, STDIN, 1, NULL, 0, 0);
	again = gate_guard_look_on(&seen, wire.bytes + seen.from, wire.len);
	assert_int_equal(again.guard, GATE_GUARD_COMPLETE);
	assert_int_equal(again.params, 1);
	assert_int_equal(again.request_id, seen.request_id);
	assert_int_equal(again.need, 0);
}

/* Tiny records that are looked at one by one, then all once. */
static void
test_guard_in_pieces_looks_at_new_bytes_only(void **state)
{
	static struct wire wire;
	struct gate_seen seen = { .end = 0 };
	size_t all = 0;
	int i;

	wire.len = 0;
	add_begin(&wire, 1);
	for (i = 0; i < 1000; i++) {
		add_record(&wire, PARAMS, 1, &"\001\000A"[i % 3], 1, 0);
		/* A header that is none any more. */
		if (seen.from > 0)
			wire.bytes[seen.from - 9] = 0xff;
		seen = gate_guard_look_on(&seen, wire.bytes + seen.from,
		    wire.len);
		assert_int_equal(seen.guard, GATE_GUARD_NEED_MORE);
		assert_int_equal(seen.from, wire.len);
		assert_int_equal(seen.need, wire.len + 8);
	}
	add_record(&wire, PARAMS, 1, NULL, 0, 0);
	all = wire.len;
	seen = gate_guard_look_on(&seen, wire.bytes + seen.from, all);
	assert_int_equal(seen.guard, GATE_GUARD_NEED_MORE);
	assert_int_equal(seen.from, 0);
	assert_true(seen.need <= all);
	seen = gate_guard_look_on(&seen, wire.bytes, all);
	assert_int_equal(seen.guard, GATE_GUARD_REFUSED);
}

static void
test_guard_wrong_first_record_is_refused(void **state)
{
	static const uint8_t body[8] = { 0, 2 };
	static const uint8_t no_role[8] = { 0, 0 };
	static const uint8_t role_4[8] = { 0, 4 };
	static const uint8_t role_258[8] = { 1, 2 };
	static const struct {
		uint8_t version, type;
		uint16_t id;
		const uint8_t *body;
		size_t len;
		const char *reason;
	} cases[] = {
		{ 0, BEGIN, 1, body, 8, "not FastCGI version 1" },
		{ 2, BEGIN, 1, body, 8, "not FastCGI version 1" },
		{ 1, PARAMS, 1, NULL, 0, "does not start with BEGIN_REQUEST" },
		{ 1, ABORT, 1, NULL, 0, "does not start with BEGIN_REQUEST" },
		{ 1, GET_VALUES, 0, NULL, 0,
		    "does not start with BEGIN_REQUEST" },
		{ 1, BEGIN, 0, body, 8, "malformed BEGIN_REQUEST" },
		{ 1, BEGIN, 1, body, 7, "malformed BEGIN_REQUEST" },
		{ 1, BEGIN, 1, NULL, 0, "malformed BEGIN_REQUEST" },
		{ 1, BEGIN, 1, no_role, 8, "unknown role" },
		{ 1, BEGIN, 1, role_4, 8, "unknown role" },
		{ 1, BEGIN, 1, role_258, 8, "unknown role" },
	};
	static struct wire wire;

	EACH(c, cases) {
		wire.len = 0;
		add_record(&wire, c->type, c->id, c->body, c->len, 0);
		wire.bytes[0] = c->version;
		expect_refused(&wire, c->reason);
	}
}

static void
test_guard_padded_begin_is_refused(void **state)
{
	static const uint8_t authorizer[8] = { 0, 2 };
	static struct wire wire;

	wire.len = 0;
	add_record(&wire, BEGIN, 1, authorizer, 8, 1);
	add_record(&wire, PARAMS, 1, "\001\001A1", 4, 0);
	add_record(&wire, PARAMS, 1, NULL, 0, 0);
	expect_refused(&wire, "padded BEGIN_REQUEST");
}

static void
test_guard_wrong_later_record_is_refused(void **state)
{
	static const struct {
		uint8_t version, type;
		uint16_t id;
		const char *reason;
	} cases[] = {
		{ 3, PARAMS, 1, "not FastCGI version 1" },
		{ 1, GET_VALUES, 0, "management record" },
		{ 1, 99, 0, "management record" },
		{ 1, PARAMS, 0, "management record" },
		{ 1, PARAMS, 2, "more than one request id" },
		{ 1, PARAMS, 0x101, "more than one request id" },
		{ 1, BEGIN, 1, "record other than PARAMS" },
		{ 1, ABORT, 1, "record other than PARAMS" },
		{ 1, STDIN, 1, "record other than PARAMS" },
		{ 1, 99, 1, "record other than PARAMS" },
	};
	static struct wire wire;
	size_t start;

	EACH(c, cases) {
		wire.len = 0;
		add_begin(&wire, 1);
		add_record(&wire, PARAMS, 1, "\001\001A1", 4, 0);
		start = wire.len;
		add_record(&wire, c->type, c->id, NULL, 0, 0);
		wire.bytes[start] = c->version;
		expect_refused(&wire, c->reason);
	}
}

static void
test_guard_bad_params_are_refused(void **state)
{
	static const struct {
		const char *content;
		size_t len;
		const char *reason;
	} cases[] = {
		{ "\001", 1, "parameter lengths do not add up" },
		{ "\001\001", 2, "parameter lengths do not add up" },
		{ "\001\001A", 3, "parameter lengths do not add up" },
		{ "\001\002A1", 4, "parameter lengths do not add up" },
		{ "\200\000\000", 3, "parameter lengths do not add up" },
		{ "\001\200\000\000", 4, "parameter lengths do not add up" },
		{ "\001\001A1\005", 5, "parameter lengths do not add up" },
		/* Near 2^31, where sums overflow. */
		{ "\377\377\377\377\377\377\377\377AB", 10,
		    "parameter lengths do not add up" },
		{ "\001\377\377\377\375AB", 7,
		    "parameter lengths do not add up" },
		{ "\000\001x", 3, "parameter without a name" },
		{ "\000\000", 2, "parameter without a name" },
		{ "\003\001A=B1", 6, "parameter with a forbidden byte" },
		{ "\003\001A\000B1", 6, "parameter with a forbidden byte" },
		{ "\001\003A1\0003", 6, "parameter with a forbidden byte" },
	};
	static struct wire params;

	EACH(c, cases) {
		params.len = 0;
		add(&params, c->content, c->len);
		expect_params_refused(&params, c->reason);
	}
}

static void
test_guard_equals_in_value_is_complete(void **state)
{
	static struct wire wire, params;

	params.len = 0;
	add_pair(&params, "HTTP_COOKIE", "a=b=c");
	add_pair(&params, "EMPTY", "");
	make_request(&wire, &params);
	expect_complete(&wire, 1);
}

static void
test_guard_deciding_param_twice_is_refused(void **state)
{
	static const char *const names[] = { "REQUEST_METHOD", "REQUEST_URI",
		"REMOTE_ADDR", "REMOTE_USER", "FCGI_ROLE", "FCGI_APACHE_ROLE",
		"QUERY_STRING", "SCRIPT_NAME", "PATH_INFO",
		"LATCHKEY_ENDPOINT", "LATCHKEY_METHOD" };
	static struct wire wire, params;
	char why[64];

	EACH(c, names) {
		params.len = 0;
		add_pair(&params, *c, "1");
		add_pair(&params, "OTHER", "2");
		add_pair(&params, *c, "1");
		(void)snprintf(why, sizeof(why), "parameter %s given twice",
		    *c);
		expect_params_refused(&params, why);
		/* Nor if its name comes in pieces. */
		scatter(&wire, &params);
		expect_refused(&wire, why);
	}
}

static void
test_guard_other_param_twice_is_complete(void **state)
{
	static const char *const names[] = { "HTTP_COOKIE",
		"HTTP_AUTHORIZATION", "HTTP_ACCEPT", "REQUEST_URI_2",
		"REQUEST_UR", "A_NAME_THAT_IS_LONGER_THAN_ANY_THAT_DECIDES" };
	static struct wire wire, params;

	params.len = 0;
	EACH(c, names) {
		add_pair(&params, *c, "1");
		add_pair(&params, *c, "2");
	}
	make_request(&wire, &params);
	expect_complete(&wire, 1);
}

static void
test_guard_param_count_at_limit_is_complete(void **state)
{
	static struct wire wire, params;
	int i;

	params.len = 0;
	for (i = 0; i < GATE_PARAMS_MAX; i++)
		add_pair(&params, "HTTP_X", "1");
	make_request(&wire, &params);
	expect_complete(&wire, 1);
	add_pair(&params, "HTTP_X", "1");
	expect_params_refused(&params, "too many parameters");
}

static void
test_guard_size_at_limit_is_complete(void **state)
{
	static char value[GATE_REQUEST_MAX];
	static struct wire wire, params;
	/* BEGIN, PARAMS header and padding, lengths, name, empty PARAMS. */
	const size_t around = 16 + 8 + 3 + 5 + 1 + 8;

	memset(value, 'v', sizeof(value));
	params.len = 0;
	value[GATE_REQUEST_MAX - around] = '\0';
	add_pair(&params, "A", value);
	make_request(&wire, &params);
	assert_int_equal(wire.len, GATE_REQUEST_MAX);
	expect_complete(&wire, 1);
	params.len = 0;
	value[GATE_REQUEST_MAX - around] = 'v';
	value[GATE_REQUEST_MAX - around + 1] = '\0';
	add_pair(&params, "A", value);
	expect_params_refused(&params, "request is too large");
}

static void
test_guard_too_large_is_refused_by_its_header(void **state)
{
	static const uint8_t header[8] = { 1, PARAMS, 0, 1, 0xff, 0xff, 0xff,
		0 };
	static struct wire wire;

	wire.len = 0;
	add_begin(&wire, 1);
	add(&wire, header, sizeof(header));
	expect_refused(&wire, "request is too large");
}

/* Request 1 of ${role} with the flags, and bytes behind its parameters. */
static struct gate_seen
look_at_kept(uint8_t role, uint8_t flags, const char *tail, size_t tail_len)
{
	const uint8_t body[8] = { 0, role, flags };
	static struct wire wire;

	wire.len = 0;
	add_record(&wire, BEGIN, 1, body, sizeof(body), 0);
	add_record(&wire, PARAMS, 1, "\001\001A1", 4, 0);
	add_record(&wire, PARAMS, 1, NULL, 0, 3);
	add(&wire, tail, tail_len);
	return (look(&wire));
}

static void
test_guard_keeps_whole_responder_requests_only(void **state)
{
	/* STDIN of 2 bytes and 1 of padding; its end; its end, padded. */
	static const char some[] = "\001\005\000\001\000\002\001\000ab";
	static const char end[] = "\001\005\000\001\000\000\000";
	static const char padded[] = "\001\005\000\001\000\000\002\000\000";
	static const char newer[] = "\002\005\000\001\000\000\000";
	static const char other[] = "\001\005\000\002\000\000\000";
	static const char abort_[] = "\001\002\000\001\000\000\000";
	const struct {
		uint8_t role, flags;
		const char *tail[2];
		size_t len[2];
		bool keep, ends;
	} cases[] = {
		{ 1, 1, { end, "" }, { 8, 0 }, true, true },
		{ 1, 0xff, { end, "" }, { 8, 0 }, true, true },
		{ 1, 1, { some, end }, { 11, 8 }, true, true },
		{ 1, 1, { some, padded }, { 11, 10 }, true, true },
		{ 1, 0, { end, "" }, { 8, 0 }, false, true },
		{ 2, 1, { end, "" }, { 8, 0 }, false, true },
		{ 3, 1, { end, "" }, { 8, 0 }, false, true },
		{ 2, 0, { "", "" }, { 0, 0 }, false, false },
		{ 2, 0, { some, "" }, { 11, 0 }, false, false },
		{ 1, 1, { padded, "" }, { 9, 0 }, false, false },
		{ 1, 1, { end, "x" }, { 8, 1 }, false, false },
		{ 1, 1, { end, end }, { 8, 8 }, false, false },
		{ 1, 1, { newer, "" }, { 8, 0 }, false, false },
		{ 1, 1, { other, "" }, { 8, 0 }, false, false },
		{ 1, 1, { abort_, end }, { 8, 8 }, false, false },
	};
	struct gate_seen seen;
	char tail[32];

	EACH(c, cases) {
		memcpy(tail, c->tail[0], c->len[0]);
		memcpy(tail + c->len[0], c->tail[1], c->len[1]);
		seen = look_at_kept(c->role, c->flags, tail,
		    c->len[0] + c->len[1]);
		assert_int_equal(seen.guard, GATE_GUARD_COMPLETE);
		assert_int_equal(seen.params, 1);
		assert_int_equal(seen.keep, c->keep);
		assert_int_equal(seen.ended != 0, c->ends);
	}
}

/* ---- The endpoint whose body is read ----------------------------------- */

/* Its request up to the end of the parameters. */
static void
begin_body(struct wire *wire, uint8_t role, const char *endpoint)
{
	static struct wire params;
	const uint8_t begin[8] = { 0, role, 1 };

	wire->len = params.len = 0;
	add_record(wire, BEGIN, 1, begin, sizeof(begin), 0);
	add_pair(&params, "REQUEST_METHOD", "POST");
	add_pair(&params, "LATCHKEY_ENDPOINT", endpoint);
	add_record(wire, PARAMS, 1, params.bytes, params.len, 3);
	add_record(wire, PARAMS, 1, NULL, 0, 0);
}

static void
add_body(struct wire *wire, size_t len, bool end)
{
	static const uint8_t body[GATE_REQUEST_MAX];

	add_record(wire, STDIN, 1, body, len, 0);
	if (end)
		add_record(wire, STDIN, 1, NULL, 0, 0);
}

static void
test_guard_body_is_let_through_whole(void **state)
{
	static struct wire wire;
	struct gate_seen seen;
	size_t whole;

	begin_body(&wire, 1, GATE_BODY_ENDPOINT);
	add_body(&wire, GATE_BODY_MAX - 1, false);
	add_body(&wire, 1, true);
	whole = wire.len;
	seen = look(&wire);
	assert_int_equal(seen.guard, GATE_GUARD_COMPLETE);
	assert_true(seen.body && seen.keep);
	assert_int_equal(seen.ended, whole);
	for (wire.len = 0; wire.len < whole; wire.len++)
		assert_int_equal(look(&wire).guard, GATE_GUARD_NEED_MORE);
}

static void
test_guard_body_that_is_too_long_is_refused_at_once(void **state)
{
	static struct wire wire;

	begin_body(&wire, 1, GATE_BODY_ENDPOINT);
	add_body(&wire, GATE_BODY_MAX, false);
	add_body(&wire, 1, true);
	/* Its last record's header says it. */
	wire.len -= 8 + 1;
	expect_refused(&wire, "the body is too long");
	assert_true(look(&wire).too_large);
	assert_int_equal(look(&wire).request_id, 1);
}

static void
test_guard_body_with_anything_else_is_refused(void **state)
{
	static struct wire wire;

	begin_body(&wire, 1, GATE_BODY_ENDPOINT);
	add_body(&wire, 10, false);
	add_record(&wire, ABORT, 1, NULL, 0, 0);
	expect_refused(&wire, "record other than STDIN");
	assert_false(look(&wire).too_large);
	begin_body(&wire, 1, GATE_BODY_ENDPOINT);
	add_body(&wire, 10, true);
	add_begin(&wire, 1);
	expect_refused(&wire, "more than one request");
}

static void
test_guard_body_is_read_of_no_other_endpoint(void **state)
{
	static const char *const others[] = { "", "logi", "login2", "Login",
		"page", "a name that is longer than any endpoint's",
		"login\x01" };
	static struct wire wire;
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		begin_body(&wire, 1, others[i]);
		add_body(&wire, 3 * GATE_BODY_MAX, true);
		expect_complete(&wire, 1);
		assert_false(look(&wire).body);
	}
	/* An authorizer's body is nobody's to read. */
	begin_body(&wire, 2, GATE_BODY_ENDPOINT);
	assert_int_equal(look(&wire).guard, GATE_GUARD_COMPLETE);
	assert_false(look(&wire).body);
}

#include "support/suite.h"
