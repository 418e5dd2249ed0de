#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "session/rule.h"
#include "verdict/detail.h"
#include "verdict/rules.h"

/* ---- Patterns ----------------------------------------------------------- */

/*
 * A pattern with wildcards is run as an automaton that is in several places
 * of the pattern at once: no path makes it go back, however many stars the
 * pattern has.
 */
/* A whole segment that may be missing, with the slash behind it. */
static const char any_segments[] = "**/";
#define ANY_SEGMENTS_LEN (sizeof(any_segments) - 1)

/*
 * The places of a pattern that is run: ${at}[i] if what is before i fits.  One
 * may be behind the end, since a prefix is run without its final slash.
 */
struct places {
	bool at[LK_RULE_PATH_MAX + 2];
};

/* Be at ${i}, and wherever a star that stands for nothing leads from there. */
static void
stay(struct places *places, const char *pattern, size_t i)
{
	places->at[i] = true;
	while (pattern[i] == '*')
		places->at[++i] = true;
}

/*
 * Get to ${i}, which may be the start of a segment.  Places are left in
 * order, so whoever is at the start of a segment already got there this way.
 */
static void
enter(struct places *places, const char *pattern, size_t i)
{
	if (places->at[i])
		return;
	stay(places, pattern, i);
	if (i > 0 && pattern[i - 1] == '/' &&
	    strncmp(pattern + i, any_segments, ANY_SEGMENTS_LEN) == 0)
		enter(places, pattern, i + ANY_SEGMENTS_LEN);
}

/* From place ${i} of ${pattern} take the byte ${c}. */
static void
step(struct places *next, const char *pattern, size_t i, char c)
{
	bool deep = pattern[i] == '*' && pattern[i + 1] == '*';

	if (pattern[i] == '*') {
		if (c != '/' || deep)
			stay(next, pattern, i);
		return;
	}
	if (pattern[i] == c || (pattern[i] == '?' && c != '/'))
		enter(next, pattern, i + 1);
}

/*
 * Whether the first ${len} bytes of ${pattern} match all of ${path}, or with
 * ${below} a part of it that ends before a slash.
 */
static bool
run(const char *pattern, size_t len, bool below, const char *path)
{
	struct places now, next;
	size_t i;

	memset(&now, 0, sizeof(now));
	enter(&now, pattern, 0);
	for (; *path != '\0'; path++) {
		if (below && *path == '/' && now.at[len])
			return (true);
		memset(&next, 0, len + 2);
		for (i = 0; i < len; i++) {
			if (now.at[i])
				step(&next, pattern, i, *path);
		}
		memcpy(&now, &next, len + 2);
	}
	return (now.at[len]);
}

bool
gate_pattern_matches(const char *pattern, const char *path)
{
	size_t len = strlen(pattern);
	bool below = len > 0 && pattern[len - 1] == '/';

	if (len > LK_RULE_PATH_MAX || path[0] != '/')
		return (false);
	if (below)
		len--;
	if (strcspn(pattern, "*?") < len)
		return (run(pattern, len, below, path));
	if (strncmp(pattern, path, len) != 0)
		return (false);
	return (path[len] == '\0' || (below && path[len] == '/'));
}

/* ---- Which rule -------------------------------------------------------- */

/* Whether ${host} is the one that a rule names, or below it. */
static bool
is_host(const char *named, const char *host)
{
	const size_t len = strlen(host);
	size_t below;

	if (named[0] != '*')
		return (strcasecmp(named, host) == 0);
	below = strlen(++named);
	return (len > below && strcasecmp(host + len - below, named) == 0);
}

static bool
is_of_hosts(const struct lk_strings *hosts, const char *host)
{
	size_t i;

	for (i = 0; i < hosts->n; i++) {
		if (host != NULL && is_host(hosts->v[i], host))
			return (true);
	}
	return (hosts->n == 0);
}

static bool
name_hosts(const struct lk_rules *rules)
{
	size_t i;

	for (i = 0; i < rules->n; i++) {
		if (rules->v[i].hosts.n > 0)
			return (true);
	}
	return (false);
}

