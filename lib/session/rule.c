#include <string.h>

#include "base/escape.h"
#include "session/rule.h"

#define METHOD_START "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define METHOD_CHARS METHOD_START "0123456789-_"

const char *const lk_access_names[] = { [LK_ACCESS_DENY] = "deny",
	[LK_ACCESS_SESSION] = "session",
	[LK_ACCESS_PUBLIC] = "public",
	NULL };

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

bool
lk_rule_check(const void *row, const char **want, const char **got)
{
	const struct lk_rule *rule = row;

	*want = "access = \"session\" where users, clients or require stand";
	*got = lk_access_names[rule->access];
	return (rule->access == LK_ACCESS_SESSION ||
	    (rule->users.n == 0 && rule->clients.n == 0 &&
	        rule->require.n == 0));
}
