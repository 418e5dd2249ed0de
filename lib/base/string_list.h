/* Lists of strings, as the settings have them, and how alike two words are. */
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

/* ---- To guess which word was meant ------------------------------------- */

/* How many wrong letters make a word still look like another. */
#define LK_TYPOS_MAX 2
/* Longest word that is compared. */
#define LK_TYPOS_WORD_MAX 256

/**
 * lk_typos(a, a_len, b, b_len):
 * The least number of letters to add, drop or change to make ${b} of ${a};
 * more than LK_TYPOS_MAX if one is longer than LK_TYPOS_WORD_MAX.
 */
size_t lk_typos(const char *a, size_t a_len, const char *b, size_t b_len);

#endif /* !LK_STRING_LIST_H_ */
