/* The reader of `gate.rules`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/typos.h"
#include "session/record.h"
#include "session/token.h"
#include "session/user_id.h"
#include "settings/setting.h"
#include "settings/settings_reader.h"

/* Longest string in a list. */
#define MEMBER_MAX 1024
/* "gate.rules[255].require[15]." and the longest name a file may have. */
#define KEY_SIZE 128

/* One value inside a rule: where it is, for messages, and what it is. */
struct place {
	const struct lk_reader *reader;
	const config_setting_t *value;
	char key[KEY_SIZE];
};

/* How a member of a group is read into what ${target} is. */
typedef enum lk_status read_fn(const struct place *at, void *target);

struct member {
	const char *name;
	read_fn *read;
};

/* ---- Places ------------------------------------------------------------ */

/* Put a key together; one that is too long for any rule is cut. */
static void
extend(char key[KEY_SIZE], const char *parent, const char *mark,
    const char *name)
{
	(void)snprintf(key, KEY_SIZE, "%.48s%s%.64s", parent, mark, name);
}

static struct place
place_of_member(const struct place *at, const config_setting_t *value)
{
	struct place member = { .reader = at->reader, .value = value };

	extend(member.key, at->key, ".", config_setting_name(value));
	return (member);
}

static struct place
place_of_element(const struct place *at, int i)
{
	struct place element = { .reader = at->reader,
		.value = config_setting_get_elem(at->value, (unsigned int)i) };
	char index[16];

	(void)snprintf(index, sizeof(index), "%d]", i);
	extend(element.key, at->key, "[", index);
	return (element);
}

static enum lk_status
refuse(const struct place *at, const char *want, const char *got)
{
	return (lk_reader_refuse(at->reader, at->value, at->key, want, got));
}

static enum lk_status
refuse_type(const struct place *at, const char *want)
{
	return (refuse(at, want, lk_reader_type(at->value)));
}

static enum lk_status
refuse_text(const struct place *at, const char *want, const char *text)
{
	char got[LK_SETTING_TEXT_MAX];

	lk_setting_quote(text, got);
	return (refuse(at, want, got));
}

static enum lk_status
refuse_count(const struct place *at, const char *want)
{
	char got[16];

	(void)snprintf(got, sizeof(got), "%d",
	    config_setting_length(at->value));
	return (refuse(at, want, got));
}

static enum lk_status
refuse_key(const struct place *at, const struct member *members)
{
	const char *name = config_setting_name(at->value), *closest = NULL;
	size_t typos, least = LK_TYPOS_MAX + 1;

	for (; members->name != NULL; members++) {
		typos = lk_typos(name, strlen(name), members->name,
		    strlen(members->name));
		if (typos < least) {
			least = typos;
			closest = members->name;
		}
	}
	return (lk_fail(at->reader->error, LK_E_SETTINGS,
	    "%s:%u: %s: unknown key%s%s%s", at->reader->path,
	    (unsigned int)config_setting_source_line(at->value), at->key,
	    closest == NULL ? "" : ", did you mean \"",
	    closest == NULL ? "" : closest, closest == NULL ? "" : "\"?"));
}

/* ---- Groups ------------------------------------------------------------ */

/* Read every member of the group at ${at} as ${members} say. */
static enum lk_status
read_group(const struct place *at, const struct member *members, void *target)
{
	int i, n = config_setting_length(at->value);
	enum lk_status status = LK_OK;
	const struct member *m;
	struct place member;

	if (!config_setting_is_group(at->value))
		return (refuse_type(at, "a group"));
	for (i = 0; i < n && status == LK_OK; i++) {
		member = place_of_member(at,
		    config_setting_get_elem(at->value, (unsigned int)i));
		for (m = members; m->name != NULL; m++) {
			if (strcmp(m->name,
			        config_setting_name(member.value)) == 0)
				break;
		}
		if (m->name != NULL)
			status = m->read(&member, target);
		else
			status = refuse_key(&member, members);
	}
	return (status);
}

/* A member that must be there, and is missed at the group. */
static enum lk_status
refuse_missing(const struct place *at, const char *name, const char *want)
{
	struct place member = *at;

	extend(member.key, at->key, ".", name);
	return (refuse(&member, want, "none"));
}

/* ---- Strings and lists of them ----------------------------------------- */

