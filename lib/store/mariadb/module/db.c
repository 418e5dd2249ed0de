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
/* How much waits to be said at once; what a statement alone has more of goes
 * by itself, and as it is. */
#define WAITING_MAX 65536
#define ARGUMENTS_MAX 8192
#define WAITING_STATEMENTS 64

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

/* Rows that came in answer to a text. */
struct rows {
	struct lk_sql_row row; /* the first member */
	MYSQL_RES *all;        /* NULL: they are done with */
	MYSQL_ROW at;
	unsigned int columns;
	struct rows *next;
};

struct mariadb_db {
	struct lk_sql_db base; /* the first member */
	struct lk_mariadb_wire wire;
	uint64_t prepared_on; /* the connection that the statements are of */
	struct statement *statement[ALL];
	int changes;
	bool inside; /* a transaction */

	/* Of the transaction: what is still to be said, its statements, the
	 * last of them and where more of its kind would go; whether it begins
	 * with a lock; whether something was said before, and by a connection
	 * that others had used before it. */
	struct lk_buf waiting;
	size_t count;
	int last;
	size_t more_at;
	bool locks, said, kept;
	struct lk_deadline deadline;
	struct rows *rows; /* all there were */
};

static struct mariadb_db *
db_of(struct lk_sql_db *base)
{
	return ((struct mariadb_db *)base);
}

/* ---- Columns ----------------------------------------------------------- */

static bool
is_number(enum enum_field_types type)
{
	return (type == MYSQL_TYPE_TINY || type == MYSQL_TYPE_SHORT ||
	    type == MYSQL_TYPE_INT24 || type == MYSQL_TYPE_LONG ||
	    type == MYSQL_TYPE_LONGLONG);
}

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

/* The same of rows that came in answer to a text. */

static const char *
text_at(struct lk_sql_row *row, int column)
{
	const struct rows *rows = (const struct rows *)row;

	return (rows->all != NULL && rows->at != NULL && column >= 0 &&
	            (unsigned int)column < rows->columns
	        ? rows->at[column]
	        : NULL);
}

static bool
text_is_number(struct lk_sql_row *row, int column)
{
	return (is_number(mysql_fetch_field_direct(((struct rows *)row)->all,
	    (unsigned int)column)
	                      ->type));
}

static bool
text_is_null(struct lk_sql_row *row, int column)
{
	return (text_at(row, column) == NULL);
}

static int64_t
text_number(struct lk_sql_row *row, int column)
{
	const char *text = text_at(row, column);

	return (text != NULL && text_is_number(row, column)
	        ? strtoll(text, NULL, 10)
	        : 0);
}

static const void *
text_bytes(struct lk_sql_row *row, int column)
{
	const char *text = text_at(row, column);

	return (text != NULL && !text_is_number(row, column) ? text : NULL);
}

static size_t
text_len(struct lk_sql_row *row, int column)
{
	return (text_bytes(row, column) == NULL
	        ? 0
	        : mysql_fetch_lengths(((struct rows *)row)->all)[column]);
}

static void
text_done(struct lk_sql_row *row)
{
	struct rows *rows = (struct rows *)row;

	mysql_free_result(rows->all);
	rows->all = NULL;
}

static const struct lk_sql_columns text_columns = { .number = text_number,
	.bytes = text_bytes,
	.len = text_len,
	.is_null = text_is_null,
	.done = text_done };

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

/* Nothing waits to be said, and nothing is asked of rows any more. */
static void
leave(struct mariadb_db *db)
{
	struct rows *rows;

	db->inside = false;
	db->said = false;
	db->count = 0;
	lk_buf_free(&db->waiting);
	db->waiting = (struct lk_buf)LK_BUF_INIT(2 * WAITING_MAX);
	while ((rows = db->rows) != NULL) {
		db->rows = rows->next;
		mysql_free_result(rows->all);
		free(rows);
	}
}

static void
drop(struct mariadb_db *db)
{
	lk_mariadb_wire_drop(&db->wire);
	forget(db);
	leave(db);
}

