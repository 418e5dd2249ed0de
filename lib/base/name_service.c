#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/name_service.h"

/*
 * First and largest size of an entry.  A group's has the names of all of its
 * members.
 */
#define ENTRY_FIRST 1024
#define ENTRY_MAX 16777216
/* First and largest number of groups of one account. */
#define GROUPS_FIRST 64
#define GROUPS_MAX 65536

/* What is looked up: by its name, or without one by its number. */
struct query {
	const char *name;
	id_t number;
	struct passwd *account; /* one of these two is filled in */
	struct group *group;
};

/* Double ${size} up to ${max} and make the memory at ${data} that large. */
static enum lk_status
grow(void **data, size_t *size, size_t first, size_t max, size_t each,
    struct lk_error *error)
{
	void *larger;

	if (*size >= max)
		return (lk_fail(error, LK_E_STORE,
		    "name service: an entry is too large"));
	*size = *size == 0 ? first : 2 * *size;
	if ((larger = reallocarray(*data, *size, each)) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	*data = larger;
	return (LK_OK);
}

/* Ask once, with so much room; 0 or what is wrong. */
static int
ask(const struct query *query, char *room, size_t size, bool *found)
{
	struct lk_fd_hold hold = { { false } };
	struct passwd *account = NULL;
	struct group *group = NULL;
	int rc;

	/* A service may keep a connection. */
	lk_fd_hold(&hold);
	/* What glibc returns if no service can answer, and none says why. */
	errno = EIO;
	if (query->account != NULL && query->name != NULL)
		rc = getpwnam_r(query->name, query->account, room, size,
		    &account);
	else if (query->account != NULL)
		rc = getpwuid_r((uid_t)query->number, query->account, room,
		    size, &account);
	else if (query->name != NULL)
		rc = getgrnam_r(query->name, query->group, room, size, &group);
	else
		rc = getgrgid_r((gid_t)query->number, query->group, room, size,
		    &group);
	lk_fd_release(&hold);
	*found = account != NULL || group != NULL;
	return (rc);
}

/* Look up; the entry points into ${*data}, which the caller frees. */
static enum lk_status
look_up(const struct query *query, void **data, struct lk_error *error)
{
	enum lk_status status = LK_FAULT;
	size_t size = 0;
	bool found;
	int rc;

	*data = NULL;
	do {
		status = grow(data, &size, ENTRY_FIRST, ENTRY_MAX, 1, error);
		if (status != LK_OK)
			return (status);
		do
			rc = ask(query, *data, size, &found);
		while (rc == EINTR);
	} while (rc == ERANGE);
	if (rc != 0)
		return (lk_fail(error, LK_E_STORE, "name service: %s",
		    strerror(rc)));
	return (found ? LK_OK : LK_NO_USER);
}

enum lk_status
lk_account_find(const char *name, uid_t uid, struct lk_account *account,
    struct lk_error *error)
{
	const struct query query = { name, uid, &account->entry, NULL };

	return (look_up(&query, &account->data, error));
}

enum lk_status
lk_account_groups(const struct lk_account *account, gid_t **groups,
    size_t *count, struct lk_error *error)
{
	const struct passwd *entry = &account->entry;
	enum lk_status status = LK_FAULT;
	void *data = NULL;
	size_t size = 0;
	int n;

	*groups = NULL;
	*count = 0;
	do {
		status = grow(&data, &size, GROUPS_FIRST, GROUPS_MAX,
		    sizeof(gid_t), error);
		if (status != LK_OK) {
			free(data);
			return (status);
		}
		n = (int)size;
	} while (getgrouplist(entry->pw_name, entry->pw_gid, data, &n) < 0);
	*groups = data;
	*count = (size_t)n;
	return (LK_OK);
}

void
lk_account_free(struct lk_account *account)
{
	free(account->data);
	memset(account, 0, sizeof(*account));
}

enum lk_status
lk_group_find(const char *name, gid_t gid, struct lk_group *group,
    struct lk_error *error)
{
	const struct query query = { name, gid, NULL, &group->entry };

	return (look_up(&query, &group->data, error));
}

void
lk_group_free(struct lk_group *group)
{
	free(group->data);
	memset(group, 0, sizeof(*group));
}
