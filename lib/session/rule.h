/*
 * The rules of the setting `gate.rules`: which requests need what, and what a
 * rule may be made of.  What they mean for a request is the gate's business.
 */
#ifndef LK_RULE_H_
#define LK_RULE_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/string_list.h"
#include "latchkey.h"

#define LK_RULES_MAX 256
/* Longest pattern, and longest dotted path of a member of the detail. */
#define LK_RULE_PATH_MAX 512
#define LK_RULE_FIELD_MAX 256
/* Most members of the detail that go into headers, and longest of their
 * headers' names. */
#define LK_TOLD_MAX 16
#define LK_TOLD_NAME_MAX 64
/* Longest value of one. */
#define LK_TOLD_VALUE_MAX 4096
/* Longest name of an HTTP method. */
#define LK_RULE_METHOD_MAX 32
/* Most members of each list in a rule. */
#define LK_RULE_LIST_MAX 256
#define LK_RULE_REQUIRE_MAX 16

/** What a rule says; zero denies. */
enum lk_access { LK_ACCESS_DENY = 0, LK_ACCESS_SESSION, LK_ACCESS_PUBLIC };

/** The names of enum lk_access, ended by NULL. */
extern const char *const lk_access_names[];

/** Values of JSON, of one kind. */
struct lk_values {
	bool quoted; /* strings; else the texts of numbers or booleans */
	struct lk_strings texts;
};

/** A member of the user's detail must be one of some values. */
struct lk_requirement {
	char *field;          /* names of nested members, with dots between */
	struct lk_values any; /* at least one */
};

struct lk_requirements {
	struct lk_requirement *v;
	size_t n;
};

/** A list that is empty does not restrict. */
struct lk_rule {
	struct lk_strings hosts; /* see lk_rule_host_check() */
	char *path;              /* a pattern, see lk_rule_path_check() */
	int access;              /* enum lk_access */
	struct lk_strings methods;
	struct lk_strings users;
	struct lk_strings clients;
	struct lk_requirements require;
	char *login_url; /* in place of gate.login_url; "": that one */
};

struct lk_rules {
	struct lk_rule *v;
	size_t n;
};

/** A member of the user's detail that goes into a header. */
struct lk_told {
	char *name;
	char *field; /* as in struct lk_requirement */
};

struct lk_told_list {
	struct lk_told *v;
	size_t n;
};

/**
 * lk_rule_host_check(host, want):
 * Whether ${host} is the name of a host (lk_host_is_name()), or one with `*.`
 * before it, which stands for all names below; otherwise ${want} is what was
 * expected.
 */
bool lk_rule_host_check(const char *host, const char **want);

/**
 * lk_told_name_check(name, want):
 * Whether ${name} may be the name of a header with a member of the detail:
 * `Latchkey-` and letters, digits and hyphens, as all that the gate tells, and
 * none that it tells already.  Web servers can drop what a client sends under
 * such a name.
 */
bool lk_told_name_check(const char *name, const char **want);

/**
 * lk_rule_path_check(pattern, want):
 * Whether ${pattern} is one: absolute, without `.` and `..` segments, slashes
 * in a row, `%`, `;`, backslashes and control characters, since no path that
 * a pattern is matched with is read so; otherwise ${want} is what was
 * expected.
 */
bool lk_rule_path_check(const char *pattern, const char **want);

/** lk_rule_method_check(method, want): whether it may be an HTTP method. */
bool lk_rule_method_check(const char *method, const char **want);

/** lk_rule_field_check(field, want): whether it is names between dots. */
bool lk_rule_field_check(const char *field, const char **want);

/**
 * lk_rule_check(rule, want, got):
 * Whether ${rule}, a struct lk_rule, asks for a session wherever it asks
 * something of one; otherwise ${want} is what was expected, ${got} what it
 * asks for.
 */
bool lk_rule_check(const void *rule, const char **want, const char **got);

#endif /* !LK_RULE_H_ */
