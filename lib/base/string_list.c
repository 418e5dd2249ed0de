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
