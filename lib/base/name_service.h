/*
 * Accounts and groups of this system, by way of whatever the name service
 * consults.  That there is none is an answer, LK_NO_USER; a name service that
 * cannot tell is a negative status, and never reads as one.
 */
#ifndef LK_NAME_SERVICE_H_
#define LK_NAME_SERVICE_H_

#include <sys/types.h>

#include <grp.h>
#include <pwd.h>

#include "latchkey.h"

/** An account; freed by lk_account_free(), which is fine with zeros. */
struct lk_account {
	struct passwd entry; /* points into data */
	void *data;
};

/**
 * lk_account_find(name, uid, account, error):
 * The account ${name}, or with NULL that of the number ${uid}.
 */
enum lk_status lk_account_find(const char *name, uid_t uid,
    struct lk_account *account, struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_account_groups(account, groups, count, error):
 * The numbers of all groups that ${account} is in, its own among them; the
 * caller frees ${groups}.
 */
enum lk_status lk_account_groups(const struct lk_account *account,
    gid_t **groups, size_t *count, struct lk_error *error) LK_MUST_CHECK;

void lk_account_free(struct lk_account *account);

/** A group; freed by lk_group_free(), which is fine with zeros. */
struct lk_group {
	struct group entry; /* points into data */
	void *data;
};

/** lk_group_find(name, gid, group, error): As lk_account_find(). */
enum lk_status lk_group_find(const char *name, gid_t gid,
    struct lk_group *group, struct lk_error *error) LK_MUST_CHECK;

void lk_group_free(struct lk_group *group);

#endif /* !LK_NAME_SERVICE_H_ */
