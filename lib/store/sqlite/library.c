#include <pthread.h>

#include "base/library.h"
#include "store/sqlite/library.h"

/* Tables are strict since then. */
#define OLDEST 3037000

#ifdef LK_SQLITE_LINKED

/* In the PAM module, which holds it, hidden from its host. */
#define ADDRESS(name) .name = sqlite3_##name,
struct lk_sqlite_functions lk_sqlite = { LK_SQLITE(ADDRESS) };

static void
load(void)
{
}

#else

struct lk_sqlite_functions lk_sqlite;

static void
load(void)
{
#define NAME(name) "sqlite3_" #name "\0"
	if (!lk_library_load("libsqlite3.so.0", LK_SQLITE(NAME), &lk_sqlite))
		lk_sqlite.libversion_number = NULL;
}

#endif

enum lk_status
lk_sqlite_load(struct lk_error *error)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, load);
	if (lk_sqlite.libversion_number != NULL &&
	    lk_sqlite.libversion_number() >= OLDEST)
		return (LK_OK);
	return (lk_fail(error, LK_E_SETTINGS,
	    "store.backend: expected libsqlite3.so.0 of SQLite 3.37 or later "
	    "for \"sqlite\", got %s; on Debian and Ubuntu: apt install "
	    "libsqlite3-0",
	    lk_sqlite.libversion_number == NULL ? "none"
	                                        : lk_sqlite.libversion()));
}
