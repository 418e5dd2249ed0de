/* MariaDB as an engine of lib/store/sql. */
#ifndef LK_MARIADB_DB_H_
#define LK_MARIADB_DB_H_

#include "store/mariadb/module/wire.h"
#include "store/sql/db.h"

/**
 * lk_mariadb_db_new(settings, error, db):
 * A connection that is made when first used.  Both must outlive it.
 */
enum lk_status lk_mariadb_db_new(const struct lk_settings *settings,
    struct lk_error *error, struct lk_sql_db **db) LK_MUST_CHECK;

/** lk_mariadb_db_free(db): Close and free.  NULL is fine. */
void lk_mariadb_db_free(struct lk_sql_db *db);

/** lk_mariadb_db_wire(db): its connection. */
struct lk_mariadb_wire *lk_mariadb_db_wire(struct lk_sql_db *db);

/** lk_mariadb_db_again(db, status, deadline): whether what has failed, and
 * changed nothing, may be done within ${deadline} if it is done once more. */
bool lk_mariadb_db_again(struct lk_sql_db *db, enum lk_status status,
    struct lk_deadline deadline);

/** lk_mariadb_db_leave_parent(db): In a child: drop what is the parent's. */
void lk_mariadb_db_leave_parent(struct lk_sql_db *db);

#endif /* !LK_MARIADB_DB_H_ */
