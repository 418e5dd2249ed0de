#include <inttypes.h>
#include <string.h>

#include <sodium.h>

#include "base/json.h"
#include "session/export_line.h"
#include "session/origin.h"
#include "session/record.h"
#include "session/user.h"

/* ---- Writing ----------------------------------------------------------- */

void
lk_export_line_header(const char *store, bool tokens, struct lk_buf *out)
{
	lk_buf_printf(out,
	    "{\"type\":\"header\",\"format\":\"%s\",\"version\":%d,"
	    "\"store\":\"%s\",\"tokens\":%s}\n",
	    LK_EXPORT_FORMAT, LK_EXPORT_VERSION, store,
	    tokens ? "true" : "false");
}

void
lk_export_line_end(struct lk_buf *out)
{
	lk_buf_str(out, "{\"type\":\"end\"}\n");
}

/* What stands beside its record, as far as that is known. */
static void
encode_beside(const struct lk_stored *stored, struct lk_buf *out)
{
	if (stored->ends_ms == LK_STORED_NEVER)
		lk_buf_str(out, ",\"ends_ms\":null");
	else if (stored->ends_ms > 0)
		lk_buf_printf(out, ",\"ends_ms\":%" PRId64, stored->ends_ms);
	if (stored->peer[0] != '\0') {
		lk_buf_str(out, ",\"peer\":");
		lk_json_bytes(stored->peer, out);
	}
	if (stored->agent[0] != '\0') {
		lk_buf_str(out, ",\"agent\":");
		lk_json_bytes(stored->agent, out);
	}
}

static void
encode_session(const struct lk_stored *stored, bool tokens, struct lk_buf *out)
{
	char digest[LK_DIGEST_TEXT_LEN + 1];

	lk_base64url(stored->digest, LK_DIGEST_LEN, digest);
	lk_buf_str(out, "{\"type\":\"session\",\"user\":");
	lk_json_bytes(stored->user, out);
	lk_buf_printf(out, ",\"client\":\"%s\"", stored->client);
	if (stored->issued_us == 0)
		lk_buf_str(out, ",\"issued_us\":null");
	else
		lk_buf_printf(out, ",\"issued_us\":%" PRId64,
		    stored->issued_us);
	lk_buf_printf(out, ",\"expires_ms\":%" PRId64 ",\"digest\":\"%s\"",
	    stored->expires_ms, digest);
	encode_beside(stored, out);
	if (tokens && stored->token[0] != '\0') {
		lk_buf_str(out, ",\"token\":");
		lk_json_bytes(stored->token, out);
	}
	lk_buf_str(out, "}\n");
}

static enum lk_status
encode_user(const struct lk_stored *stored, struct lk_buf *out)
{
	struct lk_user user;
	enum lk_status status = LK_FAULT;

	status = lk_user_record_decode(stored->record, stored->record_len,
	    &user);
	if (status == LK_OK && !lk_user_id_fits(user.id))
		status = LK_E_CORRUPT;
	if (status == LK_OK) {
		lk_buf_str(out, "{\"type\":\"user\",\"user\":");
		lk_json_bytes(user.id, out);
		lk_buf_printf(out, ",\"expires_ms\":%" PRId64 ",\"detail\":",
		    stored->expires_ms);
		lk_json_shown(user.detail, out);
		lk_buf_str(out, "}\n");
	}
	lk_user_clear(&user);
	return (status);
}

enum lk_status
lk_export_line_encode(const struct lk_stored *stored, bool tokens,
    struct lk_buf *out)
{
	if (stored->kind == LK_STORED_USER)
		return (encode_user(stored, out));
	if (stored->kind != LK_STORED_SESSION || !lk_user_id_fits(stored->user))
		return (LK_E_CORRUPT);
	encode_session(stored, tokens, out);
	return (LK_OK);
}

/* ---- Reading ----------------------------------------------------------- */

/* A line, and where to say what is wrong with it. */
struct line {
	const char *text;
	size_t len;
	struct lk_error *error;
};

static enum lk_status
expected(const struct line *line, const char *what)
{
	return (lk_fail(line->error, LK_E_INVAL, "expected %s", what));
}

