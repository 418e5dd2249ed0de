#include <sys/auxv.h>
#include <sys/types.h>

#include <unistd.h>

#include "base/identity.h"

bool
lk_identity_is_whole(void)
{
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;

	return (getresuid(&uid, &euid, &suid) == 0 &&
	    getresgid(&gid, &egid, &sgid) == 0 && uid == euid && euid == suid &&
	    gid == egid && egid == sgid && getauxval(AT_SECURE) == 0);
}
