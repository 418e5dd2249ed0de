/* What the readers of a settings file share. */
#ifndef LK_SETTINGS_READER_H_
#define LK_SETTINGS_READER_H_

#include <libconfig.h>

#include "latchkey.h"
#include "session/rule.h"

/** A file while it is read; everything is borrowed. */
struct lk_reader {
	const char *path;
	struct lk_settings *settings;
	struct lk_error *error;
};

/**
 * lk_reader_refuse(reader, value, key, want, got):
 * Say "FILE:LINE: KEY: expected WANT, got GOT", and return LK_E_SETTINGS.
 */
enum lk_status lk_reader_refuse(const struct lk_reader *reader,
    const config_setting_t *value, const char *key, const char *want,
    const char *got) LK_MUST_CHECK;

/** lk_reader_type(value): what it is, such as "a string". */
const char *lk_reader_type(const config_setting_t *value);

/**
 * lk_reader_rules(reader, list, key, rules):
 * Replace ${rules} by those of ${list}, a list, which is the value of ${key}.
 * LK_E_SETTINGS or LK_E_NOMEM leaves ${rules} as it was.
 */
enum lk_status lk_reader_rules(const struct lk_reader *reader,
    const config_setting_t *list, const char *key,
    struct lk_rules *rules) LK_MUST_CHECK;

#endif /* !LK_SETTINGS_READER_H_ */