/* Decode member ${name}, a string of fewer than ${size} bytes. */
static bool
member_text(const struct line *line, const char *name, char *text, size_t size)
{
	const char *value;
	size_t len;

	text[0] = '\0';
	return (lk_json_member(line->text, line->len, name, &value, &len) &&
	    lk_json_text(value, len, text, size));
}

static bool
has_member(const struct line *line, const char *name)
{
	const char *value;
	size_t len;

	return (lk_json_member(line->text, line->len, name, &value, &len));
}

/* Decode member ${name}, a number of decimal digits and more than zero. */
static bool
member_number(const struct line *line, const char *name, int64_t *number)
{
	const char *value;
	size_t len, i;

	*number = 0;
	if (!lk_json_member(line->text, line->len, name, &value, &len) ||
	    len > LK_RECORD_DIGITS_MAX)
		return (false);
	for (i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return (false);
		*number = *number * 10 + (value[i] - '0');
	}
	return (*number > 0);
}

static bool
member_is_null(const struct line *line, const char *name)
{
	const char *value;
	size_t len;

	return (lk_json_member(line->text, line->len, name, &value, &len) &&
	    len == 4 && memcmp(value, "null", 4) == 0);
}

static enum lk_status
decode_header(const struct line *line)
{
	char format[sizeof(LK_EXPORT_FORMAT) + 1];
	int64_t version;

	if (!member_text(line, "format", format, sizeof(format)) ||
	    strcmp(format, LK_EXPORT_FORMAT) != 0)
		return (expected(line, "\"format\":\"" LK_EXPORT_FORMAT "\""));
	if (!member_number(line, "version", &version) ||
	    version != LK_EXPORT_VERSION)
		return (expected(line,
		    "\"version\":1, the one this "
		    "latchkey can read"));
	return (LK_OK);
}

/* The token, if it is there, must be what digest and user were made of. */
static enum lk_status
decode_token(const struct line *line, struct lk_stored *stored)
{
	uint8_t tag[LK_TAG_LEN];
	struct lk_token_key key;
	struct lk_token token;
	enum lk_status status = LK_FAULT;

	if (!has_member(line, "token"))
		return (LK_OK);
	if (!member_text(line, "token", stored->token, sizeof(stored->token)))
		return (expected(line, "\"token\", a token"));
	lk_user_tag(stored->user, tag);
	status = lk_token_set(&token, stored->token, strlen(stored->token));
	if (status == LK_OK)
		status = lk_token_parse(&token, &key);
	if (status != LK_OK)
		status = expected(line, "\"token\", a token");
	else if (sodium_memcmp(key.digest, stored->digest, LK_DIGEST_LEN) !=
	        0 ||
	    sodium_memcmp(key.tag, tag, LK_TAG_LEN) != 0)
		status = expected(line,
		    "\"token\" to be of this \"digest\" and \"user\"");
	lk_token_wipe(&token);
	return (status);
}

/* Read a member that may be missing, and is "" then; it is as we write it. */
static bool
optional_text(const struct line *line, const char *name, char *text,
    size_t size)
{
	return (!has_member(line, name) ||
	    (member_text(line, name, text, size) && text[0] != '\0'));
}

static enum lk_status
decode_beside(const struct line *line, struct lk_stored *stored)
{
	struct lk_origin clean;

	if (!has_member(line, "ends_ms"))
		stored->ends_ms = 0;
	else if (member_is_null(line, "ends_ms"))
		stored->ends_ms = LK_STORED_NEVER;
	else if (!member_number(line, "ends_ms", &stored->ends_ms))
		return (expected(line,
		    "\"ends_ms\", milliseconds since 1970, or null"));
	/* Nothing outlives it. */
	if (stored->ends_ms > 0 && stored->expires_ms > stored->ends_ms)
		stored->expires_ms = stored->ends_ms;
	if (!optional_text(line, "peer", stored->peer, sizeof(stored->peer)) ||
	    !optional_text(line, "agent", stored->agent, sizeof(stored->agent)))
		return (
		    expected(line, "\"peer\" and \"agent\", if any, short"));
	lk_origin_set(&clean, stored->peer, stored->agent, NULL);
	if (strcmp(clean.peer, stored->peer) != 0 ||
	    strcmp(clean.agent, stored->agent) != 0)
		return (expected(line,
		    "\"peer\" and \"agent\" without what is never seen"));
	return (LK_OK);
}

