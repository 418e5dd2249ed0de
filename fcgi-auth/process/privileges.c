#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "process/privileges.h"

/* Whether all of the user's and the group's numbers are the account's. */
static bool
is_only(const struct gate_account *account)
{
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;

	return (getresuid(&uid, &euid, &suid) == 0 &&
	    getresgid(&gid, &egid, &sgid) == 0 && uid == account->uid &&
	    euid == uid && suid == uid && gid == account->gid && egid == gid &&
	    sgid == gid);
}

enum lk_status
gate_privileges_drop(const struct gate_account *account, struct lk_error *error)
{
	if (account->uid == 0)
		return (lk_fail(error, LK_E_SETTINGS,
		    "gate.user: expected another user than root, got \"%s\"",
		    account->name));
	if (initgroups(account->name, account->gid) != 0 ||
	    setresgid(account->gid, account->gid, account->gid) != 0 ||
	    setresuid(account->uid, account->uid, account->uid) != 0)
		return (lk_fail(error, LK_E_SETTINGS,
		    "gate.user: cannot become \"%s\": %s", account->name,
		    strerror(errno)));
	if (!is_only(account) || setuid(0) == 0)
		return (lk_fail(error, LK_E_SETTINGS,
		    "gate.user: became \"%s\", but not for good",
		    account->name));
	return (LK_OK);
}
