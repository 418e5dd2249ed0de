#include <string.h>

#include "session/record.h"
#include "session/user.h"

enum lk_status
lk_client_check(const char *client)
{
	size_t i;
	char c;

	for (i = 0; (c = client[i]) != '\0'; i++) {
		if (i == LK_CLIENT_MAX)
			return (LK_E_INVAL);
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		        (c >= '0' && c <= '9') || c == '.' || c == '_' ||
		        (c == '-' && i > 0)))
			return (LK_E_INVAL);
	}
	return (i > 0 ? LK_OK : LK_E_INVAL);
}

/* What is left of a record to be read. */
struct cursor {
	const char *p;
	const char *end;
};

/* Take the word up to the next space, and the space. */
static bool
take_word(struct cursor *c, const char **word, size_t *len)
{
	const char *space = memchr(c->p, ' ', (size_t)(c->end - c->p));

	if (space == NULL)
		return (false);
	*word = c->p;
	*len = (size_t)(space - c->p);
	c->p = space + 1;
	return (*len > 0);
}

static bool
take_number(struct cursor *c, int64_t *number)
{
	const char *word;
	size_t len, i;

	*number = 0;
	if (!take_word(c, &word, &len) || len > LK_RECORD_DIGITS_MAX)
		return (false);
	for (i = 0; i < len; i++) {
		if (word[i] < '0' || word[i] > '9')
			return (false);
		*number = *number * 10 + (word[i] - '0');
	}
	return (true);
}

/* Take a word of ${min} to ${max} bytes as a string. */
static bool
take_text(struct cursor *c, size_t min, size_t max, char *text)
{
	const char *word;
	size_t len;

	if (!take_word(c, &word, &len) || len < min || len > max)
		return (false);
	memcpy(text, word, len);
	text[len] = '\0';
	return (true);
}

/* The rest, which may contain spaces, is the user id. */
static bool
take_user(struct cursor *c, char user[LK_USER_ID_MAX + 1])
{
	size_t len = (size_t)(c->end - c->p);

	if (len > LK_USER_ID_MAX || memchr(c->p, '\0', len) != NULL)
		return (false);
	memcpy(user, c->p, len);
	user[len] = '\0';
	return (lk_user_id_check(user) == LK_OK);
}

enum lk_status
lk_record_parse(const char *text, size_t len, struct lk_record *record)
{
	struct cursor c = { text, text + len };
	int64_t version;
	bool ok;

	memset(record, 0, sizeof(*record));
	ok = len <= LK_RECORD_MAX && take_number(&c, &version) &&
	    version == 1 && take_number(&c, &record->issued_us) &&
	    take_number(&c, &record->expires_ms) &&
	    take_text(&c, LK_DIGEST_TEXT_LEN, LK_DIGEST_TEXT_LEN,
	        record->digest) &&
	    take_text(&c, 1, LK_CLIENT_MAX, record->client) &&
	    take_user(&c, record->user);
	if (ok && strcmp(record->client, "-") == 0)
		record->client[0] = '\0';
	else
		ok = ok && lk_client_check(record->client) == LK_OK;
	if (!ok) {
		memset(record, 0, sizeof(*record));
		return (LK_E_CORRUPT);
	}
	return (LK_OK);
}

enum lk_status
lk_record_digest(const struct lk_record *record, uint8_t digest[LK_DIGEST_LEN])
{
	size_t len;

	if (lk_base64url_decode(record->digest, strlen(record->digest), digest,
	        LK_DIGEST_LEN, &len) != LK_OK ||
	    len != LK_DIGEST_LEN)
		return (LK_E_CORRUPT);
	return (LK_OK);
}

void
lk_record_session(const struct lk_record *record,
    const uint8_t digest[LK_DIGEST_LEN], const uint8_t tag[LK_TAG_LEN],
    struct lk_session *session)
{
	memset(session, 0, sizeof(*session));
	memcpy(session->user, record->user, sizeof(session->user));
	memcpy(session->client, record->client, sizeof(session->client));
	lk_session_id(digest, tag, LK_TAG_LEN, session->id);
	session->issued_at = record->issued_us / 1000000;
}

void
lk_session_expiry(int64_t expires_ms, int64_t now_ms,
    struct lk_session *session)
{
	int64_t left = (expires_ms - now_ms + 999) / 1000;

	session->expires_at = (expires_ms + 999) / 1000;
	session->ttl = left < 1 ? 1 : left;
}
