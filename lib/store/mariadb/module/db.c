#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/user.h"
#include "store/mariadb/module/db.h"
#include "store/mariadb/module/schema.h"

/* Most columns of a row, parameters of a statement, and places where these
 * stand in its text. */
#define COLUMNS_MAX 12
#define PARAMETERS_MAX 12
#define PLACES_MAX 20
/* Longest text of a statement. */
#define TEXT_MAX_ 1024
/* Longest column that is taken, but for a user's record. */
#define COLUMN_MAX 512

/* The statements beside those of enum lk_sql: they lock the rows that another
 * ends. */
enum { ROWS = LK_SQL_N, ALL = ROWS + LK_SQL_N };

/* A column of a row. */
struct cell {
	int64_t number;
	unsigned long len;
	my_bool is_null;
	my_bool cut;
	bool is_number;
	size_t size;
	char *bytes;
};

/* A statement, and the row that it is at. */
struct statement {
	struct lk_sql_row row; /* the first member */
	MYSQL_STMT *stmt;      /* NULL: it is not prepared */
	unsigned int places;   /* of parameters in its text, and which */
	unsigned char parameter[PLACES_MAX];
	unsigned int columns;
	struct cell cell[COLUMNS_MAX];
	MYSQL_BIND result[COLUMNS_MAX];
};

struct mariadb_db {
	struct lk_sql_db base; /* the first member */
	struct lk_mariadb_wire wire;
	uint64_t prepared_on; /* the connection that the statements are of */
	struct statement *statement[ALL];
	int changes;
	bool inside; /* a transaction */
};

static struct mariadb_db *
db_of(struct lk_sql_db *base)
{
	return ((struct mariadb_db *)base);
}

/* ---- Columns ----------------------------------------------------------- */

static const struct cell *
cell_of(struct lk_sql_row *row, int column)
{
	static const struct cell nothing = { .is_null = 1 };
	const struct statement *statement = (struct statement *)row;

	return (column >= 0 && (unsigned int)column < statement->columns
	        ? &statement->cell[column]
	        : &nothing);
}

static bool
column_is_null(struct lk_sql_row *row, int column)
{
	return (cell_of(row, column)->is_null != 0);
}

static int64_t
column_number(struct lk_sql_row *row, int column)
{
	const struct cell *cell = cell_of(row, column);

	return (cell->is_number && cell->is_null == 0 ? cell->number : 0);
}

static const void *
column_bytes(struct lk_sql_row *row, int column)
{
	const struct cell *cell = cell_of(row, column);

	return (cell->is_number || cell->is_null != 0 ? NULL : cell->bytes);
}

static size_t
column_len(struct lk_sql_row *row, int column)
{
	return (column_bytes(row, column) == NULL
	        ? 0
	        : (size_t)cell_of(row, column)->len);
}

static void
column_done(struct lk_sql_row *row)
{
	(void)mysql_stmt_free_result(((struct statement *)row)->stmt);
}

static const struct lk_sql_columns columns = { .number = column_number,
	.bytes = column_bytes,
	.len = column_len,
	.is_null = column_is_null,
	.done = column_done };

/* ---- Statements -------------------------------------------------------- */

static void
free_statement(struct statement *statement)
{
	unsigned int i;

	if (statement == NULL)
		return;
	if (statement->stmt != NULL)
		(void)mysql_stmt_close(statement->stmt);
	for (i = 0; i < statement->columns; i++)
		free(statement->cell[i].bytes);
	free(statement);
}

/* Forget all statements, whose connection is closed. */
static void
forget(struct mariadb_db *db)
{
	size_t i;

	for (i = 0; i < ALL; i++) {
		free_statement(db->statement[i]);
		db->statement[i] = NULL;
	}
}

static void
drop(struct mariadb_db *db)
{
	lk_mariadb_wire_drop(&db->wire);
	forget(db);
	db->inside = false;
}

static const char *
text_of(int sql)
{
	return (sql >= ROWS ? lk_mariadb_texts[sql - ROWS].rows
	                    : lk_mariadb_texts[sql].text);
}

/* Put `?` for each `?N`, and say in which order they come. */
static void
write_text(const char *numbered, char text[TEXT_MAX_],
    struct statement *statement)
{
	size_t len = 0;
	char *end;

	while (*numbered != '\0' && len < TEXT_MAX_ - 1 &&
	    statement->places < PLACES_MAX) {
		text[len++] = *numbered;
		if (*numbered++ != '?')
			continue;
		statement->parameter[statement->places++] =
		    (unsigned char)(strtoul(numbered, &end, 10) - 1);
		numbered = end;
	}
	text[len] = '\0';
}

