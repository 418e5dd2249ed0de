#include <sys/types.h>

#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

#include "store/sqlite/family.h"

static struct {
	pthread_mutex_t lock; /* nobody has it while the process forks */
	struct lk_sqlite_kin *first;
	pid_t pid; /* whose connections they are */
	bool torn;
} family = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
lock_family(void)
{
	(void)pthread_mutex_lock(&family.lock);
}

static void
unlock_family(void)
{
	(void)pthread_mutex_unlock(&family.lock);
}

static void
keep_whole(void)
{
	(void)pthread_atfork(lock_family, unlock_family, unlock_family);
}

/* In a child, with the lock: whoever is inside now was so in the parent. */
static void
leave_parent(void)
{
	struct lk_sqlite_kin *kin;

	if (family.pid == getpid())
		return;
	family.pid = getpid();
	for (kin = family.first; kin != NULL; kin = kin->next)
		family.torn |= kin->inside;
	for (kin = family.first; kin != NULL; kin = kin->next) {
		kin->drop(kin, family.torn);
		kin->inside = false;
	}
}

void
lk_sqlite_family_join(struct lk_sqlite_kin *kin)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, keep_whole);
	lock_family();
	leave_parent();
	kin->next = family.first;
	family.first = kin;
	unlock_family();
}

void
lk_sqlite_family_leave(struct lk_sqlite_kin *kin)
{
	struct lk_sqlite_kin **at;

	lock_family();
	for (at = &family.first; *at != kin; at = &(*at)->next)
		;
	*at = kin->next;
	unlock_family();
}

bool
lk_sqlite_family_is_ours(void)
{
	bool torn;

	lock_family();
	leave_parent();
	torn = family.torn;
	unlock_family();
	return (!torn);
}
