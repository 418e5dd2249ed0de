#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/name_service.h"
#include "base/trusted_file.h"
#include "user/source.h"

/* Largest user file, in bytes. */
#define FILE_MAX 4194304

/* ---- A file -------------------------------------------------------------
 *
 * It is read at every question: the answer is cached in the store, and an edit
 * takes effect without a reload.  Replace it by rename(2), so that no reader
 * sees half of it. */

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

/* ---- The system's accounts, by way of whatever the name service consults - */

/* Append a group's name, or its number as a string if it has none. */
static enum lk_status
add_group(gid_t gid, struct lk_buf *detail, struct lk_error *error)
{
	struct lk_group group = { .data = NULL };
	enum lk_status status = lk_group_find(NULL, gid, &group, error);

	if (status == LK_OK)
		lk_json_string(group.entry.gr_name, detail);
	else if (status == LK_NO_USER)
		lk_buf_printf(detail, "\"%ju\"", (uintmax_t)gid);
	lk_group_free(&group);
	return (status < 0 ? status : LK_OK);
}

/* Append the detail of ${account}. */
static enum lk_status
describe(const struct passwd *account, const gid_t *groups, size_t count,
    struct lk_buf *detail, struct lk_error *error)
{
	enum lk_status status = LK_FAULT;
	size_t i;

	lk_buf_str(detail, "{\"name\":");
	lk_json_string(account->pw_name, detail);
	lk_buf_printf(detail, ",\"uid\":%ju,\"gid\":%ju,\"groups\":[",
	    (uintmax_t)account->pw_uid, (uintmax_t)account->pw_gid);
	for (i = 0; i < count; i++) {
		if (i > 0)
			lk_buf_str(detail, ",");
		status = add_group(groups[i], detail, error);
		if (status != LK_OK)
			return (status);
	}
	lk_buf_str(detail, "],\"home\":");
	lk_json_string(account->pw_dir, detail);
	lk_buf_str(detail, "}");
	if (detail->failed)
		return (lk_fail(error, LK_E_STORE,
		    "account database: the detail does not fit in %zu bytes",
		    detail->max));
	return (LK_OK);
}

enum lk_status
lk_user_source_passwd(const struct lk_settings *settings, const char *id,
    struct lk_buf *detail, struct lk_error *error)
{
	struct lk_account account = { .data = NULL };
	enum lk_status status = LK_FAULT;
	gid_t *groups = NULL;
	size_t count = 0;

	(void)settings;
	/* No account is named so; what a remote service says is not asked. */
	if (strpbrk(id, ":/") != NULL)
		return (LK_NO_USER);
	status = lk_account_find(id, 0, &account, error);
	if (status == LK_OK)
		status = lk_account_groups(&account, &groups, &count, error);
	if (status == LK_OK)
		status = describe(&account.entry, groups, count, detail, error);
	free(groups);
	lk_account_free(&account);
	return (status);
}

/* ---- Which it is --------------------------------------------------------- */

lk_user_source *
lk_user_source_of(const struct lk_settings *settings)
{
	static lk_user_source *const sources[] = {
		[LK_SOURCE_NONE] = NULL,
		[LK_SOURCE_FILE] = lk_user_source_file,
		[LK_SOURCE_EXEC] = lk_user_source_exec,
		[LK_SOURCE_PASSWD] = lk_user_source_passwd,
	};
	size_t i = (size_t)settings->user.source;

	return (i < sizeof(sources) / sizeof(sources[0]) ? sources[i] : NULL);
}