static bool
is_number(enum enum_field_types type)
{
	return (type == MYSQL_TYPE_TINY || type == MYSQL_TYPE_SHORT ||
	    type == MYSQL_TYPE_INT24 || type == MYSQL_TYPE_LONG ||
	    type == MYSQL_TYPE_LONGLONG);
}

/* Have a place for each column, as long as what is kept there at most. */
static bool
make_cells(struct statement *statement)
{
	MYSQL_RES *meta = mysql_stmt_result_metadata(statement->stmt);
	const unsigned int count = mysql_stmt_field_count(statement->stmt);
	const MYSQL_FIELD *field;
	struct cell *cell;
	MYSQL_BIND *bind;

	if (count == 0 || meta == NULL || count > COLUMNS_MAX ||
	    mysql_num_fields(meta) != count) {
		mysql_free_result(meta);
		return (count == 0);
	}
	while (statement->columns < count) {
		field = mysql_fetch_field_direct(meta, statement->columns);
		cell = &statement->cell[statement->columns];
		bind = &statement->result[statement->columns++];
		cell->is_number = is_number(field->type);
		cell->size = field->length <= COLUMN_MAX
		    ? COLUMN_MAX
		    : LK_USER_RECORD_MAX;
		if (!cell->is_number &&
		    (cell->bytes = malloc(cell->size)) == NULL)
			break;
		bind->buffer_type = cell->is_number
		    ? MYSQL_TYPE_LONGLONG
		    : MYSQL_TYPE_BLOB;
		bind->buffer = cell->is_number ? (void *)&cell->number
		                               : cell->bytes;
		bind->buffer_length = cell->is_number
		    ? sizeof(cell->number)
		    : cell->size;
		bind->length = &cell->len;
		bind->is_null = &cell->is_null;
		bind->error = &cell->cut;
	}
	mysql_free_result(meta);
	return (statement->columns == count &&
	    (statement->cell[count - 1].is_number ||
	        statement->cell[count - 1].bytes != NULL));
}

static enum lk_status
prepare(struct mariadb_db *db, int sql, struct statement **statementp)
{
	char text[TEXT_MAX_];
	struct statement *statement = db->statement[sql];
	enum lk_status status = LK_FAULT;

	if (db->prepared_on != db->wire.number)
		forget(db);
	db->prepared_on = db->wire.number;
	if ((*statementp = statement = db->statement[sql]) != NULL)
		return (LK_OK);
	if ((statement = calloc(1, sizeof(*statement))) == NULL)
		return (lk_fail(db->base.error, LK_E_NOMEM, "out of memory"));
	statement->row.columns = &columns;
	write_text(text_of(sql), text, statement);
	status = lk_mariadb_wire_prepare(&db->wire, text, &statement->stmt);
	if (status == LK_OK &&
	    (mysql_stmt_param_count(statement->stmt) != statement->places ||
	        !make_cells(statement)))
		status = lk_mariadb_wire_corrupt(&db->wire,
		    "it has understood a statement otherwise");
	if (status != LK_OK) {
		free_statement(statement);
		return (status);
	}
	*statementp = db->statement[sql] = statement;
	return (LK_OK);
}

/* Move it on; ${row} is at its row then, or NULL. */
static enum lk_status
step(struct mariadb_db *db, struct statement *statement,
    struct lk_sql_row **row)
{
	const int result = mysql_stmt_fetch(statement->stmt);

	*row = result == 0 ? &statement->row : NULL;
	if (result == 0)
		return (LK_OK);
	if (result != MYSQL_NO_DATA)
		return (lk_mariadb_wire_corrupt(&db->wire,
		    "a row is not what latchkey writes"));
	(void)mysql_stmt_free_result(statement->stmt);
	return (LK_OK);
}

/* Run it to its first row. */
static enum lk_status
execute(struct mariadb_db *db, int sql, const struct lk_sql_arg *args,
    size_t count, struct lk_sql_row **row)
{
	MYSQL_BIND bind[PLACES_MAX];
	struct statement *statement;
	const struct lk_sql_arg *arg;
	enum lk_status status = prepare(db, sql, &statement);
	unsigned int i;

	*row = NULL;
	if (status != LK_OK)
		return (status);
	memset(bind, 0, sizeof(bind));
	for (i = 0; i < statement->places; i++) {
		if (statement->parameter[i] >= count)
			return (LK_FAULT);
		arg = &args[statement->parameter[i]];
		bind[i].buffer = (void *)(uintptr_t)arg->bytes;
		if (arg->type == LK_SQL_IS_NUMBER) {
			bind[i].buffer_type = MYSQL_TYPE_LONGLONG;
			bind[i].buffer = (void *)(uintptr_t)&arg->number;
		} else if (arg->bytes == NULL) {
			bind[i].buffer_type = MYSQL_TYPE_NULL;
		} else {
			bind[i].buffer_type = MYSQL_TYPE_BLOB;
			bind[i].buffer_length = arg->type == LK_SQL_IS_TEXT
			    ? (unsigned long)strlen(arg->bytes)
			    : (unsigned long)arg->number;
		}
	}
	if (statement->places > 0 &&
	    mysql_stmt_bind_param(statement->stmt, bind) != 0)
		return (lk_fail(db->base.error, LK_E_NOMEM, "out of memory"));
	status = lk_mariadb_wire_execute(&db->wire, statement->stmt,
	    statement->columns > 0 ? statement->result : NULL);
	if (status != LK_OK)
		return (status);
	if (mysql_stmt_field_count(statement->stmt) != statement->columns)
		return (lk_mariadb_wire_corrupt(&db->wire,
		    "it answers what was not asked"));
	if (statement->columns > 0)
		return (step(db, statement, row));
	db->changes = (int)mysql_stmt_affected_rows(statement->stmt);
	return (LK_OK);
}

