#include <errno.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "error.h"

/* Room for the strings of an account. */
#define ROOM_MAX 65536

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
	struct passwd entry, *found = NULL;
	enum lk_status status = LK_FAULT;
	char *room = NULL;
	int result;
	uid_t uid;

	memset(account, 0, sizeof(*account));
	if ((room = malloc(ROOM_MAX)) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	if (gate_account_number(text, &uid))
		result = getpwuid_r(uid, &entry, room, ROOM_MAX, &found);
	else
		result = getpwnam_r(text, &entry, room, ROOM_MAX, &found);
	if (found == NULL || strlen(found->pw_name) > GATE_ACCOUNT_NAME_MAX) {
		status = lk_fail(error, LK_E_SETTINGS, "no user \"%s\"%s%s",
		    text, result == 0 ? "" : ": ",
		    result == 0 ? "" : strerror(result));
		goto out;
	}
	memcpy(account->name, found->pw_name, strlen(found->pw_name) + 1);
	account->uid = found->pw_uid;
	account->gid = found->pw_gid;
	status = LK_OK;
out:
	free(room);
	return (status);
}
