/*
 * What the rules of `gate.rules` say about a request.  Pure.
 *
 * The first rule whose host, path and methods match is the one that counts; if
 * none does, the request is refused.  Where any rule names hosts, so is one of
 * which the web server does not say by LATCHKEY_HOST which of its hosts it is
 * for: what the client says is no word on that.  Where two readings of an odd
 *path (path.h) would meet different rules, the request is refused too: the
 *servers behind the gate are known to differ on which one is right.  So is one
 *whose method no rule could name, since an application may read `delete` as
 *DELETE.
 *
 * A request with a Destination (RFC 4918) is about two paths, and the rules
 * for both must let it in.  A COPY or MOVE without one, and the methods that
 * name a second path in their body (RFC 5842), are refused.
 *
 * A pattern matches the path as path.h reads it, byte for byte:
 *
 *	/x	/x alone
 *	/x/	/x, /x/ and everything below
 *	*	in a pattern: any bytes of one segment, or none
 *	**	any bytes, slashes too, or none; a whole segment that is **
 *		may also be missing with its slash
 *	?	one byte, no slash
 */
#ifndef GATE_RULES_H_
#define GATE_RULES_H_

#include <stdbool.h>

#include "latchkey.h"
#include "settings/settings.h"
#include "verdict/path.h"
#include "verdict/request.h"

/** What must be found out before a request can be decided. */
enum gate_need {
	GATE_NEED_REFUSED = 0, /* nothing: it is refused, whoever asks */
	GATE_NEED_NOTHING,     /* nothing: the rule is public */
	GATE_NEED_SESSION,     /* the session, lk_check() */
	GATE_NEED_USER         /* and the user's detail, lk_check_user() */
};

/** The first step of a decision.  All zero refuses. */
struct gate_plan {
	enum gate_need need;
	unsigned int http;  /* GATE_NEED_REFUSED: 400, 403, 404; 0 is 503 */
	const char *reason; /* and why, a sentence of constant text */
	const struct lk_rule *rule; /* that matched, or NULL */
	size_t number;         /* its place in the list, from 1 on; 0: none */
	struct gate_path path; /* its usual reading; empty if it was refused */
	const struct lk_rule *to; /* the same for the destination, which is */
	size_t to_number;         /* NULL, 0 and empty if there is none */
	struct gate_path to_path;
};

/**
 * gate_plan(settings, request, plan):
 * Find the rule for ${request} and say what it needs: nothing if no verdict
 * was asked for.  ${plan} borrows the rule from ${settings}.
 */
void gate_plan(const struct lk_settings *settings,
    const struct gate_request *request, struct gate_plan *plan);

/**
 * gate_plan_refuses(plan, session, user):
 * NULL if the session, and the user's detail, are what the rules of ${plan}
 * ask for; else why not, in a sentence of constant text.  ${user} may be NULL
 * if they have no requirements.
 */
const char *gate_plan_refuses(const struct gate_plan *plan,
    const struct lk_session *session, const struct lk_user *user);

/**
 * gate_pattern_matches(pattern, path):
 * Whether the read path ${path} is one that ${pattern}, of at most
 * LK_RULE_PATH_MAX bytes, describes.  The time it takes is at most the
 * product of their lengths.
 */
bool gate_pattern_matches(const char *pattern, const char *path);

/**
 * gate_rule_matches(rule, host, method, path):
 * Whether ${rule} is about ${method} on ${path} of ${host}, which may be NULL
 * if the rule names no hosts.  A rule for GET is one for HEAD as well.
 */
bool gate_rule_matches(const struct lk_rule *rule, const char *host,
    const char *method, const char *path);

/**
 * gate_rule_refuses(rule, session, user):
 * NULL if the session, and the user's detail, are what ${rule} asks for;
 * else why not, in a sentence of constant text.  ${user} may be NULL if the
 * rule has no requirements.
 */
const char *gate_rule_refuses(const struct lk_rule *rule,
    const struct lk_session *session, const struct lk_user *user);

#endif /* !GATE_RULES_H_ */