/* ---- The engine -------------------------------------------------------- */

static enum lk_status
mariadb_next(struct lk_sql_db *base, struct lk_sql_row **row)
{
	return (step(db_of(base), (struct statement *)*row, row));
}

/*
 * Outside of a transaction a connection that was kept may turn out to have
 * ended long ago: what only reads is asked once more.
 */
static enum lk_status
run(struct mariadb_db *db, int sql, const struct lk_sql_arg *args, size_t count,
    struct lk_sql_row **row)
{
	const bool kept = db->wire.used;
	enum lk_status status = execute(db, sql, args, count, row);

	if (status != LK_E_STORE || db->inside || !kept ||
	    db->wire.trouble != LK_MARIADB_LOST)
		return (status);
	db->base.error->text[0] = '\0';
	status = lk_mariadb_wire_ready(&db->wire, db->wire.deadline);
	return (status == LK_OK ? execute(db, sql, args, count, row) : status);
}

static enum lk_status
mariadb_run(struct lk_sql_db *base, enum lk_sql sql,
    const struct lk_sql_arg *args, size_t count, struct lk_sql_row **rowp)
{
	struct mariadb_db *db = db_of(base);
	struct lk_sql_row *row = NULL, *none;
	enum lk_status status = LK_OK;

	if (lk_mariadb_texts[sql].rows != NULL) {
		status = execute(db, ROWS + (int)sql, args, count, &row);
		if (status == LK_OK && row != NULL)
			status = execute(db, (int)sql, args, count, &none);
	} else if (lk_mariadb_texts[sql].text != NULL) {
		status = run(db, (int)sql, args, count, &row);
	}
	if (rowp != NULL)
		*rowp = status == LK_OK ? row : NULL;
	return (status);
}

static enum lk_status
mariadb_row_of(struct lk_sql_db *base, const uint8_t tag[LK_TAG_LEN],
    const uint8_t handle[LK_HANDLE_LEN], struct lk_sql_row **row)
{
	return (
	    LK_SQL_RUN(base, LK_SQL_FIND, row, LK_SQL_BYTES(tag, LK_TAG_LEN),
	        LK_SQL_BYTES(handle, LK_HANDLE_LEN)));
}

static enum lk_status
mariadb_look(struct lk_sql_db *base, struct lk_deadline deadline)
{
	return (lk_mariadb_wire_ready(&db_of(base)->wire, deadline));
}

static enum lk_status
mariadb_looked(struct lk_sql_db *base, enum lk_status status)
{
	if (status == LK_E_CORRUPT)
		drop(db_of(base));
	return (status);
}

/* Begin, with the lock that goes with ${tag}, unless that is NULL. */
static enum lk_status
start_once(struct mariadb_db *db, const uint8_t *tag)
{
	char locked[sizeof(LK_MARIADB_START LK_MARIADB_LOCK) + 8];
	enum lk_status status = LK_FAULT;

	if (tag == NULL)
		return (lk_mariadb_wire_say(&db->wire, LK_MARIADB_START));
	(void)snprintf(locked, sizeof(locked), LK_MARIADB_START LK_MARIADB_LOCK,
	    (unsigned int)(tag[0] << 4 | tag[1] >> 4));
	status = lk_mariadb_wire_say(&db->wire, locked);
	if (status == LK_OK && mysql_affected_rows(db->wire.mysql) != 1)
		status = lk_fail(db->base.error, LK_E_SETTINGS,
		    "%s: latchkey_lock lacks rows; `latchkey store init` makes "
		    "them",
		    db->base.where);
	return (status);
}

