/* What the readers of a settings file share: read.c and read_value.c. */
#ifndef LK_SETTINGS_READ_H_
#define LK_SETTINGS_READ_H_

#include <libconfig.h>

#include "settings/scan.h"
#include "settings/table.h"

/* Deepest known groups and rows, and the longest name the scanner passes. */
#define LK_READ_KEY_SIZE (128 + LK_SCAN_NAME_MAX)

/**
 * lk_settings_parse(path, text, settings, error):
 * What ${text} says, a file's that is called ${path}, and else the defaults;
 * see lk_settings_read().  A newline may be added to ${text}, which is then
 * not fit to be read again.
 */
enum lk_status lk_settings_parse(const char *path, struct lk_buf *text,
    struct lk_settings **settings, struct lk_error *error) LK_MUST_CHECK;

/** What a value is read as, and into; everything is borrowed. */
struct lk_target {
	struct lk_settings *settings; /* of the file that is read */
	struct lk_error *error;
	const struct lk_setting *s;
	void *base; /* the settings, or a row */
};

/** lk_read_in_row(to): whether it is a row that is read into. */
static inline bool
lk_read_in_row(const struct lk_target *to)
{
	return (to->base != to->settings);
}

/**
 * lk_read_key(value, key):
 * Write what the file calls ${value}: names with dots between, members of
 * lists by number.
 */
void lk_read_key(const config_setting_t *value, char key[LK_READ_KEY_SIZE]);

/**
 * lk_read_refuse(to, value, want, got):
 * Say "FILE:LINE: KEY: expected WANT, got GOT" of ${value}, which is that of
 * ${to} or a member of it, and return LK_E_SETTINGS.  With ${want} NULL it is
 * what the table says.  With ${got} NULL it is the type that ${value} has.
 * Members of arrays are told apart in rows only.
 */
enum lk_status lk_read_refuse(const struct lk_target *to,
    const config_setting_t *value, const char *want,
    const char *got) LK_MUST_CHECK;

/** lk_read_count(to, list): LK_OK if ${list} has as many as it may. */
enum lk_status lk_read_count(const struct lk_target *to,
    const config_setting_t *list) LK_MUST_CHECK;

/** lk_read_value(to, value): Read a value of any type but ROWS. */
enum lk_status lk_read_value(const struct lk_target *to,
    const config_setting_t *value) LK_MUST_CHECK;

#endif /* !LK_SETTINGS_READ_H_ */
