/*
 * SQLite itself, which is loaded when a store is a file: `lk_sqlite.step(...)`
 * is sqlite3_step(...).  Who keeps his sessions elsewhere does not pay for its
 * start, which takes longer than a check.
 */
#ifndef LK_SQLITE_LIBRARY_H_
#define LK_SQLITE_LIBRARY_H_

#include <sqlite3.h>

#include "base/error.h"

/* clang-format off */
#define LK_SQLITE(F) \
	F(bind_blob) F(bind_blob64) F(bind_int64) F(bind_parameter_count) \
	F(bind_text) F(busy_handler) F(changes) F(close_v2) F(column_blob) \
	F(column_bytes) F(column_int) F(column_int64) F(column_type) \
	F(db_config) F(errstr) F(exec) F(extended_result_codes) \
	F(file_control) F(finalize) F(get_autocommit) F(libversion) \
	F(libversion_number) F(open_v2) F(prepare_v2) F(prepare_v3) \
	F(progress_handler) F(reset) F(step) F(stmt_busy) F(stmt_status) \
	F(system_errno) F(wal_checkpoint_v2) F(wal_hook)
/* clang-format on */

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a member has none. */
#define LK_SQLITE_POINTER(name) __typeof__(&sqlite3_##name) name;
struct lk_sqlite_functions {
	LK_SQLITE(LK_SQLITE_POINTER)
};
#undef LK_SQLITE_POINTER

/** Once lk_sqlite_load() has found them. */
extern struct lk_sqlite_functions lk_sqlite;

/**
 * lk_sqlite_load(error):
 * Have SQLite in this process, whose it is from then on.  LK_E_SETTINGS if it
 * is not installed, or too old.
 */
enum lk_status lk_sqlite_load(struct lk_error *error) LK_MUST_CHECK;

#endif /* !LK_SQLITE_LIBRARY_H_ */
