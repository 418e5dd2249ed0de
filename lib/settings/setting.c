#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "settings/setting.h"

/* How much of a value a message repeats. */
#define QUOTE_MAX 48

const struct lk_setting *
lk_setting_find(const char *key)
{
	const struct lk_setting *s;

	for (s = lk_settings_table; s->key != NULL; s++) {
		if (strcmp(s->key, key) == 0)
			return (s);
	}
	return (NULL);
}

bool
lk_setting_is_group(const char *key, size_t len)
{
	const struct lk_setting *s;

	for (s = lk_settings_table; s->key != NULL; s++) {
		if (strncmp(s->key, key, len) == 0 && s->key[len] == '.')
			return (true);
	}
	return (false);
}

static void
wipe_string(char **field)
{
	if (*field != NULL)
		sodium_memzero(*field, strlen(*field));
	free(*field);
	*field = NULL;
}

enum lk_status
lk_setting_set_string(char **field, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return (LK_E_NOMEM);
	wipe_string(field);
	*field = copy;
	return (LK_OK);
}

void
lk_setting_clear(struct lk_settings *settings, const struct lk_setting *setting)
{
	void *field = lk_setting_at(settings, setting);

	if (setting->type == LK_SETTING_STRING)
		wipe_string(field);
	else if (setting->type == LK_SETTING_STRINGS)
		lk_strings_free(field);
	else if (setting->type == LK_SETTING_RULES)
		lk_rules_free(field);
}

/* "one of" and the names. */
static void
want_names(const char *const *names, char text[LK_SETTING_TEXT_MAX])
{
	size_t i, len;

	(void)snprintf(text, LK_SETTING_TEXT_MAX, "one of");
	for (i = 0; names[i] != NULL; i++) {
		len = strlen(text);
		(void)snprintf(text + len, LK_SETTING_TEXT_MAX - len,
		    "%s \"%s\"", i > 0 ? "," : "", names[i]);
	}
}

void
lk_setting_want(const struct lk_setting *setting,
    char text[LK_SETTING_TEXT_MAX])
{
	long long min = setting->min, max = setting->max;

	switch (setting->type) {
	case LK_SETTING_BOOL:
		(void)snprintf(text, LK_SETTING_TEXT_MAX, "true or false");
		return;
	case LK_SETTING_INT:
		if (setting->octal)
			(void)snprintf(text, LK_SETTING_TEXT_MAX,
			    "an octal number from 0 to 0%llo that starts "
			    "with 0",
			    (unsigned long long)max);
		else
			(void)snprintf(text, LK_SETTING_TEXT_MAX,
			    "an integer from %lld to %lld", min, max);
		return;
	case LK_SETTING_STRING:
		(void)snprintf(text, LK_SETTING_TEXT_MAX,
		    "a string of %lld to %lld bytes", min, max);
		return;
	case LK_SETTING_ENUM:
		want_names(setting->names, text);
		return;
	case LK_SETTING_STRINGS:
		(void)snprintf(text, LK_SETTING_TEXT_MAX,
		    "an array of %lld to %lld %sstrings", min, max,
		    setting->numbers ? "numbers or " : "");
		return;
	case LK_SETTING_RULES:
		(void)snprintf(text, LK_SETTING_TEXT_MAX,
		    "a list of %lld to %lld rules, each a group", min, max);
		return;
	}
	text[0] = '\0';
}

void
lk_setting_quote(const char *value, char text[LK_SETTING_TEXT_MAX])
{
	size_t i, len = strlen(value);
	bool cut = len > QUOTE_MAX;
	char *p = text;

	*p++ = '"';
	for (i = 0; i < len && i < QUOTE_MAX; i++) {
		*p = value[i];
		if (*p < ' ' || *p > '~')
			*p = '?';
		p++;
	}
	(void)snprintf(p, LK_SETTING_TEXT_MAX - (size_t)(p - text), "%s\"",
	    cut ? "..." : "");
}