static enum lk_status
start(struct mariadb_db *db, const uint8_t *tag, struct lk_deadline deadline)
{
	const bool kept = db->wire.mysql != NULL;
	enum lk_status status = lk_mariadb_wire_ready(&db->wire, deadline);

	if (status == LK_OK)
		status = start_once(db, tag);
	/* Nothing was asked of one that had ended. */
	if (status == LK_E_STORE && kept &&
	    db->wire.trouble == LK_MARIADB_LOST) {
		db->base.error->text[0] = '\0';
		status = lk_mariadb_wire_ready(&db->wire, deadline);
		if (status == LK_OK)
			status = start_once(db, tag);
	}
	return (status);
}

/* Roll back, on a connection that is fit to be used on. */
static void
roll_back(struct mariadb_db *db)
{
	struct lk_error kept = *db->base.error;
	const enum lk_mariadb_trouble trouble = db->wire.trouble;

	db->inside = false;
	if (db->wire.mysql != NULL &&
	    (trouble == LK_MARIADB_LOST ||
	        lk_mariadb_wire_say(&db->wire, "ROLLBACK") != LK_OK))
		drop(db);
	*db->base.error = kept;
	db->wire.trouble = trouble;
}

static enum lk_status
mariadb_begin(struct lk_sql_db *base, enum lk_sql_aim aim, const uint8_t *tag,
    struct lk_deadline deadline)
{
	struct mariadb_db *db = db_of(base);
	enum lk_status status = LK_FAULT;

	db->wire.trouble = LK_MARIADB_FINE;
	if (aim == LK_SQL_READ)
		return (mariadb_look(base, deadline));
	status = start(db, tag, deadline);
	db->inside = true;
	if (status != LK_OK)
		roll_back(db);
	return (status);
}

static enum lk_status
mariadb_end(struct lk_sql_db *base, enum lk_status status)
{
	struct mariadb_db *db = db_of(base);
	enum lk_status end = LK_FAULT;

	if (!db->inside)
		return (mariadb_looked(base, status));
	if (status >= 0) {
		end = lk_mariadb_wire_say(&db->wire, "COMMIT");
		if (end == LK_OK) {
			db->inside = false;
			return (status);
		}
		status = end;
	}
	roll_back(db);
	return (status);
}

static enum lk_status
mariadb_undo(struct lk_sql_db *base, enum lk_status status)
{
	if (db_of(base)->inside)
		roll_back(db_of(base));
	return (status);
}

static int
mariadb_changes(const struct lk_sql_db *base)
{
	return (((const struct mariadb_db *)base)->changes);
}

static bool
mariadb_is_tight(struct lk_sql_db *base)
{
	(void)base;
	return (false);
}

bool
lk_mariadb_db_again(struct lk_sql_db *base, enum lk_status status,
    struct lk_deadline deadline)
{
	if (status >= 0 || db_of(base)->wire.trouble != LK_MARIADB_CONFLICT ||
	    lk_deadline_left_ms(deadline) == 0)
		return (false);
	base->error->text[0] = '\0';
	return (true);
}

/*
 * A server without room, whatever number it gives that, has some to end a
 * session where nothing is added.
 */
static bool
mariadb_again(struct lk_sql_db *base, enum lk_status status, int attempt,
    struct lk_deadline deadline, bool *bare)
{
	(void)attempt;
	if (status != LK_E_STORE || *bare ||
	    db_of(base)->wire.trouble != LK_MARIADB_REFUSED ||
	    lk_deadline_left_ms(deadline) == 0)
		return (lk_mariadb_db_again(base, status, deadline));
	*bare = true;
	base->error->text[0] = '\0';
	return (true);
}

static const struct lk_sql_engine engine = { .begin = mariadb_begin,
	.end = mariadb_end,
	.undo = mariadb_undo,
	.look = mariadb_look,
	.looked = mariadb_looked,
	.run = mariadb_run,
	.next = mariadb_next,
	.row_of = mariadb_row_of,
	.changes = mariadb_changes,
	.is_tight = mariadb_is_tight,
	.again = mariadb_again };

/* ---- Making ------------------------------------------------------------ */

struct lk_mariadb_wire *
lk_mariadb_db_wire(struct lk_sql_db *db)
{
	return (&db_of(db)->wire);
}

void
lk_mariadb_db_leave_parent(struct lk_sql_db *db)
{
	lk_mariadb_wire_leave_parent(&db_of(db)->wire);
	drop(db_of(db));
}

enum lk_status
lk_mariadb_db_new(const struct lk_settings *settings, struct lk_error *error,
    struct lk_sql_db **dbp)
{
	struct mariadb_db *db = calloc(1, sizeof(*db));

	*dbp = NULL;
	if (db == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	db->base = (struct lk_sql_db){ &engine, error,
		settings->store.mariadb.address };
	db->wire.settings = settings;
	db->wire.error = error;
	*dbp = &db->base;
	return (LK_OK);
}

void
lk_mariadb_db_free(struct lk_sql_db *db)
{
	if (db == NULL)
		return;
	drop(db_of(db));
	free(db);
}
