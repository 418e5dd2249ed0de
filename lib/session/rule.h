/*
 * The rules of the setting `gate.rules`: which requests need what.  What they
 * mean for a request is the gate's business; here they are values that are
 * checked, printed and freed.
 */
#ifndef LK_RULE_H_
#define LK_RULE_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/string_list.h"
#include "latchkey.h"

#define LK_RULES_MAX 256
/* Longest pattern, and longest dotted path of a member of the detail. */
#define LK_RULE_PATH_MAX 512
#define LK_RULE_FIELD_MAX 256
/* Longest name of an HTTP method. */
#define LK_RULE_METHOD_MAX 32
/* Most members of each list in a rule. */
#define LK_RULE_LIST_MAX 256
#define LK_RULE_REQUIRE_MAX 16

/** What a rule says; zero denies. */
enum lk_access { LK_ACCESS_DENY = 0, LK_ACCESS_SESSION, LK_ACCESS_PUBLIC };

/** The names of enum lk_access, ended by NULL. */
extern const char *const lk_access_names[];

/** A member of the user's detail must be one of some values. */
struct lk_requirement {
	char *field;           /* names of nested members, with dots between */
	bool quoted;           /* ${any} are strings; else JSON texts of numbers
	                          and booleans */
	struct lk_strings any; /* at least one */
};

/** A list that is empty does not restrict. */
struct lk_rule {
	char *path; /* a pattern, see lk_rule_path_check() */
	int access; /* enum lk_access */
	struct lk_strings methods;
	struct lk_strings users;
	struct lk_strings clients;
	struct lk_requirement *require;
	size_t require_n;
};

struct lk_rules {
	struct lk_rule *v;
	size_t n;
};

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
 * lk_rules_default(rules):
 * Replace ${rules} by the one rule of the default: everything needs a
 * session.
 */
enum lk_status lk_rules_default(struct lk_rules *rules) LK_MUST_CHECK;

/** lk_rules_free(rules): Free what ${rules} holds, and zero it. */
void lk_rules_free(struct lk_rules *rules);

/** lk_rule_print(rule, out): Append it as a libconfig group, on one line. */
void lk_rule_print(const struct lk_rule *rule, struct lk_buf *out);

#endif /* !LK_RULE_H_ */
