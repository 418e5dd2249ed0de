#include <sys/auxv.h>
#include <sys/mman.h>

#include "base/self.h"

static size_t
page_size(void)
{
	return ((size_t)sysconf(_SC_PAGESIZE));
}

void
lk_birth_note(struct lk_birth *birth)
{
	void *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	birth->page = NULL;
	if (page == MAP_FAILED)
		page = NULL;
	else if (madvise(page, page_size(), MADV_WIPEONFORK) == 0)
		birth->page = page;
	else
		(void)munmap(page, page_size());
	lk_birth_move(birth);
}

void
lk_birth_move(struct lk_birth *birth)
{
	if (birth->page != NULL)
		*birth->page = 1;
	birth->pid = getpid();
}

void
lk_birth_free(struct lk_birth *birth)
{
	if (birth->page != NULL)
		(void)munmap(birth->page, page_size());
	birth->page = NULL;
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