static const char *
text_of(int sql)
{
	return (sql >= ROWS ? lk_mariadb_texts[sql - ROWS].rows
	                    : lk_mariadb_texts[sql].text);
}

/* Put `?` for each `?N`, and say in which order they come.  What is in
 * brackets stands there once. */
static void
write_text(const char *numbered, char text[TEXT_MAX_],
    struct statement *statement)
{
	size_t len = 0;
	char *end;

	while (*numbered != '\0' && len < TEXT_MAX_ - 1 &&
	    statement->places < PLACES_MAX) {
		if (*numbered != '[' && *numbered != ']')
			text[len++] = *numbered;
		if (*numbered++ != '?')
			continue;
		statement->parameter[statement->places++] =
		    (unsigned char)(strtoul(numbered, &end, 10) - 1);
		numbered = end;
	}
	text[len] = '\0';
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

/* ---- What waits to be said ---------------------------------------------- */

/*
 * In a transaction what answers no rows waits, and is said with what is asked
 * next, or with the COMMIT, as one text.  A server runs the statements of a
 * text one after the other, up to the first that fails.  What others chose is
 * digits in it, whatever the server takes for quotes and escapes.
 */

static void
add_hex(struct lk_buf *text, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char *room = lk_buf_room(text, 2 * len + 3);
	size_t i;

	if (room == NULL)
		return;
	*room++ = 'x';
	*room++ = '\'';
	for (i = 0; i < len; i++) {
		*room++ = digits[bytes[i] >> 4];
		*room++ = digits[bytes[i] & 15];
	}
	*room = '\'';
	lk_buf_grew(text, 2 * len + 3);
}

static size_t
len_of(const struct lk_sql_arg *arg)
{
	return (arg->type == LK_SQL_IS_NUMBER || arg->bytes == NULL ? 0
	        : arg->type == LK_SQL_IS_TEXT ? strlen(arg->bytes)
	                                      : (size_t)arg->number);
}

/* Add the text from ${at} up to ${end}, and what stands there for each ?N. */
static enum lk_status
add_text(struct lk_buf *text, const char *at, const char *end,
    const struct lk_sql_arg *args, size_t count)
{
	const struct lk_sql_arg *arg;
	char *next;
	size_t len;

	while (at < end) {
		len = strcspn(at, "?");
		if (len > (size_t)(end - at))
			len = (size_t)(end - at);
		lk_buf_add(text, at, len);
		if ((at += len) == end)
			break;
		len = strtoul(at + 1, &next, 10) - 1;
		if (len >= count)
			return (LK_FAULT);
		at = next;
		arg = &args[len];
		if (arg->type == LK_SQL_IS_NUMBER)
			lk_buf_printf(text, "%lld", (long long)arg->number);
		else if (arg->bytes == NULL)
			lk_buf_str(text, "NULL");
		else
			add_hex(text, arg->bytes, len_of(arg));
	}
	return (LK_OK);
}

/*
 * Have a statement wait.  Of one that has brackets, and is the last that waits,
 * only what is in these is added.
 */
static enum lk_status
add(struct mariadb_db *db, int sql, const struct lk_sql_arg *args, size_t count)
{
	const char *text = text_of(sql), *end = text + strlen(text);
	const char *open = strchr(text, '['), *shut = strchr(text, ']');
	struct lk_buf *waiting = &db->waiting;
	enum lk_status status = LK_OK;

	if (open != NULL && db->count > 0 && db->last == sql) {
		waiting->len = db->more_at;
		lk_buf_str(waiting, *text == 'I' ? ", " : " OR ");
	} else {
		lk_buf_str(waiting, "; ");
		db->count++;
		status = add_text(waiting, text, open != NULL ? open : end,
		    args, count);
	}
	db->last = sql;
	if (open != NULL && status == LK_OK) {
		status = add_text(waiting, open + 1, shut, args, count);
		db->more_at = waiting->len;
		if (status == LK_OK)
			status = add_text(waiting, shut + 1, end, args, count);
	}
	return (status != LK_OK || !waiting->failed
	        ? status
	        : lk_fail(db->base.error, LK_E_NOMEM, "out of memory"));
}

/* Say all that waits, at once. */
static enum lk_status
say_once(struct mariadb_db *db, MYSQL_RES **rows)
{
	/* The first text begins with a statement, all others with "; ". */
	const size_t skip = db->said ? 2 : 0;
	uint64_t about[WAITING_STATEMENTS + 2];
	enum lk_status status = lk_mariadb_wire_run(&db->wire,
	    db->waiting.data + skip, db->waiting.len - skip, db->count, about,
	    rows);

	if (status == LK_OK)
		db->changes = (int)about[db->count - 1];
	if (status == LK_OK && !db->said && db->locks && about[1] != 1) {
		if (rows != NULL)
			mysql_free_result(*rows);
		status = lk_fail(db->base.error, LK_E_SETTINGS,
		    "%s: latchkey_lock lacks rows; `latchkey store init` makes "
		    "them",
		    db->base.where);
	}
	return (status);
}

/* Be done with what waits; ${row} is at the first row of the last of it. */
static enum lk_status
say(struct mariadb_db *db, struct lk_sql_row **row)
{
	MYSQL_RES *all = NULL, **wanted = row != NULL ? &all : NULL;
	enum lk_status status = LK_OK;
	struct rows *rows;

	if (row != NULL)
		*row = NULL;
	if (db->count == 0)
		return (LK_OK);
	status = say_once(db, wanted);
	/* A connection that was kept may have ended long ago.  Of what it was
	 * told, if anything, nothing is left: there was no COMMIT. */
	if (status == LK_E_STORE && !db->said && db->kept &&
	    db->wire.trouble == LK_MARIADB_LOST) {
		db->base.error->text[0] = '\0';
		status = lk_mariadb_wire_ready(&db->wire, db->deadline);
		if (status == LK_OK)
			status = say_once(db, wanted);
	}
	db->said = true;
	db->count = 0;
	lk_buf_reset(&db->waiting);
	if (status != LK_OK || row == NULL)
		return (status);
	if ((rows = calloc(1, sizeof(*rows))) == NULL) {
		mysql_free_result(all);
		return (lk_fail(db->base.error, LK_E_NOMEM, "out of memory"));
	}
	*rows = (struct rows){ { &text_columns }, all, mysql_fetch_row(all),
		mysql_num_fields(all), db->rows };
	db->rows = rows;
	*row = rows->at != NULL ? &rows->row : NULL;
	return (LK_OK);
}

/* Run it in the transaction. */
static enum lk_status
run_inside(struct mariadb_db *db, int sql, const struct lk_sql_arg *args,
    size_t count, struct lk_sql_row **row)
{
	struct lk_sql_row *none;
	enum lk_status status = LK_OK;
	size_t i, len = 0;

	for (i = 0; i < count; i++)
		len += len_of(&args[i]);
	if (len > ARGUMENTS_MAX) {
		status = say(db, NULL);
		return (status != LK_OK ? status
		                        : execute(db, sql, args, count,
		                              row != NULL ? row : &none));
	}
	status = add(db, sql, args, count);
	if (status == LK_OK &&
	    (row != NULL || db->waiting.len > WAITING_MAX ||
	        db->count > WAITING_STATEMENTS))
		status = say(db, row);
	return (status);
}

/* ---- The engine -------------------------------------------------------- */

static enum lk_status
mariadb_next(struct lk_sql_db *base, struct lk_sql_row **row)
{
	struct rows *rows = (struct rows *)*row;

	if ((*row)->columns != &text_columns)
		return (step(db_of(base), (struct statement *)*row, row));
	rows->at = mysql_fetch_row(rows->all);
	if (rows->at == NULL) {
		text_done(*row);
		*row = NULL;
	}
	return (LK_OK);
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
    const struct lk_sql_arg *args, size_t count, struct lk_sql_row **row)
{
	struct mariadb_db *db = db_of(base);
	struct lk_sql_row *none;
	enum lk_status status = LK_OK;

	if (row != NULL)
		*row = NULL;
	if (lk_mariadb_texts[sql].text == NULL)
		return (LK_OK);
	if (!db->inside)
		return (
		    run(db, (int)sql, args, count, row != NULL ? row : &none));
	if (lk_mariadb_texts[sql].rows == NULL)
		return (run_inside(db, (int)sql, args, count, row));
	status = run_inside(db, ROWS + (int)sql, args, count, row);
	return (status == LK_OK && *row != NULL
	        ? run_inside(db, (int)sql, args, count, NULL)
	        : status);
}

static enum lk_status
mariadb_each(struct lk_sql_db *base, enum lk_sql sql,
    const struct lk_sql_arg *args, size_t places, size_t count,
    lk_sql_row_fn *each, void *arg)
{
	struct mariadb_db *db = db_of(base);
	struct lk_sql_row *row;
	enum lk_status status = LK_OK;
	size_t i = 0;

	while (status == LK_OK && i < count) {
		while (status == LK_OK && i < count &&
		    db->waiting.len <= WAITING_MAX)
			status = add(db, (int)sql, args + places * i++, places);
		if (status == LK_OK)
			status = say(db, &row);
		while (status == LK_OK && row != NULL) {
			each(arg, row);
			status = mariadb_next(base, &row);
		}
	}
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

/* Roll back, on a connection that is fit to be used on. */
static void
roll_back(struct mariadb_db *db)
{
	struct lk_error kept = *db->base.error;
	const enum lk_mariadb_trouble trouble = db->wire.trouble;
	const bool said = db->said;

	leave(db);
	if (said && db->wire.mysql != NULL &&
	    (trouble == LK_MARIADB_LOST ||
	        lk_mariadb_wire_say(&db->wire, "ROLLBACK") != LK_OK))
		drop(db);
	*db->base.error = kept;
	db->wire.trouble = trouble;
}

/* Nothing is said before there is something to ask, or to do. */
static enum lk_status
mariadb_begin(struct lk_sql_db *base, enum lk_sql_aim aim, const uint8_t *tag,
    struct lk_deadline deadline)
{
	struct mariadb_db *db = db_of(base);
	enum lk_status status = LK_FAULT;

	db->wire.trouble = LK_MARIADB_FINE;
	db->kept = db->wire.mysql != NULL;
	status = lk_mariadb_wire_ready(&db->wire, deadline);
	if (status != LK_OK || aim == LK_SQL_READ)
		return (status);
	leave(db);
	db->inside = true;
	db->deadline = deadline;
	db->locks = tag != NULL;
	db->count = db->locks ? 2 : 1;
	db->last = -1;
	lk_buf_str(&db->waiting, LK_MARIADB_START);
	if (db->locks)
		lk_buf_printf(&db->waiting, LK_MARIADB_LOCK,
		    (unsigned int)(tag[0] << 4 | tag[1] >> 4));
	return (LK_OK);
}

/* Whether a COMMIT that got no answer was done is not known: it is no part of
 * the first text, which may be said once more. */
static enum lk_status
commit(struct mariadb_db *db)
{
	enum lk_status status = db->said ? LK_OK : say(db, NULL);

	if (status != LK_OK)
		return (status);
	lk_buf_str(&db->waiting, "; COMMIT");
	db->count++;
	return (say(db, NULL));
}

static enum lk_status
mariadb_end(struct lk_sql_db *base, enum lk_status status)
{
	struct mariadb_db *db = db_of(base);
	enum lk_status end = LK_OK;

	if (!db->inside)
		return (mariadb_looked(base, status));
	if (status >= 0 && (end = commit(db)) == LK_OK)
		leave(db);
	else
		roll_back(db);
	return (status >= 0 && end != LK_OK ? end : status);
}

static enum lk_status
mariadb_undo(struct lk_sql_db *base, enum lk_status status)
{
	if (db_of(base)->inside)
		roll_back(db_of(base));
	return (status);
}

static enum lk_status
mariadb_changes(struct lk_sql_db *base, int *changes)
{
	enum lk_status status = say(db_of(base), NULL);

	*changes = db_of(base)->changes;
	return (status);
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
	.each = mariadb_each,
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
	leave(db);
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
