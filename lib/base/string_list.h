/* A list of strings, as the settings have them. */
#ifndef LK_STRING_LIST_H_
#define LK_STRING_LIST_H_

#include <stdbool.h>
#include <stddef.h>

#include "latchkey.h"

/**
 * ${v} ends with NULL, unless it is NULL itself.  The pointers and what they
 * point to are one block.
 */
struct lk_strings {
	char **v;
	size_t n;
};

/**
 * lk_strings_set(list, v, n):
 * Replace ${list} by copies of ${n} strings.  LK_E_NOMEM leaves it as it was.
 */
enum lk_status lk_strings_set(struct lk_strings *list, const char *const *v,
    size_t n) LK_MUST_CHECK;

/** lk_strings_free(list): Wipe and free what ${list} holds, and zero it. */
void lk_strings_free(struct lk_strings *list);

/** lk_strings_have(list, text): whether ${text} is one of them. */
bool lk_strings_have(const struct lk_strings *list, const char *text);

#endif /* !LK_STRING_LIST_H_ */
