#include <string.h>

#include "base/escape.h"
#include "session/origin.h"

static const char *const names[] = { [LK_REASON_NONE] = "",
	[LK_REASON_LIMIT] = "limit",
	[LK_REASON_REPLACED] = "replaced",
	[LK_REASON_REVOKED] = "revoked",
	[LK_REASON_LOGOUT] = "logout",
	[LK_REASON_LOGOUT_ALL] = "logout-all",
	[LK_REASON_LOGOUT_OTHERS] = "logout-others" };
#define NAMES (sizeof(names) / sizeof(names[0]))

const char *
lk_reason_name(enum lk_reason reason)
{
	return ((size_t)reason < NAMES ? names[reason] : "");
}

enum lk_reason
lk_reason_of(const char *name, size_t len)
{
	size_t i;

	for (i = 1; i < NAMES; i++) {
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return ((enum lk_reason)i);
	}
	return (LK_REASON_NONE);
}

enum lk_reason
lk_reason_given(const char *name, enum lk_reason fallback)
{
	enum lk_reason reason;

	if (name == NULL)
		return (fallback);
	reason = lk_reason_of(name, strlen(name));
	return (reason < LK_REASON_LOGOUT ? LK_REASON_REVOKED : reason);
}

/* Copy ${from}, which may be NULL, to ${to}; a word has no blanks. */
static void
set(char *to, size_t max, const char *from, bool word)
{
	char shown[LK_ESCAPE_SIZE];
	size_t len = from == NULL ? 0 : strlen(from), at, n, out = 0;

	for (at = 0; at < len; at += n) {
		n = lk_utf8_len(from + at, len - at);
		if (out + (n == 0 ? 1 : n) > max)
			break;
		/* What is shown otherwise than it is may not stand here. */
		if (n == 0 || (word && from[at] == ' ') ||
		    lk_escape_next(LK_ESCAPE_LINE, from + at, n, shown) != n ||
		    memcmp(shown, from + at, n) != 0) {
			n = n == 0 ? 1 : n;
			to[out++] = '?';
			continue;
		}
		memcpy(to + out, from + at, n);
		out += n;
	}
	to[out] = '\0';
}

void
lk_origin_set(struct lk_origin *origin, const char *peer, const char *agent,
    const char *actor)
{
	set(origin->peer, LK_PEER_MAX, peer, true);
	set(origin->agent, LK_AGENT_MAX, agent, false);
	set(origin->actor, LK_ACTOR_MAX, actor, true);
}
