/* What doctor finds out about a server. */
#ifndef LK_MARIADB_LOOK_H_
#define LK_MARIADB_LOOK_H_

#include "store/sql/store.h"

/** lk_mariadb_look_at_server(store, deadline, each, arg): As inspect. */
enum lk_status lk_mariadb_look_at_server(struct lk_sql_store *store,
    struct lk_deadline deadline, lk_finding_fn *each, void *arg) LK_MUST_CHECK;

#endif /* !LK_MARIADB_LOOK_H_ */
