#include <string.h>

#include "json.h"
#include "json_scan.h"
#include "pattern.h"
#include "rules.h"

/* Longest name between the dots of a field, and longest string compared. */
#define NAME_SIZE (LK_RULE_FIELD_MAX + 1)
#define VALUE_SIZE 1025

/* ---- Which rule -------------------------------------------------------- */

bool
gate_rule_matches(const struct lk_rule *rule, const char *method,
    const char *path)
{
	if (!gate_pattern_matches(rule->path, path))
		return (false);
	if (rule->methods.n == 0 || lk_strings_have(&rule->methods, method))
		return (true);
	return (strcmp(method, "HEAD") == 0 &&
	    lk_strings_have(&rule->methods, "GET"));
}

/* The first rule that matches, from 1 on; 0 if none does. */
static size_t
find_rule(const struct lk_rules *rules, const char *method,
    const struct gate_path *path)
{
	size_t i;

	for (i = 0; i < rules->n; i++) {
		if (gate_rule_matches(&rules->v[i], method, path->text))
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

/* Whether every reading of the path leads to the rule that was found. */
static bool
is_read_alike(const struct lk_rules *rules, const struct gate_request *request,
    const struct gate_plan *plan)
{
	struct gate_path bare;

	if (!plan->path.has_params)
		return (true);
	return (gate_path_read_bare(request->uri, &bare) == NULL &&
	    find_rule(rules, request->method, &bare) == plan->number);
}

static void
plan_by_rule(const struct lk_settings *settings, struct gate_plan *plan)
{
	switch ((enum lk_access)plan->rule->access) {
	case LK_ACCESS_PUBLIC:
		ask_for(plan, GATE_NEED_NOTHING);
		return;
	case LK_ACCESS_SESSION:
		ask_for(plan,
		    plan->rule->require_n > 0 || settings->gate.detail
		        ? GATE_NEED_USER
		        : GATE_NEED_SESSION);
		return;
	case LK_ACCESS_DENY:
		break;
	}
	refuse(plan, 403, "The rule for this path refuses everybody.");
}

void
gate_plan(const struct lk_settings *settings,
    const struct gate_request *request, struct gate_plan *plan)
{
	const struct lk_rules *rules = &settings->gate.rules;
	const char *method = request->method, *why;

	plan->rule = NULL;
	plan->number = 0;
	plan->path.has_params = false;
	plan->path.len = 0;
	plan->path.text[0] = '\0';
	refuse(plan, 404, "No verdict was asked for.");
	if (!request->authorizer)
		return;
	refuse(plan, 400, "The web server did not say what is requested.");
	if (method == NULL || method[0] == '\0' || request->uri == NULL ||
	    request->uri[0] == '\0')
		return;
	if ((why = gate_path_read(request->uri, &plan->path)) != NULL) {
		refuse(plan, 400, why);
		return;
	}
	plan->number = find_rule(rules, method, &plan->path);
	if (plan->number > 0)
		plan->rule = &rules->v[plan->number - 1];
	if (!is_read_alike(rules, request, plan))
		refuse(plan, 400,
		    "The rules for this path with and without "
		    "its parameters differ.");
	else if (plan->rule == NULL)
		refuse(plan, 403, "There is no rule for this request.");
	else
		plan_by_rule(settings, plan);
}

/* ---- What a rule asks for ---------------------------------------------- */

/* Whether one JSON value is one of those required. */
static bool
is_any_of(const struct lk_requirement *require, const char *value, size_t len)
{
	char text[VALUE_SIZE];
	size_t i;

	if (require->quoted)
		return (lk_json_text(value, len, text, sizeof(text)) &&
		    lk_strings_have(&require->any, text));
	for (i = 0; i < require->any.n; i++) {
		if (strlen(require->any.v[i]) == len &&
		    memcmp(require->any.v[i], value, len) == 0)
			return (true);
	}
	return (false);
}

/* Go down from ${value} to the member that ${field} names. */
static bool
find_field(const char *field, const char **value, size_t *len)
{
	char name[NAME_SIZE];
	size_t name_len;

	for (;;) {
		name_len = strcspn(field, ".");
		if (name_len >= sizeof(name))
			return (false);
		memcpy(name, field, name_len);
		name[name_len] = '\0';
		if (!lk_json_member(*value, *len, name, value, len))
			return (false);
		if (field[name_len] == '\0')
			return (true);
		field += name_len + 1;
	}
}

bool
gate_requirement_holds(const struct lk_requirement *require, const char *detail)
{
	size_t len = strlen(detail), at = 0, element_len;
	const char *value = detail, *element;

	if (!find_field(require->field, &value, &len))
		return (false);
	if (is_any_of(require, value, len))
		return (true);
	while (lk_json_element(value, len, &at, &element, &element_len)) {
		if (is_any_of(require, element, element_len))
			return (true);
	}
	return (false);
}

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
	for (i = 0; i < rule->require_n; i++) {
		if (user == NULL || user->detail == NULL ||
		    !gate_requirement_holds(&rule->require[i], user->detail))
			return ("The user's detail is not what the rule for "
			        "this path requires.");
	}
	return (NULL);
}
