/* The system's accounts, by way of whatever the name service consults. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "error.h"
#include "json.h"
#include "source.h"

/* First and largest size of an account's or a group's entry. */
#define ENTRY_FIRST 1024
#define ENTRY_MAX 1048576
/* First and largest number of groups of one account. */
#define GROUPS_FIRST 64
#define GROUPS_MAX 65536

/* Double ${size} up to ${max} and make the memory at ${data} that large. */
static enum lk_status
grow(void **data, size_t *size, size_t first, size_t max, size_t each,
    struct lk_error *error)
{
	void *larger;

	if (*size >= max)
		return (lk_fail(error, LK_E_STORE,
		    "account database: an entry is too large"));
	*size = *size == 0 ? first : 2 * *size;
	if ((larger = reallocarray(*data, *size, each)) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	*data = larger;
	return (LK_OK);
}

/* Look ${name} up; ${account} points into ${*data}, which the caller frees. */
static enum lk_status
find_account(const char *name, struct passwd *account, void **data,
    struct lk_error *error)
{
	enum lk_status status = LK_FAULT;
	struct passwd *found = NULL;
	size_t size = 0;
	int rc;

	do {
		status = grow(data, &size, ENTRY_FIRST, ENTRY_MAX, 1, error);
		if (status != LK_OK)
			return (status);
		rc = getpwnam_r(name, account, *data, size, &found);
	} while (rc == ERANGE || rc == EINTR);
	if (rc != 0)
		return (lk_fail(error, LK_E_STORE, "account database: %s",
		    strerror(rc)));
	return (found != NULL ? LK_OK : LK_NO_USER);
}

/* The groups of ${account}, which the caller frees. */
static enum lk_status
find_groups(const struct passwd *account, void **groups, size_t *count,
    struct lk_error *error)
{
	enum lk_status status = LK_FAULT;
	size_t size = 0;
	int n;

	do {
		status = grow(groups, &size, GROUPS_FIRST, GROUPS_MAX,
		    sizeof(gid_t), error);
		if (status != LK_OK)
			return (status);
		n = (int)size;
	} while (
	    getgrouplist(account->pw_name, account->pw_gid, *groups, &n) < 0);
	*count = (size_t)n;
	return (LK_OK);
}

/* Append a group's name, or its number as a string if it has none. */
static enum lk_status
add_group(gid_t gid, struct lk_buf *detail, struct lk_error *error)
{
	enum lk_status status = LK_FAULT;
	struct group group, *found = NULL;
	void *data = NULL;
	size_t size = 0;
	int rc;

	do {
		status = grow(&data, &size, ENTRY_FIRST, ENTRY_MAX, 1, error);
		if (status != LK_OK)
			goto out;
		rc = getgrgid_r(gid, &group, data, size, &found);
	} while (rc == ERANGE || rc == EINTR);
	if (rc != 0) {
		status = lk_fail(error, LK_E_STORE, "group database: %s",
		    strerror(rc));
		goto out;
	}
	if (found != NULL)
		lk_json_string(found->gr_name, detail);
	else
		lk_buf_printf(detail, "\"%ju\"", (uintmax_t)gid);
	status = LK_OK;
out:
	free(data);
	return (status);
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
	enum lk_status status = LK_FAULT;
	struct passwd account;
	void *entry = NULL, *groups = NULL;
	size_t count = 0;

	(void)settings;
	/* No account is named so; what a remote service says is not asked. */
	if (strpbrk(id, ":/") != NULL)
		return (LK_NO_USER);
	status = find_account(id, &account, &entry, error);
	if (status == LK_OK)
		status = find_groups(&account, &groups, &count, error);
	if (status == LK_OK)
		status = describe(&account, groups, count, detail, error);
	free(groups);
	free(entry);
	return (status);
}
