/* How alike two words are, to guess which one was meant. */
#ifndef LK_TYPOS_H_
#define LK_TYPOS_H_

#include <stddef.h>

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

#endif /* !LK_TYPOS_H_ */