static enum lk_status
read_text(const struct place *at, lk_setting_check *check, char **field)
{
	const char *want, *text = config_setting_get_string(at->value);

	if (text == NULL)
		return (refuse_type(at, "a string"));
	if (!check(text, &want))
		return (refuse_text(at, want, text));
	return (lk_setting_set_string(field, text));
}

/* Read the array at ${at}, whose members ${check} must take. */
static enum lk_status
read_array(const struct place *at, lk_setting_check *check,
    struct lk_strings *list)
{
	static const char want_array[] = "an array of 1 to 256 strings";
	int i, n = config_setting_length(at->value);
	const char **v = NULL, *want;
	enum lk_status status = LK_OK;
	struct place element;

	if (!config_setting_is_array(at->value))
		return (refuse_type(at, want_array));
	if (n < 1 || n > LK_RULE_LIST_MAX)
		return (refuse_count(at, want_array));
	if ((v = calloc((size_t)n, sizeof(*v))) == NULL)
		return (LK_E_NOMEM);
	for (i = 0; i < n && status == LK_OK; i++) {
		element = place_of_element(at, i);
		v[i] = config_setting_get_string(element.value);
		if (v[i] == NULL)
			status = refuse_type(&element, "a string");
		else if (!check(v[i], &want))
			status = refuse_text(&element, want, v[i]);
	}
	if (status == LK_OK)
		status = lk_strings_set(list, v, (size_t)n);
	free(v);
	return (status);
}

static bool
is_user(const char *text, const char **want)
{
	*want = "a user id of " LK_USER_ID_WANT;
	return (lk_user_id_fits(text));
}

static bool
is_client(const char *text, const char **want)
{
	*want = "a client kind: 1 to 32 of A-Z a-z 0-9 . _ -";
	return (text[0] != '\0' && lk_client_check(text) == LK_OK);
}

static bool
is_value(const char *text, const char **want)
{
	*want = "at most 1024 bytes without control characters";
	return (
	    strlen(text) <= MEMBER_MAX && !lk_has_control(text, strlen(text)));
}

/* ---- require ----------------------------------------------------------- */

/* The JSON text of each member of an array of numbers or booleans. */
static enum lk_status
read_literals(const struct place *at, struct lk_strings *any)
{
	bool truth = config_setting_type(config_setting_get_elem(at->value,
	                 0)) == CONFIG_TYPE_BOOL;
	int i, n = config_setting_length(at->value);
	char text[LK_RULE_LIST_MAX][24];
	const char *v[LK_RULE_LIST_MAX];
	const config_setting_t *element;

	for (i = 0; i < n; i++) {
		element = config_setting_get_elem(at->value, (unsigned int)i);
		if (truth)
			(void)snprintf(text[i], sizeof(text[i]), "%s",
			    config_setting_get_bool(element) ? "true"
			                                     : "false");
		else
			(void)snprintf(text[i], sizeof(text[i]), "%lld",
			    config_setting_get_int64(element));
		v[i] = text[i];
	}
	return (lk_strings_set(any, v, (size_t)n));
}

static enum lk_status
read_any(const struct place *at, void *target)
{
	static const char want[] = "an array of 1 to 256 strings, integers "
	                           "or booleans";
	struct lk_requirement *require = target;
	int n = config_setting_length(at->value);

	if (!config_setting_is_array(at->value))
		return (refuse_type(at, want));
	if (n < 1 || n > LK_RULE_LIST_MAX)
		return (refuse_count(at, want));
	/* All members of an array are of one type. */
	switch (config_setting_type(config_setting_get_elem(at->value, 0))) {
	case CONFIG_TYPE_STRING:
		require->quoted = true;
		return (read_array(at, is_value, &require->any));
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
	case CONFIG_TYPE_BOOL:
		return (read_literals(at, &require->any));
	default:
		return (refuse(at, want, "an array of others"));
	}
}

static enum lk_status
read_field(const struct place *at, void *target)
{
	struct lk_requirement *require = target;

	return (read_text(at, lk_rule_field_check, &require->field));
}

static enum lk_status
read_requirement(const struct place *at, struct lk_requirement *require)
{
	static const struct member members[] = { { "field", read_field },
		{ "any", read_any }, { NULL, NULL } };
	enum lk_status status = read_group(at, members, require);

	if (status != LK_OK)
		return (status);
	if (require->field == NULL)
		return (refuse_missing(at, "field", "a member of the detail"));
	if (require->any.n == 0)
		return (refuse_missing(at, "any", "an array of values"));
	return (LK_OK);
}

