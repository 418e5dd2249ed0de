#include "base/typos.h"

size_t
lk_typos(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[LK_TYPOS_WORD_MAX + 1], i, j, diagonal, above;

	if (a_len > LK_TYPOS_WORD_MAX || b_len > LK_TYPOS_WORD_MAX)
		return (LK_TYPOS_MAX + 1);
	for (j = 0; j <= b_len; j++)
		row[j] = j;
	for (i = 1; i <= a_len; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= b_len; j++) {
			above = row[j];
			row[j] = diagonal + (a[i - 1] != b[j - 1]);
			if (row[j] > above + 1)
				row[j] = above + 1;
			if (row[j] > row[j - 1] + 1)
				row[j] = row[j - 1] + 1;
			diagonal = above;
		}
	}
	return (row[b_len]);
}
