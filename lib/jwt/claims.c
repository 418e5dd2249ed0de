#include <inttypes.h>
#include <string.h>

#include "base/base64url.h"
#include "base/error.h"
#include "base/json.h"
#include "jwt/claims.h"
#include "session/record.h"
#include "session/token.h"
#include "session/user.h"

/* Longest issuer, audience and jti that is read, with its NUL. */
#define TEXT_SIZE 513
/* Most digits of a time, so that no sum of two overflows. */
#define DIGITS_MAX 15
/* The client_id of a session without a kind, which no kind can be. */
#define NO_CLIENT "-"
/* Most bytes that are copied from a user's detail. */
#define COPIED_MAX 1024

enum { ISS = 0, SUB, AUD, CLIENT_ID, JTI, SID, IAT, EXP, NBF, CLAIMS };

/* ---- Reading ----------------------------------------------------------- */

static bool
take_text(const struct lk_json_wanted *claim, char *text, size_t size)
{
	return (claim->value != NULL &&
	    lk_json_text(claim->value, claim->len, text, size) &&
	    text[0] != '\0');
}

/* Take a whole number of seconds; what others may round is none. */
static bool
take_time(const struct lk_json_wanted *claim, int64_t *time)
{
	size_t i;

	*time = 0;
	if (claim->value == NULL || claim->len > DIGITS_MAX)
		return (false);
	for (i = 0; i < claim->len; i++) {
		if (claim->value[i] < '0' || claim->value[i] > '9')
			return (false);
		*time = *time * 10 + (claim->value[i] - '0');
	}
	return (true);
}

/* Whether one of those it is for is one of ours, and all are texts. */
static bool
is_for_us(const struct lk_settings *settings, const struct lk_json_wanted *aud)
{
	char text[TEXT_SIZE];
	const char *value;
	size_t len, at = 0;
	bool ours = false;

	if (take_text(aud, text, sizeof(text)))
		return (lk_strings_have(&settings->jwt.audience, text));
	while (aud->value != NULL &&
	    lk_json_element(aud->value, aud->len, &at, &value, &len)) {
		if (!lk_json_text(value, len, text, sizeof(text)))
			return (false);
		ours = ours || lk_strings_have(&settings->jwt.audience, text);
	}
	return (ours);
}

/* Read whose session it is of; NULL, or what is wrong. */
static const char *
read_session(const struct lk_json_wanted claims[CLAIMS],
    struct lk_session *session)
{
	struct lk_session_ref ref;
	char text[TEXT_SIZE];

	if (!take_text(&claims[SUB], session->user, sizeof(session->user)) ||
	    !lk_user_id_fits(session->user))
		return ("its sub is no user id");
	if (!take_text(&claims[SID], session->id, sizeof(session->id)) ||
	    lk_session_id_parse(session->id, &ref) != LK_OK ||
	    (!lk_session_ref_is_of(&ref, LK_SHAPE_LATCHKEY, session->user) &&
	        !lk_session_ref_is_of(&ref, LK_SHAPE_GOSESSION, session->user)))
		return ("its sid is no session of its sub");
	if (!take_text(&claims[CLIENT_ID], text, sizeof(text)) ||
	    (strcmp(text, NO_CLIENT) != 0 && lk_client_check(text) != LK_OK))
		return ("its client_id is no client kind");
	if (strcmp(text, NO_CLIENT) != 0)
		memcpy(session->client, text, strlen(text) + 1);
	if (!take_text(&claims[JTI], text, sizeof(text)))
		return ("it has no jti");
	return (NULL);
}

/* Whether it is time for it. */
static enum lk_status
judge_times(const struct lk_json_wanted claims[CLAIMS], int64_t leeway,
    int64_t now, struct lk_session *session, struct lk_error *why)
{
	int64_t from = 0;

	if (!take_time(&claims[EXP], &session->expires_at) ||
	    !take_time(&claims[IAT], &session->issued_at) ||
	    session->expires_at <= session->issued_at ||
	    (claims[NBF].value != NULL && !take_time(&claims[NBF], &from)))
		return (lk_fail(why, LK_MALFORMED,
		    "its iat, exp or nbf is no time in whole seconds"));
	if (session->issued_at > now + leeway || from > now + leeway)
		return (lk_fail(why, LK_UNKNOWN,
		    "it is not valid yet (iat, nbf): do the clocks agree?"));
	if (now >= session->expires_at + leeway)
		return (lk_fail(why, LK_EXPIRED, "its time is over (exp)"));
	session->ttl = session->expires_at > now
	    ? session->expires_at - now
	    : 1;
	return (LK_OK);
}

