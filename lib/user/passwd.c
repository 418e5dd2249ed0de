/* The system's accounts, by way of whatever the name service consults. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/name_service.h"
#include "user/source.h"

/* Append a group's name, or its number as a string if it has none. */
static enum lk_status
add_group(gid_t gid, struct lk_buf *detail, struct lk_error *error)
{
	struct lk_group group = { .data = NULL };
	enum lk_status status = lk_group_by_gid(gid, &group, error);

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
	status = lk_account_by_name(id, &account, error);
	if (status == LK_OK)
		status = lk_account_groups(&account, &groups, &count, error);
	if (status == LK_OK)
		status = describe(&account.entry, groups, count, detail, error);
	free(groups);
	lk_account_free(&account);
	return (status);
}
