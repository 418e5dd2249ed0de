#include <string.h>
#include <strings.h>

#include "base/address.h"
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
lk_rule_host_check(const char *host, const char **want)
{
	*want = "a host's name such as wiki.example, or *.example for all "
	        "names below";
	return (lk_host_is_name(strncmp(host, "*.", 2) == 0 ? host + 2 : host));
}

bool
lk_told_name_check(const char *name, const char **want)
{
	static const char prefix[] = "Latchkey-";
	static const char *const ours[] = { "User", "Session", "Client",
		"Expires", "Detail", "Login", "Reason", "Sessions", "Method",
		"URI", "Host", "Peer", "Endpoint" };
	const size_t len = sizeof(prefix) - 1;
	size_t i;

	*want = "Latchkey- and letters, digits and hyphens, 64 bytes at most, "
	        "and no name that has a meaning already";
	if (strncmp(name, prefix, len) != 0 || name[len] == '\0' ||
	    strlen(name) > LK_TOLD_NAME_MAX)
		return (false);
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (strcasecmp(name + len, ours[i]) == 0)
			return (false);
	}
	return (name[strspn(name,
	            "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	            "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0');
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

	*want = "access = \"session\" where users, clients, require or "
	        "login_url stand";
	*got = lk_access_names[rule->access];
	return (rule->access == LK_ACCESS_SESSION ||
	    (rule->users.n == 0 && rule->clients.n == 0 &&
	        rule->require.n == 0 && rule->login_url[0] == '\0'));
}
