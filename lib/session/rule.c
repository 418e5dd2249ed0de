#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "session/rule.h"
#include "settings/setting.h"

#define METHOD_START "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define METHOD_CHARS METHOD_START "0123456789-_"

const char *const lk_access_names[] = { [LK_ACCESS_DENY] = "deny",
	[LK_ACCESS_SESSION] = "session",
	[LK_ACCESS_PUBLIC] = "public",
	NULL };

/* ---- What single values look like -------------------------------------- */

/* Whether a segment is "." or "..", or empty and not the last one. */
static bool
has_odd_segment(const char *pattern)
{
	size_t len;

	for (; *pattern == '/'; pattern += len) {
		pattern++;
		len = strcspn(pattern, "/");
		if ((len == 0 && *pattern != '\0') ||
		    (len == 1 && pattern[0] == '.') ||
		    (len == 2 && pattern[0] == '.' && pattern[1] == '.'))
			return (true);
	}
	return (false);
}

bool
lk_rule_path_check(const char *pattern, const char **want)
{
	*want = "at most 512 bytes";
	if (strlen(pattern) > LK_RULE_PATH_MAX)
		return (false);
	*want = "a path that starts with a slash";
	if (pattern[0] != '/')
		return (false);
	*want = "a path without . and .. and without // in it";
	if (has_odd_segment(pattern))
		return (false);
	*want = "a path written plainly, without % ; \\ and control characters";
	return (strpbrk(pattern, "%;\\") == NULL &&
	    !lk_has_control(pattern, strlen(pattern)));
}

bool
lk_rule_method_check(const char *method, const char **want)
{
	size_t len = strlen(method);

	*want = "a method in capitals, such as \"GET\"";
	return (len >= 1 && len <= LK_RULE_METHOD_MAX &&
	    strchr(METHOD_START, method[0]) != NULL &&
	    strspn(method, METHOD_CHARS) == len);
}

bool
lk_rule_field_check(const char *field, const char **want)
{
	size_t len = strlen(field);

	*want = "names with one dot between them, 256 bytes at most";
	return (len >= 1 && len <= LK_RULE_FIELD_MAX &&
	    !lk_has_control(field, len) && field[0] != '.' &&
	    field[len - 1] != '.' && strstr(field, "..") == NULL);
}

/* ---- Life -------------------------------------------------------------- */

enum lk_status
lk_rules_default(struct lk_rules *rules)
{
	struct lk_rules new = { calloc(1, sizeof(*new.v)), 1 };

	if (new.v == NULL)
		return (LK_E_NOMEM);
	new.v[0].access = LK_ACCESS_SESSION;
	if ((new.v[0].path = strdup("/")) == NULL) {
		lk_rules_free(&new);
		return (LK_E_NOMEM);
	}
	lk_rules_free(rules);
	*rules = new;
	return (LK_OK);
}

static void
rule_free(struct lk_rule *rule)
{
	size_t i;

	for (i = 0; i < rule->require_n; i++) {
		free(rule->require[i].field);
		lk_strings_free(&rule->require[i].any);
	}
	free(rule->require);
	free(rule->path);
	lk_strings_free(&rule->methods);
	lk_strings_free(&rule->users);
	lk_strings_free(&rule->clients);
}

void
lk_rules_free(struct lk_rules *rules)
{
	size_t i;

	for (i = 0; i < rules->n; i++)
		rule_free(&rules->v[i]);
	free(rules->v);
	*rules = (struct lk_rules){ NULL, 0 };
}

/* ---- Printing ---------------------------------------------------------- */

static void
print_member(const char *name, const struct lk_strings *list,
    struct lk_buf *out)
{
	if (list->n == 0)
		return;
	lk_buf_printf(out, " %s = ", name);
	lk_setting_print_texts(list, out);
	lk_buf_str(out, ";");
}

static void
print_requirement(const struct lk_requirement *require, struct lk_buf *out)
{
	size_t i;

	lk_buf_str(out, "{ field = ");
	lk_setting_print_text(require->field, out);
	lk_buf_str(out, "; any = ");
	if (require->quoted) {
		lk_setting_print_texts(&require->any, out);
	} else {
		for (i = 0; i < require->any.n; i++)
			lk_buf_printf(out, "%s%s", i > 0 ? ", " : "[ ",
			    require->any.v[i]);
		lk_buf_str(out, " ]");
	}
	lk_buf_str(out, "; }");
}

void
lk_rule_print(const struct lk_rule *rule, struct lk_buf *out)
{
	size_t i;

	lk_buf_str(out, "{ path = ");
	lk_setting_print_text(rule->path, out);
	lk_buf_printf(out, "; access = \"%s\";", lk_access_names[rule->access]);
	print_member("methods", &rule->methods, out);
	print_member("users", &rule->users, out);
	print_member("clients", &rule->clients, out);
	for (i = 0; i < rule->require_n; i++) {
		lk_buf_str(out, i > 0 ? ", " : " require = ( ");
		print_requirement(&rule->require[i], out);
	}
	lk_buf_str(out, rule->require_n > 0 ? " ); }" : " }");
}
