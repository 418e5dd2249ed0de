/* How the store ends sessions, one or very many. */
#ifndef LK_SQL_REVOKE_H_
#define LK_SQL_REVOKE_H_

#include "store/sql/past.h"

/* Most sessions of a user that end in one transaction; who has more has them
 * end in steps of fewer, so that nobody waits for long. */
#define LK_SQL_ONCE 10000
#define LK_SQL_STEP 500

/** lk_sql_end_one(store, handle, gone): End one in a transaction. */
enum lk_status lk_sql_end_one(struct lk_sql_store *store,
    const uint8_t handle[LK_HANDLE_LEN],
    struct lk_sql_gone *gone) LK_MUST_CHECK;

/** Which sessions of a user end: those behind a handle, up to some time. */
struct lk_sql_doomed {
	const struct lk_token_key *keep; /* is spared, unless it is NULL */
	int64_t until_us;
	size_t from_len; /* 0, or that of a handle */
	uint8_t from[LK_HANDLE_LEN];
};

/** lk_sql_end_some(store, doomed, most, gone): End ${most} of them. */
enum lk_status lk_sql_end_some(struct lk_sql_store *store,
    const struct lk_sql_doomed *doomed, int most,
    struct lk_sql_gone *gone) LK_MUST_CHECK;

/**
 * lk_sql_next_step(store, deadline, began_ns, ended):
 * Between two steps, of which the last began at ${began_ns}: let others have
 * the lock, who look for it more often than this takes.  LK_E_TIMEOUT if there
 * is no time for another.
 */
enum lk_status lk_sql_next_step(const struct lk_sql_store *store,
    struct lk_deadline deadline, int64_t began_ns,
    uint64_t ended) LK_MUST_CHECK;

#endif /* !LK_SQL_REVOKE_H_ */
