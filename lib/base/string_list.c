#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/string_list.h"

enum lk_status
lk_strings_set(struct lk_strings *list, const char *const *v, size_t n)
{
	size_t size = (n + 1) * sizeof(char *), len, i;
	char **copy, *text;

	for (i = 0; i < n; i++)
		size += strlen(v[i]) + 1;
	if ((copy = calloc(1, size)) == NULL)
		return (LK_E_NOMEM);
	text = (char *)(copy + n + 1);
	for (i = 0; i < n; i++) {
		len = strlen(v[i]) + 1;
		memcpy(text, v[i], len);
		copy[i] = text;
		text += len;
	}
	lk_strings_free(list);
	list->v = copy;
	list->n = n;
	return (LK_OK);
}

void
lk_strings_free(struct lk_strings *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		sodium_memzero(list->v[i], strlen(list->v[i]));
	free(list->v);
	*list = (struct lk_strings){ NULL, 0 };
}

bool
lk_strings_have(const struct lk_strings *list, const char *text)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (strcmp(list->v[i], text) == 0)
			return (true);
	}
	return (false);
}

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