static enum lk_status
read_require(const struct place *at, void *target)
{
	static const char want[] = "a list of 1 to 16 groups";
	int i, n = config_setting_length(at->value);
	enum lk_status status = LK_OK;
	struct lk_rule *rule = target;
	struct place element;

	if (!config_setting_is_list(at->value))
		return (refuse_type(at, want));
	if (n < 1 || n > LK_RULE_REQUIRE_MAX)
		return (refuse_count(at, want));
	if ((rule->require = calloc((size_t)n, sizeof(*rule->require))) == NULL)
		return (LK_E_NOMEM);
	rule->require_n = (size_t)n;
	for (i = 0; i < n && status == LK_OK; i++) {
		element = place_of_element(at, i);
		status = read_requirement(&element, &rule->require[i]);
	}
	return (status);
}

/* ---- Rules ------------------------------------------------------------- */

static enum lk_status
read_path(const struct place *at, void *target)
{
	struct lk_rule *rule = target;

	return (read_text(at, lk_rule_path_check, &rule->path));
}

static enum lk_status
read_access(const struct place *at, void *target)
{
	static const char want[] = "\"public\", \"session\" or \"deny\"";
	const char *text = config_setting_get_string(at->value);
	struct lk_rule *rule = target;
	int i;

	if (text == NULL)
		return (refuse_type(at, want));
	for (i = 0; lk_access_names[i] != NULL; i++) {
		if (strcmp(lk_access_names[i], text) == 0) {
			rule->access = i;
			return (LK_OK);
		}
	}
	return (refuse_text(at, want, text));
}

static enum lk_status
read_methods(const struct place *at, void *target)
{
	struct lk_rule *rule = target;

	return (read_array(at, lk_rule_method_check, &rule->methods));
}

static enum lk_status
read_users(const struct place *at, void *target)
{
	struct lk_rule *rule = target;

	return (read_array(at, is_user, &rule->users));
}

static enum lk_status
read_clients(const struct place *at, void *target)
{
	struct lk_rule *rule = target;

	return (read_array(at, is_client, &rule->clients));
}

/* What asks something of a session asks for one. */
static enum lk_status
check_access(const struct place *at, const struct lk_rule *rule)
{
	static const char want[] = "access = \"session\" where users, clients "
	                           "or require stand";

	if (rule->access == LK_ACCESS_SESSION ||
	    (rule->users.n == 0 && rule->clients.n == 0 &&
	        rule->require_n == 0))
		return (LK_OK);
	return (refuse(at, want, lk_access_names[rule->access]));
}

static enum lk_status
read_rule(const struct place *at, struct lk_rule *rule)
{
	static const struct member members[] = { { "path", read_path },
		{ "access", read_access }, { "methods", read_methods },
		{ "users", read_users }, { "clients", read_clients },
		{ "require", read_require }, { NULL, NULL } };
	enum lk_status status = read_group(at, members, rule);

	if (status != LK_OK)
		return (status);
	if (rule->path == NULL)
		return (refuse_missing(at, "path", "a path"));
	if (config_setting_get_member(at->value, "access") == NULL)
		return (refuse_missing(at, "access",
		    "\"public\", \"session\" or \"deny\""));
	return (check_access(at, rule));
}

enum lk_status
lk_reader_rules(const struct lk_reader *reader, const config_setting_t *list,
    const char *key, struct lk_rules *rules)
{
	int i, n = config_setting_length(list);
	struct lk_rules new = { calloc((size_t)n, sizeof(*new.v)), (size_t)n };
	struct place at = { .reader = reader, .value = list }, element;
	enum lk_status status = LK_OK;

	if (new.v == NULL)
		return (LK_E_NOMEM);
	(void)snprintf(at.key, sizeof(at.key), "%s", key);
	for (i = 0; i < n && status == LK_OK; i++) {
		element = place_of_element(&at, i);
		status = read_rule(&element, &new.v[i]);
	}
	if (status == LK_OK) {
		lk_rules_free(rules);
		*rules = new;
		new = (struct lk_rules){ NULL, 0 };
	}
	lk_rules_free(&new);
	return (status);
}