enum lk_status
lk_jwt_claims_read(const struct lk_settings *settings, const char *text,
    size_t len, int64_t now, struct lk_session *session, struct lk_error *why)
{
	struct lk_json_wanted claims[CLAIMS] = { [ISS] = { .name = "iss" },
		[SUB] = { .name = "sub" },
		[AUD] = { .name = "aud" },
		[CLIENT_ID] = { .name = "client_id" },
		[JTI] = { .name = "jti" },
		[SID] = { .name = "sid" },
		[IAT] = { .name = "iat" },
		[EXP] = { .name = "exp" },
		[NBF] = { .name = "nbf" } };
	char issuer[TEXT_SIZE];
	const char *wrong;

	if (!lk_json_object(text, len, claims, CLAIMS))
		return (lk_fail(why, LK_MALFORMED,
		    "its claims are no JSON object that all read alike"));
	if (!take_text(&claims[ISS], issuer, sizeof(issuer)) ||
	    strcmp(issuer, settings->jwt.issuer) != 0)
		return (lk_fail(why, LK_UNKNOWN,
		    "its issuer (iss) is not jwt.issuer"));
	if (!is_for_us(settings, &claims[AUD]))
		return (lk_fail(why, LK_UNKNOWN,
		    "its audience (aud) is none of jwt.audience"));
	if ((wrong = read_session(claims, session)) != NULL)
		return (lk_fail(why, LK_MALFORMED, "%s", wrong));
	return (judge_times(claims, settings->jwt.leeway, now, session, why));
}

/* ---- Writing ----------------------------------------------------------- */

static void
add_text(struct lk_buf *out, const char *name, const char *text)
{
	lk_buf_printf(out, "%c\"%s\":", out->len == 0 ? '{' : ',', name);
	lk_json_string(text, out);
}

/* Copy the members of the detail that `jwt.claims` names. */
static void
copy_claims(const struct lk_settings *settings, const char *detail,
    struct lk_buf *out)
{
	const struct lk_strings *names = &settings->jwt.claims;
	const size_t len = strlen(detail);
	size_t i, value_len;
	const char *value;

	for (i = 0; i < names->n; i++) {
		if (!lk_json_member(detail, len, names->v[i], &value,
		        &value_len))
			continue;
		lk_buf_str(out, ",");
		lk_json_string(names->v[i], out);
		lk_buf_str(out, ":");
		lk_buf_add(out, value, value_len);
	}
}

enum lk_status
lk_jwt_claims_write(const struct lk_settings *settings,
    const struct lk_jwt_order *order, const struct lk_session *session,
    struct lk_buf *out, struct lk_error *error)
{
	char jti[LK_JWT_RANDOM_LEN * 4 / 3 + 2];
	size_t before;

	lk_base64url(order->random, LK_JWT_RANDOM_LEN, jti);
	add_text(out, "iss", settings->jwt.issuer);
	add_text(out, "sub", session->user);
	add_text(out, "aud", order->audience);
	add_text(out, "client_id",
	    session->client[0] != '\0' ? session->client : NO_CLIENT);
	add_text(out, "jti", jti);
	add_text(out, "sid", session->id);
	lk_buf_printf(out, ",\"iat\":%" PRId64 ",\"exp\":%" PRId64,
	    session->issued_at, session->expires_at);
	before = out->len;
	if (order->detail != NULL)
		copy_claims(settings, order->detail, out);
	if (out->len - before > COPIED_MAX)
		return (lk_fail(error, LK_E_INVAL,
		    "jwt.claims: expected at most %d bytes of the user's "
		    "detail, got %zu",
		    COPIED_MAX, out->len - before));
	lk_buf_str(out, "}");
	if (out->failed)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	return (LK_OK);
}