bool
gate_rule_matches(const struct lk_rule *rule, const char *host,
    const char *method, const char *path)
{
	if (!is_of_hosts(&rule->hosts, host) ||
	    !gate_pattern_matches(rule->path, path))
		return (false);
	if (rule->methods.n == 0 || lk_strings_have(&rule->methods, method))
		return (true);
	return (strcmp(method, "HEAD") == 0 &&
	    lk_strings_have(&rule->methods, "GET"));
}

/* What is asked, but for the path. */
struct asked {
	const struct lk_rules *rules;
	const char *host; /* NULL: not said, and no rule names one */
	const char *method;
};

/* The first rule that matches, from 1 on; 0 if none does. */
static size_t
find_rule(const struct asked *asked, const struct gate_path *path)
{
	const struct lk_rules *rules = asked->rules;
	size_t i;

	for (i = 0; i < rules->n; i++) {
		if (gate_rule_matches(&rules->v[i], asked->host, asked->method,
		        path->text))
			return (i + 1);
	}
	return (0);
}

static void
refuse(struct gate_plan *plan, unsigned int http, const char *reason)
{
	plan->need = GATE_NEED_REFUSED;
	plan->http = http;
	plan->reason = reason;
}

static void
ask_for(struct gate_plan *plan, enum gate_need need)
{
	plan->need = need;
	plan->http = 0;
	plan->reason = NULL;
}

/*
 * Read ${uri} and find the rule that every reading of it meets.  False, and
 * the plan refuses, if there is none.
 */
static bool
find_for_uri(const struct asked *asked, const char *uri, struct gate_plan *plan,
    struct gate_path *path, size_t *number)
{
	struct gate_target target;
	struct gate_path other;
	const char *why;

	if ((why = gate_target_read(uri, &target, path)) != NULL) {
		refuse(plan, 400, why);
		return (false);
	}
	*number = find_rule(asked, path);
	while (gate_target_next(&target, &other)) {
		if (find_rule(asked, &other) == *number)
			continue;
		*number = 0;
		refuse(plan, 400,
		    "The path can be read in ways for which the rules "
		    "differ.");
		return (false);
	}
	if (*number == 0)
		refuse(plan, 403, "There is no rule for this request.");
	return (*number > 0);
}

/* ---- The second path --------------------------------------------------- */

/* Whether the method needs a destination, which may be nowhere but there. */
static bool
needs_destination(const char *method)
{
	return (strcmp(method, "COPY") == 0 || strcmp(method, "MOVE") == 0);
}

/* Whether the method has its second path in a body, which nobody reads. */
static bool
hides_second_path(const char *method)
{
	return (strcmp(method, "BIND") == 0 || strcmp(method, "UNBIND") == 0 ||
	    strcmp(method, "REBIND") == 0);
}

/* The length of a host and port without the port that goes without saying. */
static size_t
host_len(const char *host, size_t len, const char *port)
{
	const size_t port_len = strlen(port);

	return (
	    len > port_len && memcmp(host + len - port_len, port, port_len) == 0
	        ? len - port_len
	        : len);
}

/* Whether the URI, if it says a host, says the one that was asked. */
static bool
is_of_host(const char *uri, const char *host)
{
	static const struct {
		const char *name, *port;
	} schemes[] = { { "http://", ":80" }, { "https://", ":443" } };
	size_t i, len, asked;

	if (uri[0] == '/')
		return (uri[1] != '/');
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		len = strlen(schemes[i].name);
		if (strncasecmp(uri, schemes[i].name, len) != 0)
			continue;
		uri += len;
		len = host_len(uri, strcspn(uri, "/?#"), schemes[i].port);
		asked = host == NULL
		    ? 0
		    : host_len(host, strlen(host), schemes[i].port);
		return (len > 0 && len == asked &&
		    strncasecmp(uri, host, len) == 0);
	}
	return (false);
}

/*
 * Find the rule for the destination, if there is one.  False, and the plan
 * refuses, if the request must not have it or must have one.  Servers join
 * headers given twice by a comma and a space, which no URI has.
 */
