#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/name_service.h"
#include "process/account.h"

bool
gate_account_number(const char *text, uid_t *uid)
{
	unsigned long long number;
	char *end;

	*uid = (uid_t)-1;
	if (text[0] < '0' || text[0] > '9')
		return (false);
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || number >= UINT32_MAX)
		return (false);
	*uid = (uid_t)number;
	return (true);
}

enum lk_status
gate_account_find(const char *text, struct gate_account *account,
    struct lk_error *error)
{
	struct lk_account found = { .data = NULL };
	enum lk_status status = LK_FAULT;
	uid_t uid;

	memset(account, 0, sizeof(*account));
	status = gate_account_number(text, &uid)
	    ? lk_account_by_uid(uid, &found, error)
	    : lk_account_by_name(text, &found, error);
	if (status == LK_NO_USER ||
	    (status == LK_OK &&
	        strlen(found.entry.pw_name) > GATE_ACCOUNT_NAME_MAX))
		status = lk_fail(error, LK_E_SETTINGS, "no user \"%s\"", text);
	if (status == LK_OK) {
		memcpy(account->name, found.entry.pw_name,
		    strlen(found.entry.pw_name) + 1);
		account->uid = found.entry.pw_uid;
		account->gid = found.entry.pw_gid;
	}
	lk_account_free(&found);
	return (status);
}

enum lk_status
gate_account_group(const char *text, gid_t *gid, struct lk_error *error)
{
	enum lk_status status = LK_FAULT;
	struct lk_group group;

	*gid = (gid_t)-1;
	if (text[0] == '\0' || gate_account_number(text, gid))
		return (LK_OK);
	status = lk_group_by_name(text, &group, error);
	if (status == LK_OK)
		*gid = group.entry.gr_gid;
	else if (status == LK_NO_USER)
		status = lk_fail(error, LK_E_SETTINGS, "no group \"%s\"", text);
	lk_group_free(&group);
	return (status);
}
