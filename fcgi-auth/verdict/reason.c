#include "verdict/reason.h"

static const struct {
	const char *outcome;
	const char *reason;
} labels[GATE_REASON_COUNT] = {
	[GATE_REASON_OTHER] = { "unavailable", "other" },
	[GATE_REASON_SESSION] = { "allowed", "session" },
	[GATE_REASON_PUBLIC] = { "allowed", "public" },
	[GATE_REASON_NO_TOKEN] = { "denied", "no_token" },
	[GATE_REASON_MALFORMED] = { "denied", "malformed" },
	[GATE_REASON_CONFLICT] = { "denied", "conflict" },
	[GATE_REASON_UNKNOWN] = { "denied", "unknown" },
	[GATE_REASON_EXPIRED] = { "denied", "expired" },
	[GATE_REASON_OTHER_USER] = { "denied", "other_user" },
	[GATE_REASON_NO_USER] = { "denied", "no_user" },
	[GATE_REASON_LIMIT] = { "denied", "limit" },
	[GATE_REASON_RULE] = { "denied", "rule" },
	[GATE_REASON_BAD_REQUEST] = { "denied", "bad_request" },
	[GATE_REASON_STORE] = { "unavailable", "store" },
};

/* Why the bearer of what was sent is not let in. */
static enum gate_reason
reason_of_credentials(const struct gate_facts *facts)
{
	switch (facts->credentials->kind) {
	case GATE_CREDENTIALS_NONE:
		return (GATE_REASON_NO_TOKEN);
	case GATE_CREDENTIALS_BAD:
		return (GATE_REASON_MALFORMED);
	case GATE_CREDENTIALS_SEVERAL:
	case GATE_CREDENTIALS_TOO_MANY:
	case GATE_CREDENTIALS_CONFLICT:
		return (GATE_REASON_CONFLICT);
	case GATE_CREDENTIALS_ONE:
		break;
	}
	switch (facts->status) {
	case LK_OK:
		return (GATE_REASON_OTHER_USER);
	case LK_MALFORMED:
		return (GATE_REASON_MALFORMED);
	case LK_EXPIRED:
		return (GATE_REASON_EXPIRED);
	default:
		return (GATE_REASON_UNKNOWN);
	}
}

enum gate_reason
gate_reason_of(const struct gate_facts *facts,
    const struct gate_verdict *verdict)
{
	switch (verdict->http) {
	case 200:
		return (facts->status == LK_OK ? GATE_REASON_SESSION
		                               : GATE_REASON_PUBLIC);
	case 302:
	case 401:
		return (reason_of_credentials(facts));
	case 400:
		return (verdict->challenge != GATE_CHALLENGE_NONE
		        ? GATE_REASON_CONFLICT
		        : GATE_REASON_BAD_REQUEST);
	case 403:
		if (facts->status == LK_NO_USER)
			return (GATE_REASON_NO_USER);
		return (facts->status == LK_LIMIT ? GATE_REASON_LIMIT
		                                  : GATE_REASON_RULE);
	case 404:
		return (GATE_REASON_BAD_REQUEST);
	case 503:
		return (
		    facts->status < 0 ? GATE_REASON_STORE : GATE_REASON_OTHER);
	default:
		return (GATE_REASON_OTHER);
	}
}

const char *
gate_reason_name(enum gate_reason reason)
{
	return (labels[reason].reason);
}

const char *
gate_reason_outcome(enum gate_reason reason)
{
	return (labels[reason].outcome);
}