static enum lk_status
decode_session(const struct line *line, struct lk_stored *stored)
{
	char digest[LK_DIGEST_TEXT_LEN + 1];
	enum lk_status status = LK_FAULT;
	size_t len;

	if (!member_text(line, "client", stored->client,
	        sizeof(stored->client)) ||
	    (stored->client[0] != '\0' &&
	        lk_client_check(stored->client) != LK_OK))
		return (expected(line, "\"client\", a client kind or \"\""));
	if (!member_number(line, "issued_us", &stored->issued_us) &&
	    !member_is_null(line, "issued_us"))
		return (expected(line,
		    "\"issued_us\", microseconds since "
		    "1970, or null"));
	if (!member_text(line, "digest", digest, sizeof(digest)) ||
	    lk_base64url_decode(digest, strlen(digest), stored->digest,
	        LK_DIGEST_LEN, &len) != LK_OK ||
	    len != LK_DIGEST_LEN)
		return (expected(line,
		    "\"digest\", the base64url of a "
		    "token's SHA-256"));
	status = decode_beside(line, stored);
	return (status == LK_OK ? decode_token(line, stored) : status);
}

static enum lk_status
decode_user(const struct line *line, struct lk_stored *stored,
    struct lk_buf *record)
{
	struct lk_buf detail = LK_BUF_INIT(LK_DETAIL_MAX);
	enum lk_status status = LK_OK;
	const char *value;
	size_t len, before = record->len;

	if (!lk_json_member(line->text, line->len, "detail", &value, &len) ||
	    len > LK_DETAIL_MAX || !lk_json_valid(value, len)) {
		status = expected(line,
		    "\"detail\", JSON in UTF-8 of at most "
		    "65536 bytes");
		goto out;
	}
	lk_json_compact(value, len, &detail);
	if (!detail.failed)
		lk_user_record_encode(stored->user, detail.data, record);
	if (detail.failed || record->failed)
		status = lk_fail(line->error, LK_E_NOMEM, "out of memory");
	else {
		stored->record = record->data + before;
		stored->record_len = record->len - before;
	}
out:
	lk_buf_free(&detail);
	return (status);
}

static enum lk_stored_kind
kind_of(const struct line *line)
{
	static const struct {
		const char *name;
		enum lk_stored_kind kind;
	} kinds[] = { { "session", LK_STORED_SESSION },
		{ "user", LK_STORED_USER }, { "header", LK_STORED_HEADER },
		{ "end", LK_STORED_END } };
	char type[16];
	size_t i;

	if (!member_text(line, "type", type, sizeof(type)))
		return (LK_STORED_UNREADABLE);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(type, kinds[i].name) == 0)
			return (kinds[i].kind);
	}
	return (LK_STORED_UNREADABLE);
}

/* What sessions and users have in common, and then what they have not. */
static enum lk_status
decode_item(const struct line *line, struct lk_stored *stored,
    struct lk_buf *record)
{
	if (!member_text(line, "user", stored->user, sizeof(stored->user)) ||
	    !lk_user_id_fits(stored->user))
		return (expected(line, "\"user\", " LK_USER_ID_WANT));
	if (!member_number(line, "expires_ms", &stored->expires_ms))
		return (
		    expected(line, "\"expires_ms\", milliseconds since 1970"));
	return (stored->kind == LK_STORED_SESSION
	        ? decode_session(line, stored)
	        : decode_user(line, stored, record));
}

enum lk_status
lk_export_line_decode(const char *text, size_t len, struct lk_stored *stored,
    struct lk_buf *record, struct lk_error *error)
{
	const struct line line = { text, len, error };
	enum lk_status status = LK_FAULT;

	memset(stored, 0, sizeof(*stored));
	if (!lk_json_valid(text, len))
		return (expected(&line,
		    "one JSON object, in UTF-8 and with no name twice"));
	stored->kind = kind_of(&line);
	if (stored->kind == LK_STORED_UNREADABLE)
		status = expected(&line,
		    "\"type\":\"header\", \"session\", "
		    "\"user\" or \"end\"");
	else if (stored->kind == LK_STORED_HEADER)
		status = decode_header(&line);
	else if (stored->kind == LK_STORED_END)
		status = LK_OK;
	else
		status = decode_item(&line, stored, record);
	if (status != LK_OK)
		lk_stored_wipe(stored);
	return (status);
}
