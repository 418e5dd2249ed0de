/* One setting: its entry in the table, its value, and how to talk of it. */
#ifndef LK_SETTING_H_
#define LK_SETTING_H_

#include "settings/settings.h"

/* Longest string that a text about a setting takes, with its NUL. */
#define LK_SETTING_TEXT_MAX 160

/** lk_setting_find(key): the entry of ${key}, or NULL. */
const struct lk_setting *lk_setting_find(const char *key);

/** lk_setting_is_group(key, len): whether keys start with these and a dot. */
bool lk_setting_is_group(const char *key, size_t len);

/**
 * lk_setting_at(settings, setting), lk_setting_of(settings, setting):
 * Where the value is, to write and to read.
 */
static inline void *
lk_setting_at(struct lk_settings *settings, const struct lk_setting *setting)
{
	return ((char *)settings + setting->offset);
}

static inline const void *
lk_setting_of(const struct lk_settings *settings,
    const struct lk_setting *setting)
{
	return ((const char *)settings + setting->offset);
}

/**
 * lk_setting_set_string(field, text):
 * Replace the string, wiping the old one.  LK_E_NOMEM leaves it as it was.
 */
enum lk_status lk_setting_set_string(char **field,
    const char *text) LK_MUST_CHECK;

/** lk_setting_clear(settings, setting): Wipe and free what the value holds. */
void lk_setting_clear(struct lk_settings *settings,
    const struct lk_setting *setting);

/** lk_setting_want(setting, text): what type and range are expected. */
void lk_setting_want(const struct lk_setting *setting,
    char text[LK_SETTING_TEXT_MAX]);

/**
 * lk_setting_quote(value, text):
 * ${value} in quotes for a message: cut, and every byte that is not
 * printable ASCII as `?`.  Never for a secret.
 */
void lk_setting_quote(const char *value, char text[LK_SETTING_TEXT_MAX]);

/** lk_setting_print_text(text, out): Append it as a libconfig string. */
void lk_setting_print_text(const char *text, struct lk_buf *out);

/** lk_setting_print_texts(list, out): the same, as an array. */
void lk_setting_print_texts(const struct lk_strings *list, struct lk_buf *out);

/* ---- Values with a syntax; see lk_setting_check ------------------------ */

lk_setting_check lk_setting_is_address;      /* host:port, unix:/path, ... */
lk_setting_check lk_setting_is_path;         /* absolute */
lk_setting_check lk_setting_is_account;      /* user name or number */
lk_setting_check lk_setting_is_token_source; /* bearer, cookie:NAME, ... */
lk_setting_check lk_setting_is_cookie_name;
lk_setting_check lk_setting_is_cookie_domain;
lk_setting_check lk_setting_is_cookie_path;
lk_setting_check lk_setting_is_url;      /* http(s) or absolute path */
lk_setting_check lk_setting_is_prefix;   /* of a key in the store */
lk_setting_check lk_setting_is_word;     /* printable without spaces */
lk_setting_check lk_setting_is_quotable; /* fits between quotes as it is */

#endif /* !LK_SETTING_H_ */