static bool
find_for_destination(const struct asked *asked,
    const struct gate_request *request, struct gate_plan *plan)
{
	const char *uri = gate_request_only(request, "HTTP_DESTINATION");
	const char *host = gate_request_only(request, "HTTP_HOST");

	if (hides_second_path(request->method)) {
		refuse(plan, 400, "The method names a path in its body.");
		return (false);
	}
	if (uri == NULL) {
		if (!needs_destination(request->method))
			return (true);
		refuse(plan, 400, "The method needs a destination.");
		return (false);
	}
	if (strchr(uri, ' ') != NULL || !is_of_host(uri, host)) {
		refuse(plan, 400,
		    "The destination is no one path of this host.");
		return (false);
	}
	if (!find_for_uri(asked, uri, plan, &plan->to_path, &plan->to_number))
		return (false);
	plan->to = &asked->rules->v[plan->to_number - 1];
	return (true);
}

/* ---- The plan of both paths ---------------------------------------------- */

/* What one rule needs, which is the more the higher the number. */
static enum gate_need
need_of(const struct lk_rule *rule, const struct lk_settings *settings)
{
	switch ((enum lk_access)rule->access) {
	case LK_ACCESS_PUBLIC:
		return (GATE_NEED_NOTHING);
	case LK_ACCESS_SESSION:
		return (rule->require.n > 0 || settings->gate.detail ||
		            settings->gate.headers.n > 0
		        ? GATE_NEED_USER
		        : GATE_NEED_SESSION);
	case LK_ACCESS_DENY:
		break;
	}
	return (GATE_NEED_REFUSED);
}

static void
plan_by_rules(const struct lk_settings *settings, struct gate_plan *plan)
{
	enum gate_need need = need_of(plan->rule, settings);
	enum gate_need to = plan->to == NULL
	    ? need
	    : need_of(plan->to, settings);

	if (need == GATE_NEED_REFUSED)
		refuse(plan, 403, "The rule for this path refuses everybody.");
	else if (to == GATE_NEED_REFUSED)
		refuse(plan, 403,
		    "The rule for the destination refuses everybody.");
	else
		ask_for(plan, to > need ? to : need);
}

void
gate_plan(const struct lk_settings *settings,
    const struct gate_request *request, struct gate_plan *plan)
{
	struct asked asked = { &settings->gate.rules, NULL, request->method };
	const char *method = request->method, *want;

	plan->rule = plan->to = NULL;
	plan->number = plan->to_number = 0;
	plan->path.len = plan->to_path.len = 0;
	plan->path.text[0] = plan->to_path.text[0] = '\0';
	refuse(plan, 404, "No verdict was asked for.");
	if (!request->authorizer)
		return;
	refuse(plan, 400, "The web server did not say what is requested.");
	if (method == NULL || method[0] == '\0' || request->uri == NULL ||
	    request->uri[0] == '\0')
		return;
	if (!lk_rule_method_check(method, &want)) {
		refuse(plan, 400, "The method is none that a rule could name.");
		return;
	}
	if (name_hosts(asked.rules) &&
	    (asked.host = gate_request_host(request)) == NULL) {
		refuse(plan, 400,
		    "The web server did not say which host is asked.");
		return;
	}
	if (!find_for_uri(&asked, request->uri, plan, &plan->path,
	        &plan->number))
		return;
	plan->rule = &asked.rules->v[plan->number - 1];
	if (find_for_destination(&asked, request, plan))
		plan_by_rules(settings, plan);
}

/* ---- What a rule asks for ---------------------------------------------- */

const char *
gate_rule_refuses(const struct lk_rule *rule, const struct lk_session *session,
    const struct lk_user *user)
{
	size_t i;

	if (rule->users.n > 0 && !lk_strings_have(&rule->users, session->user))
		return ("The rule for this path does not name the user.");
	if (rule->clients.n > 0 &&
	    !lk_strings_have(&rule->clients, session->client))
		return ("The rule for this path does not name the client.");
	for (i = 0; i < rule->require.n; i++) {
		if (user == NULL || user->detail == NULL ||
		    !gate_requirement_holds(&rule->require.v[i], user->detail))
			return ("The user's detail is not what the rule for "
			        "this path requires.");
	}
	return (NULL);
}

const char *
gate_plan_refuses(const struct gate_plan *plan,
    const struct lk_session *session, const struct lk_user *user)
{
	const char *why = gate_rule_refuses(plan->rule, session, user);

	if (why == NULL && plan->to != NULL)
		why = gate_rule_refuses(plan->to, session, user);
	return (why);
}
