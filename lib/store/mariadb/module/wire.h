/*
 * A connection to MariaDB or MySQL by libmariadb's non-blocking interface: one
 * deadline an operation.  One that has failed is closed and never used again.
 *
 * The server is not trusted with more than it is asked: it can have the
 * password by those methods alone that do not show it, no file of ours, and
 * no library loaded of its choice.
 */
#ifndef LK_MARIADB_WIRE_H_
#define LK_MARIADB_WIRE_H_

#include <mysql.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/fd.h"
#include "settings/settings.h"

/** What came of what was sent last, apart from its status. */
enum lk_mariadb_trouble {
	LK_MARIADB_FINE = 0,
	LK_MARIADB_LOST,     /* the connection, which is closed */
	LK_MARIADB_CONFLICT, /* another was in the way: not done, ask again */
	LK_MARIADB_REFUSED   /* the server said no */
};

struct lk_mariadb_wire {
	/* Static data. */
	const struct lk_settings *settings;
	struct lk_error *error;

	/* Dynamic data. */
	MYSQL *mysql;    /* NULL: not connected */
	uint64_t number; /* of the connection, from 1 on */
	bool used;       /* something was asked since it was connected */
	enum lk_mariadb_trouble trouble;
	bool crowded;                /* it had no room for a connection */
	size_t taken;                /* bytes of the answer under way */
	struct lk_deadline deadline; /* of the operation under way */
	int64_t ahead_us;            /* the server's clock, of the monotonic */
	int64_t vital_until_ns;      /* how long that and its role are known */
};

/** lk_mariadb_library(): Get libmariadb ready; false if it cannot be. */
bool lk_mariadb_library(void);

/**
 * lk_mariadb_wire_ready(wire, deadline):
 * Be connected, and have looked lately at the server's clock, its role and the
 * version of the tables: all that follows has ${deadline}.
 */
enum lk_status lk_mariadb_wire_ready(struct lk_mariadb_wire *wire,
    struct lk_deadline deadline) LK_MUST_CHECK;

/**
 * lk_mariadb_wire_connect(wire, deadline):
 * Be connected, whatever the server is.
 */
enum lk_status lk_mariadb_wire_connect(struct lk_mariadb_wire *wire,
    struct lk_deadline deadline) LK_MUST_CHECK;

/**
 * lk_mariadb_wire_run(wire, text, len, count, about, rows):
 * Run ${count} statements, a semicolon between each two, none of which is run
 * if the one before has failed.  ${about} has room for how many rows each was
 * about.  None answers rows, but the last if ${rows} is not NULL: they are the
 * caller's, to free.  The text is ours, and what others chose is no text in it.
 */
enum lk_status lk_mariadb_wire_run(struct lk_mariadb_wire *wire,
    const char *text, size_t len, size_t count, uint64_t *about,
    MYSQL_RES **rows) LK_MUST_CHECK;

/** lk_mariadb_wire_say(wire, text): Run a statement that answers no rows. */
enum lk_status lk_mariadb_wire_say(struct lk_mariadb_wire *wire,
    const char *text) LK_MUST_CHECK;

/** Called for a row: texts, of which any may be NULL. */
typedef void lk_mariadb_row_fn(void *arg, char **texts, unsigned int count);

/** lk_mariadb_wire_ask(wire, text, each, arg): Run what answers rows. */
enum lk_status lk_mariadb_wire_ask(struct lk_mariadb_wire *wire,
    const char *text, lk_mariadb_row_fn *each, void *arg) LK_MUST_CHECK;

/**
 * lk_mariadb_wire_replicates(wire, replicates):
 * Whether it is a replica at work; a MySQL keeps that to itself.
 */
enum lk_status lk_mariadb_wire_replicates(struct lk_mariadb_wire *wire,
    bool *replicates) LK_MUST_CHECK;

/** lk_mariadb_wire_prepare(wire, text, stmt): The caller closes it. */
enum lk_status lk_mariadb_wire_prepare(struct lk_mariadb_wire *wire,
    const char *text, MYSQL_STMT **stmt) LK_MUST_CHECK;

/**
 * lk_mariadb_wire_execute(wire, stmt, results):
 * Run it, and take all rows, into ${results} if it has columns.
 */
enum lk_status lk_mariadb_wire_execute(struct lk_mariadb_wire *wire,
    MYSQL_STMT *stmt, MYSQL_BIND *results) LK_MUST_CHECK;

/** lk_mariadb_wire_corrupt(wire, what): Close it: it says what it may not. */
enum lk_status lk_mariadb_wire_corrupt(struct lk_mariadb_wire *wire,
    const char *what) LK_MUST_CHECK;

/** lk_mariadb_wire_now_ms(wire): Milliseconds since 1970 UTC there. */
int64_t lk_mariadb_wire_now_ms(const struct lk_mariadb_wire *wire);

/**
 * lk_mariadb_wire_drop(wire):
 * Close it at once.  Statements of its are to be closed after it.
 */
void lk_mariadb_wire_drop(struct lk_mariadb_wire *wire);

/** lk_mariadb_wire_leave_parent(wire): The same in a child, unheard. */
void lk_mariadb_wire_leave_parent(struct lk_mariadb_wire *wire);

#endif /* !LK_MARIADB_WIRE_H_ */
