/*
 * The text of a settings file.  Whatever it is: it is read or refused with a
 * reason, and what is printed of what was read is read as the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "settings/table.h"

/*
 * libconfig 1.5 loses a string that stands where its grammar has none.  Only
 * a build with LeakSanitizer asks for this.
 */
const char *__lsan_default_suppressions(void)
    __attribute__((visibility("default")));

const char *
__lsan_default_suppressions(void)
{
	return ("leak:libconfig.so\n");
}

/* Print what ${text} says to ${out}; false if it is refused. */
static bool
say_again(struct lk_buf *text, struct lk_buf *out)
{
	struct lk_error error = { "" };
	struct lk_settings *settings;
	enum lk_status status = lk_settings_parse("/f", text, &settings,
	    &error);

	MUST(status == LK_OK || status == LK_E_SETTINGS);
	MUST((status == LK_OK) == (settings != NULL));
	MUST((status == LK_OK) == (error.text[0] == '\0'));
	if (status == LK_OK)
		lk_settings_print(settings, out);
	lk_settings_free(settings);
	MUST(!out->failed);
	return (status == LK_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct lk_buf text = LK_BUF_INIT(LK_SETTINGS_FILE_MAX);
	struct lk_buf once = LK_BUF_INIT((size_t)16 * LK_SETTINGS_FILE_MAX);
	struct lk_buf twice = LK_BUF_INIT((size_t)16 * LK_SETTINGS_FILE_MAX);

	if (len <= LK_SETTINGS_FILE_MAX) {
		lk_buf_add(&text, bytes, len);
		if (say_again(&text, &once)) {
			lk_buf_reset(&text);
			text.max = once.max;
			lk_buf_add(&text, once.data, once.len);
			MUST(say_again(&text, &twice));
			MUST(strcmp(once.data, twice.data) == 0);
		}
	}
	lk_buf_free(&text);
	lk_buf_free(&once);
	lk_buf_free(&twice);
	return (0);
}
