#include <sys/auxv.h>
#include <sys/mman.h>

#include <stdatomic.h>
#include <unistd.h>

#include "base/self.h"

#define PAGE_LEN 4096
/* No process has a higher one (PID_MAX_LIMIT). */
#define PID_MOST (1UL << 22)

/* A page of memory, which each child finds empty. */
static _Alignas(PAGE_LEN) union {
	atomic_ulong number; /* 0: not yet given */
	char all[PAGE_LEN];
} page;

/* Of a system with pages of another size, the process id is to do. */
unsigned long
lk_process(void)
{
	static atomic_ulong last = PID_MOST;
	unsigned long number = atomic_load(&page.number), none = 0;

	if (number != 0)
		return (number);
	if (sysconf(_SC_PAGESIZE) != PAGE_LEN ||
	    madvise(&page, PAGE_LEN, MADV_WIPEONFORK) == -1)
		return ((unsigned long)getpid());
	number = atomic_fetch_add(&last, 1) + 1;
	/* Another thread may have been faster. */
	return (atomic_compare_exchange_strong(&page.number, &none, number)
	        ? number
	        : none);
}

bool
lk_identity_is_whole(void)
{
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;

	return (getresuid(&uid, &euid, &suid) == 0 &&
	    getresgid(&gid, &egid, &sgid) == 0 && uid == euid && euid == suid &&
	    gid == egid && egid == sgid && getauxval(AT_SECURE) == 0);
}
