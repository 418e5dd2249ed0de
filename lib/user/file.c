/*
 * The file is read at every question: the answer is cached in the store, and
 * an edit takes effect without a reload.  Replace it by rename(2), so that
 * no reader sees half of it.
 */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/trusted_file.h"
#include "user/source.h"

/* Largest user file, in bytes. */
#define FILE_MAX 4194304

/* Find ${id} in the ${text} of the file and append its detail. */
static enum lk_status
find(const struct lk_buf *text, const char *path, const char *id,
    struct lk_buf *detail, struct lk_error *error)
{
	const char *value;
	size_t len;

	if (!lk_json_is_object(text->data, text->len))
		return (lk_fail(error, LK_E_STORE,
		    "%s: expected one JSON object", path));
	if (!lk_json_member(text->data, text->len, id, &value, &len))
		return (LK_NO_USER);
	if (len == strlen("null") && memcmp(value, "null", len) == 0)
		return (LK_NO_USER);
	if (!lk_json_is_object(value, len))
		return (lk_fail(error, LK_E_STORE,
		    "%s: expected a JSON object as the detail of each user",
		    path));
	lk_json_compact(value, len, detail);
	if (detail->failed)
		return (lk_fail(error, LK_E_STORE,
		    "%s: the detail of a user does not fit in %zu bytes", path,
		    detail->max));
	return (LK_OK);
}

enum lk_status
lk_user_source_file(const struct lk_settings *settings, const char *id,
    struct lk_buf *detail, struct lk_error *error)
{
	struct lk_buf text = LK_BUF_INIT(FILE_MAX);
	enum lk_status status = LK_FAULT;

	status = lk_trusted_file_read(settings->user.path, &text, error);
	/*
	 * The settings themselves were right when they were loaded.  Users
	 * are data; their file being away or unfit is an outage of it.
	 */
	if (status == LK_E_SETTINGS)
		status = LK_E_STORE;
	if (status == LK_OK)
		status = find(&text, settings->user.path, id, detail, error);
	lk_buf_free(&text);
	return (status);
}
