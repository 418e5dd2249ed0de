/*
 * The embedded store beside Redis and beside a bare look-up in the same file:
 * checks, changes, many sessions.  Both sides of a comparison run in turn in
 * one process, round by round; every figure is a median of rounds.
 *
 *     bench_store FOLDER SOCKET SESSIONS
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hiredis/hiredis.h>
#include <sodium.h>
#include <sqlite3.h>

#include "figure.h"
#include "latchkey.h"
#include "session/token.h"

#define CHECKS                                                  \
	250 /* in a round: short, so that both sides of a ratio \
	     * find the machine alike */
#define CHECK_ROUNDS 201
#define CROWD_ROUNDS 15
#define ISSUES 50 /* in a round */
#define TEXT_SIZE (LK_TOKEN_LATCHKEY_LEN + 1)
/* How many of a store's tokens are known, and how many of these are checked
 * in turn where stores of different size are compared. */
#define SAMPLES 20000
#define BUSY 1000
#define CROWDS 3

static const size_t crowd[CROWDS] = { 1000, 100000, 1000000 };

/* A store, and tokens of sessions in it. */
struct side {
	char path[256]; /* of an embedded store */
	struct lk_settings *settings;
	struct lk_manager *m;
	char (*token)[TEXT_SIZE];
	size_t tokens;
	size_t busy; /* how many of them are checked in turn */
	size_t next; /* token to check */
};

/* ---- Set-up ------------------------------------------------------------ */

static void
open_side(struct side *side, const char *folder, const char *store,
    const char *session)
{
	struct lk_error error;
	char path[300];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/bench.conf", folder);
	(void)unlink(path);
	if ((file = fopen(path, "w")) == NULL)
		die("cannot write settings");
	fprintf(file, "store = { %s };\nsession = { %s };\n", store, session);
	if (fclose(file) != 0 || chmod(path, 0600) != 0)
		die("cannot write settings");
	if (lk_settings_load(path, &side->settings, &error) != LK_OK ||
	    lk_manager_new(side->settings, NULL, &side->m, &error) != LK_OK)
		die(error.text);
	if (lk_ping(side->m) != LK_OK)
		die(lk_manager_error(side->m));
	side->token = calloc(SAMPLES, sizeof(*side->token));
	if (side->token == NULL)
		die("out of memory");
}

static void
open_sqlite_with(struct side *side, const char *folder, const char *name,
    const char *session)
{
	char store[400];

	memset(side, 0, sizeof(*side));
	(void)snprintf(side->path, sizeof(side->path), "%s/%s.db", folder,
	    name);
	(void)snprintf(store, sizeof(store),
	    "backend = \"sqlite\"; sqlite = { path = \"%s\"; "
	    "timeout_ms = 10000; };",
	    side->path);
	open_side(side, folder, store, session);
}

static void
open_sqlite(struct side *side, const char *folder, const char *name)
{
	open_sqlite_with(side, folder, name, "");
}

static void
open_redis_with(struct side *side, const char *folder, const char *socket,
    const char *layout, const char *session)
{
	char store[400];

	memset(side, 0, sizeof(*side));
	(void)snprintf(store, sizeof(store),
	    "backend = \"redis\"; redis = { address = \"unix:%s\"; "
	    "layout = \"%s\"; command_timeout_ms = 10000; };",
	    socket, layout);
	open_side(side, folder, store, session);
}

static void
open_redis(struct side *side, const char *folder, const char *socket,
    const char *layout)
{
	open_redis_with(side, folder, socket, layout, "");
}

static void
close_side(struct side *side)
{
	lk_manager_free(side->m);
	lk_settings_free(side->settings);
	free(side->token);
}

static sqlite3 *
open_bare(const struct side *side)
{
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(side->path, &db,
	        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		die("cannot open the store's file");
	return (db);
}

static void
must(sqlite3 *db, int result)
{
	if (result != SQLITE_OK && result != SQLITE_ROW &&
	    result != SQLITE_DONE)
		die(sqlite3_errmsg(db));
}

static void
execute(sqlite3 *db, const char *text)
{
	must(db, sqlite3_exec(db, text, NULL, NULL, NULL));
}

/* ---- Many sessions, written directly ----------------------------------- */

static void
system_random(void *arg, void *bytes, size_t len)
{
	FILE *source = arg;

	if (fread(bytes, 1, len, source) != len)
		die("no random bytes");
}

/* The row of a new token of user ${n}. */
static void
insert_row(struct side *side, sqlite3 *db, sqlite3_stmt *insert, FILE *source,
    size_t n, bool sample)
{
	struct lk_token token;
	struct lk_token_key key;
	char user[32];
	int len = snprintf(user, sizeof(user), "user%zu", n);

	if (lk_token_generate(LK_SHAPE_LATCHKEY, user, system_random, source,
	        &token) != LK_OK ||
	    lk_token_parse(&token, &key) != LK_OK)
		die("cannot make a token");
	(void)sqlite3_bind_blob(insert, 1, key.tag, LK_TAG_LEN,
	    SQLITE_TRANSIENT);
	(void)sqlite3_bind_blob(insert, 2, key.digest, LK_HANDLE_LEN,
	    SQLITE_TRANSIENT);
	(void)sqlite3_bind_blob(insert, 3, key.digest, LK_DIGEST_LEN,
	    SQLITE_TRANSIENT);
	(void)sqlite3_bind_blob(insert, 4, user, len, SQLITE_TRANSIENT);
	(void)sqlite3_bind_int64(insert, 5, (sqlite3_int64)n);
	must(db, sqlite3_step(insert));
	must(db, sqlite3_reset(insert));
	if (sample && side->tokens < SAMPLES)
		memcpy(side->token[side->tokens++], token.text, TEXT_SIZE);
}

/* Fill it with ${n} sessions of as many users; the file's size in bytes. */
static double
fill(struct side *side, size_t n)
{
	static const char text[] =
	    "INSERT INTO session (tag, handle, digest, user, client,"
	    " issued_us, expires_ms) VALUES (?1, ?2, ?3, ?4, 'web',"
	    " unixepoch() * 1000000 + ?5, unixepoch() * 1000 + 604800000 + ?5)";
	const size_t every = n > SAMPLES ? n / SAMPLES : 1;
	sqlite3 *db = open_bare(side);
	sqlite3_stmt *insert = NULL;
	FILE *source = fopen("/dev/urandom", "r");
	struct stat st;
	size_t i;

	if (source == NULL)
		die("no random source");
	execute(db,
	    "PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;"
	    "PRAGMA wal_autocheckpoint = 0; BEGIN IMMEDIATE");
	must(db, sqlite3_prepare_v2(db, text, -1, &insert, NULL));
	for (i = 0; i < n; i++)
		insert_row(side, db, insert, source, i, i % every == 0);
	side->busy = side->tokens;
	(void)sqlite3_finalize(insert);
	execute(db, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
	(void)sqlite3_close(db);
	(void)fclose(source);
	if (stat(side->path, &st) != 0)
		die("cannot examine the store's file");
	return ((double)st.st_size);
}

/* ---- Checks ------------------------------------------------------------ */

/* Microseconds that a check takes, over CHECKS of them. */
static double
checks(struct side *side)
{
	struct lk_session session;
	struct lk_token token;
	double start;
	size_t i;

	start = seconds();
	for (i = 0; i < CHECKS; i++) {
		/* Strides, so that no two follow each other in the file. */
		side->next = (side->next + 7919) % side->busy;
		token.len = TEXT_SIZE - 1;
		memcpy(token.text, side->token[side->next], TEXT_SIZE);
		if (lk_check(side->m, &token, &session) != LK_OK)
			die(lk_manager_error(side->m));
	}
	return ((seconds() - start) / CHECKS * 1e6);
}

/* Use every column of a row. */
static sqlite3_int64
read_columns(sqlite3_stmt *row)
{
	const unsigned char *bytes;
	sqlite3_int64 sum = 0;
	int column;

	for (column = 0; column < 3; column++) {
		bytes = sqlite3_column_blob(row, column);
		sum += sqlite3_column_bytes(row, column);
		if (bytes != NULL)
			sum += bytes[0];
	}
	return (sum + (sqlite3_column_int64(row, 3) & 1) +
	    (sqlite3_column_int64(row, 4) & 1));
}

/*
 * The same for the look-up that a check cannot do without; with ${hash} after
 * the token's SHA-256, which whoever keeps digests cannot do without either.
 */
static double
bare_selects(struct side *side, sqlite3_stmt *select, bool hash, size_t *next)
{
	const unsigned char *text = NULL;
	size_t at = *next;
	struct lk_token_key *key = calloc(CHECKS, sizeof(*key));
	struct lk_token token;
	sqlite3_int64 sum = 0;
	double start, cost;
	size_t i;

	if (key == NULL)
		die("out of memory");
	for (i = 0; i < CHECKS; i++) {
		*next = (*next + 7919) % side->tokens;
		if (lk_token_set(&token, side->token[*next], TEXT_SIZE - 1) !=
		        LK_OK ||
		    lk_token_parse(&token, &key[i]) != LK_OK)
			die("a token of ours is malformed");
	}
	start = seconds();
	for (i = 0; i < CHECKS; i++) {
		if (hash) {
			at = (at + 7919) % side->tokens;
			text = (const unsigned char *)side->token[at];
			(void)crypto_hash_sha256(key[i].digest, text,
			    TEXT_SIZE - 1);
		}
		(void)sqlite3_bind_blob(select, 1, key[i].tag, LK_TAG_LEN,
		    SQLITE_STATIC);
		(void)sqlite3_bind_blob(select, 2, key[i].digest, LK_HANDLE_LEN,
		    SQLITE_STATIC);
		if (sqlite3_step(select) != SQLITE_ROW)
			die("a SELECT failed");
		sum += read_columns(select);
		(void)sqlite3_reset(select);
	}
	cost = (seconds() - start) / CHECKS * 1e6;
	if (sum == 0)
		die("a SELECT gave nothing");
	free(key);
	return (cost);
}

static void
bench_check(struct side *sqlite, struct side *redis)
{
	static const char text[] =
	    "SELECT digest, user, client, issued_us, expires_ms FROM session"
	    " WHERE tag = ?1 AND handle = ?2";
	double ours[CHECK_ROUNDS], to_bare[CHECK_ROUNDS];
	double to_hash[CHECK_ROUNDS], to_redis[CHECK_ROUNDS];
	sqlite3 *db = open_bare(sqlite);
	sqlite3_stmt *select = NULL;
	size_t i, next = 0;

	must(db,
	    sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, &select,
	        NULL));
	(void)checks(sqlite);
	(void)checks(redis);
	(void)bare_selects(sqlite, select, false, &next);
	for (i = 0; i < CHECK_ROUNDS; i++) {
		to_bare[i] = bare_selects(sqlite, select, false, &next);
		ours[i] = checks(sqlite);
		to_bare[i] /= ours[i];
		to_hash[i] = bare_selects(sqlite, select, true, &next) /
		    ours[i];
	}
	/* Apart, as Redis leaves the processor's caches to the next. */
	for (i = 0; i < CHECK_ROUNDS; i++) {
		to_redis[i] = checks(redis);
		to_redis[i] /= checks(sqlite);
	}
	print_figure("check_sqlite", 1e6 / median(ours, CHECK_ROUNDS),
	    "per_second");
	print_figure("check_sqlite_to_bare_select",
	    median(to_bare, CHECK_ROUNDS), "ratio");
	print_figure("check_sqlite_to_sha256_and_bare_select",
	    median(to_hash, CHECK_ROUNDS), "ratio");
	print_figure("check_sqlite_to_redis_unix",
	    median(to_redis, CHECK_ROUNDS), "ratio");
	(void)sqlite3_finalize(select);
	(void)sqlite3_close(db);
}

/* ---- Changes ----------------------------------------------------------- */

/* Start a session, and remember its token if there is room. */
static void
issue(struct side *side, size_t n)
{
	struct lk_token token;
	char user[32];

	(void)snprintf(user, sizeof(user), "user%zu", n);
	if (lk_issue(side->m, user, NULL, &token, NULL) != LK_OK)
		die(lk_manager_error(side->m));
	if (side->tokens < SAMPLES && token.len < TEXT_SIZE) {
		memcpy(side->token[side->tokens++], token.text, token.len + 1);
		side->busy = side->tokens;
	}
}

static void
bench_issue(struct side *sqlite)
{
	double rate[ROUNDS], start;
	size_t i, n;

	for (i = 0; i < ROUNDS; i++) {
		start = seconds();
		for (n = 0; n < ISSUES; n++)
			issue(sqlite, n);
		rate[i] = ISSUES / (seconds() - start);
	}
	print_figure("issue_sqlite", median(rate, ROUNDS), "per_second");
}

static void
issue_for(struct side *side, const char *user, size_t n)
{
	const struct lk_issue_options options = { .client = "web",
		.peer = "2001:db8::dead:beef" };
	struct lk_token token;

	while (n-- > 0) {
		if (lk_issue(side->m, user, &options, &token, NULL) != LK_OK)
			die(lk_manager_error(side->m));
	}
}

/* A login that ends another one: of one session, and of 1,000. */
static void
bench_issue_beside(struct side *one, struct side *thousand, const char *name)
{
	double ratio[ROUNDS], start, few, many;
	size_t i;

	issue_for(one, "one", 1);
	issue_for(thousand, "thousand", 1000);
	for (i = 0; i < ROUNDS; i++) {
		start = seconds();
		issue_for(one, "one", ISSUES);
		few = seconds() - start;
		start = seconds();
		issue_for(thousand, "thousand", ISSUES);
		many = seconds() - start;
		ratio[i] = many / few;
	}
	print_goal(name, median(ratio, ROUNDS), "<=", 1.5);
	close_side(thousand);
	close_side(one);
}

/* The last of 10,000 logins of one user, beside the first. */
static void
bench_logins(struct side *side, const char *name)
{
	double start, first, last;

	start = seconds();
	issue_for(side, "alice", 500);
	first = seconds() - start;
	issue_for(side, "alice", 9000);
	start = seconds();
	issue_for(side, "alice", 500);
	last = seconds() - start;
	print_figure(name, last / first, "ratio");
	close_side(side);
}

/* With the default limit; by that of a kind, and by that of all. */
static void
bench_issue_at_limit(const char *folder, const char *socket)
{
	static const char *const limits[2][3] = {
		{ "by_kind", "clients = ( { kinds = [ \"web\" ]; max = 1; } );",
		    "clients = ( { kinds = [ \"web\" ]; max = 1000; } );" },
		{ "of_all", "max_per_user = 1;", "max_per_user = 1000;" },
	};
	struct side one, thousand;
	char file[64], name[64];
	size_t i;

	open_sqlite(&one, folder, "logins");
	bench_logins(&one, "issue_sqlite_10000th_to_first");
	open_redis(&one, folder, socket, "latchkey");
	bench_logins(&one, "issue_redis_10000th_to_first");
	for (i = 0; i < 2; i++) {
		(void)snprintf(file, sizeof(file), "one_%s", limits[i][0]);
		open_sqlite_with(&one, folder, file, limits[i][1]);
		(void)snprintf(file, sizeof(file), "thousand_%s", limits[i][0]);
		open_sqlite_with(&thousand, folder, file, limits[i][2]);
		(void)snprintf(name, sizeof(name),
		    "issue_sqlite_%s_beside_1000_to_1", limits[i][0]);
		bench_issue_beside(&one, &thousand, name);
		open_redis_with(&one, folder, socket, "latchkey", limits[i][1]);
		open_redis_with(&thousand, folder, socket, "latchkey",
		    limits[i][2]);
		(void)snprintf(name, sizeof(name),
		    "issue_redis_%s_beside_1000_to_1", limits[i][0]);
		bench_issue_beside(&one, &thousand, name);
	}
}

static double
bytes_of(sqlite3 *db, const char *table, const char *index)
{
	sqlite3_stmt *statement = NULL;
	char text[256];
	double bytes;

	(void)snprintf(text, sizeof(text),
	    "SELECT (SELECT sum(pgsize) FROM dbstat WHERE name IN"
	    " ('%s', '%s')) * 1.0 / (SELECT count(*) FROM %s)",
	    table, index, table);
	must(db, sqlite3_prepare_v2(db, text, -1, &statement, NULL));
	must(db, sqlite3_step(statement));
	bytes = sqlite3_column_double(statement, 0);
	(void)sqlite3_finalize(statement);
	return (bytes);
}

/* Issue and end a session of each of 1,000 users. */
static void
make_past(struct side *side)
{
	char user[32];
	uint64_t revoked;
	size_t i;

	for (i = 0; i < 1000; i++) {
		(void)snprintf(user, sizeof(user), "user%zu", i);
		issue_for(side, user, 1);
		if (lk_revoke_all(side->m, user, NULL, &revoked) != LK_OK)
			die(lk_manager_error(side->m));
	}
}

/* What an ended session and an entry of a history take. */
static void
bench_past_sqlite(const char *folder)
{
	struct side side;
	sqlite3 *db;

	open_sqlite(&side, folder, "past");
	make_past(&side);
	db = open_bare(&side);
	print_figure("size_sqlite_reason",
	    bytes_of(db, "ended", "ended_by_time"), "bytes_per_session");
	print_figure("size_sqlite_history",
	    bytes_of(db, "history", "history_by_time"), "bytes_per_entry");
	(void)sqlite3_close(db);
	close_side(&side);
}

/* Another process that issues sessions until it is killed. */
static pid_t
start_writer(const char *folder, const char *name)
{
	struct side side;
	size_t n;
	pid_t pid = fork();

	if (pid < 0)
		die("cannot fork");
	if (pid > 0)
		return (pid);
	open_sqlite(&side, folder, name);
	for (n = 0;; n++)
		issue(&side, n % 1000);
}

/* What single checks take, in microseconds. */
static void
time_checks(struct side *side, double *cost, size_t n)
{
	struct lk_session session;
	struct lk_token token;
	double start;
	size_t i;

	for (i = 0; i < n; i++) {
		side->next = (side->next + 7919) % side->busy;
		token.len = TEXT_SIZE - 1;
		memcpy(token.text, side->token[side->next], TEXT_SIZE);
		start = seconds();
		if (lk_check(side->m, &token, &session) != LK_OK)
			die(lk_manager_error(side->m));
		cost[i] = (seconds() - start) * 1e6;
	}
}

static void
bench_check_beside_writer(struct side *sqlite, const char *folder,
    const char *name)
{
	enum { N = CHECK_ROUNDS * CHECKS };
	double *cost = calloc(N, sizeof(*cost));
	pid_t writer;

	if (cost == NULL)
		die("out of memory");
	time_checks(sqlite, cost, N);
	print_figure("check_sqlite_alone_median", median(cost, N), "us");
	print_figure("check_sqlite_alone_99_percent", quantile(cost, N, 0.99),
	    "us");
	writer = start_writer(folder, name);
	time_checks(sqlite, cost, N);
	if (waitpid(writer, NULL, WNOHANG) != 0)
		die("the writer ended");
	print_figure("check_sqlite_beside_writer_median", median(cost, N),
	    "us");
	print_figure("check_sqlite_beside_writer_99_percent",
	    quantile(cost, N, 0.99), "us");
	(void)kill(writer, SIGKILL);
	(void)waitpid(writer, NULL, 0);
	free(cost);
}

/* ---- Many sessions ----------------------------------------------------- */

/* Fill stores of rising size. */
static void
open_crowds(struct side side[CROWDS], const char *folder)
{
	char name[64];
	double bytes;
	size_t c;

	for (c = 0; c < CROWDS; c++) {
		(void)snprintf(name, sizeof(name), "crowd%zu", crowd[c]);
		open_sqlite(&side[c], folder, name);
		bytes = fill(&side[c], crowd[c]);
		(void)snprintf(name, sizeof(name), "size_sqlite_%zu", crowd[c]);
		print_figure(name, bytes / (double)crowd[c],
		    "bytes_per_session");
	}
}

/* Check every busy session of a store, which the other stores have driven out
 * of the processor's caches, and then measure that. */
static double
turn(struct side *side)
{
	double cost[SAMPLES / CHECKS];
	size_t i, n = side->busy / CHECKS;

	for (i = 0; i < n; i++)
		(void)checks(side);
	for (i = 0; i < n; i++)
		cost[i] = checks(side);
	return (median(cost, n));
}

/*
 * What a check takes when ${busy} sessions of each store are checked in turn;
 * the ratio of the largest to the smallest.
 */
static double
compare_crowds(struct side side[CROWDS], size_t busy, const char *what)
{
	double cost[CROWDS][CROWD_ROUNDS], ratio[CROWD_ROUNDS];
	char name[64];
	size_t c, i;

	for (c = 0; c < CROWDS; c++)
		side[c].busy = busy < side[c].tokens ? busy : side[c].tokens;
	for (i = 0; i < CROWD_ROUNDS; i++) {
		for (c = 0; c < CROWDS; c++)
			cost[c][i] = turn(&side[c]);
		ratio[i] = cost[CROWDS - 1][i] / cost[0][i];
	}
	for (c = 0; c < CROWDS; c++) {
		(void)snprintf(name, sizeof(name), "check_sqlite_%s_among_%zu",
		    what, crowd[c]);
		print_figure(name, median(cost[c], CROWD_ROUNDS), "us");
	}
	return (median(ratio, CROWD_ROUNDS));
}

/*
 * As many users are at it in each store, which has more or fewer others.  The
 * second comparison is of sessions that nobody has looked at for long.
 */
static void
bench_crowds(const char *folder)
{
	struct side side[CROWDS];
	size_t c;

	open_crowds(side, folder);
	print_goal("check_sqlite_busy_1000000_to_1000",
	    compare_crowds(side, BUSY, "busy"), "<=", 1.50);
	print_figure("check_sqlite_any_1000000_to_1000",
	    compare_crowds(side, SAMPLES, "any"), "ratio");
	for (c = 0; c < CROWDS; c++) {
		close_side(&side[c]);
		(void)unlink(side[c].path);
	}
}

static double
used_memory(redisContext *redis)
{
	redisReply *info = redisCommand(redis, "INFO memory");
	const char *line;
	double bytes;

	if (info == NULL || info->type == REDIS_REPLY_ERROR ||
	    (line = strstr(info->str, "used_memory:")) == NULL)
		die("Redis does not say what it uses");
	bytes = strtod(line + strlen("used_memory:"), NULL);
	freeReplyObject(info);
	return (bytes);
}

/* The sum of what a script answers for each key that ${pattern} matches. */
static double
sum_of_keys(redisContext *redis, const char *pattern, const char *each)
{
	redisReply *reply;
	char script[256];
	double sum;

	(void)snprintf(script, sizeof(script),
	    "local n = 0 for _, k in ipairs(redis.call('KEYS', '%s')) do"
	    " n = n + redis.call(%s) end return n",
	    pattern, each);
	reply = redisCommand(redis, "EVAL %s 0", script);
	if (reply == NULL || reply->type != REDIS_REPLY_INTEGER)
		die("Redis does not say what its keys take");
	sum = (double)reply->integer;
	freeReplyObject(reply);
	return (sum);
}

static void
bench_past_redis(const char *folder, const char *socket)
{
	redisContext *redis = redisConnectUnix(socket);
	struct side side;

	if (redis == NULL || redis->err != 0)
		die("cannot reach Redis");
	freeReplyObject(redisCommand(redis, "FLUSHALL"));
	open_redis(&side, folder, socket, "latchkey");
	make_past(&side);
	print_figure("size_redis_reason",
	    sum_of_keys(redis, "*}:d:*", "'MEMORY', 'USAGE', k") /
	        sum_of_keys(redis, "*}:d:*", "'EXISTS', k"),
	    "bytes_per_session");
	print_figure("size_redis_history",
	    sum_of_keys(redis, "*}:h*", "'MEMORY', 'USAGE', k") /
	        sum_of_keys(redis, "*}:h:*", "'LLEN', k"),
	    "bytes_per_entry");
	freeReplyObject(redisCommand(redis, "FLUSHALL"));
	redisFree(redis);
	close_side(&side);
}

static void
bench_redis_size(const char *folder, const char *socket, size_t n)
{
	static const char *const layouts[] = { "latchkey", "gosession" };
	redisContext *redis = redisConnectUnix(socket);
	struct side side;
	double before;
	char name[64];
	size_t l, i;

	if (redis == NULL || redis->err != 0)
		die("cannot reach Redis");
	for (l = 0; l < 2; l++) {
		freeReplyObject(redisCommand(redis, "FLUSHALL"));
		open_redis(&side, folder, socket, layouts[l]);
		before = used_memory(redis);
		for (i = 0; i < n; i++)
			issue(&side, i);
		(void)snprintf(name, sizeof(name), "size_redis_%s_%zu",
		    layouts[l], n);
		print_figure(name, (used_memory(redis) - before) / (double)n,
		    "bytes_per_session");
		close_side(&side);
	}
	freeReplyObject(redisCommand(redis, "FLUSHALL"));
	redisFree(redis);
}

int
main(int argc, char **argv)
{
	struct side sqlite, redis;
	size_t i, n;

	if (argc != 4 || (n = strtoul(argv[3], NULL, 10)) == 0)
		die("usage: bench_store FOLDER SOCKET SESSIONS");
	open_sqlite(&sqlite, argv[1], "bench");
	open_redis(&redis, argv[1], argv[2], "latchkey");
	for (i = 0; i < 1000; i++)
		issue(&redis, i);
	(void)fill(&sqlite, 1000);
	bench_check(&sqlite, &redis);
	close_side(&redis);
	bench_issue(&sqlite);
	bench_issue_at_limit(argv[1], argv[2]);
	bench_past_sqlite(argv[1]);
	bench_past_redis(argv[1], argv[2]);
	bench_check_beside_writer(&sqlite, argv[1], "bench");
	close_side(&sqlite);
	bench_crowds(argv[1]);
	bench_redis_size(argv[1], argv[2], n);
	return (0);
}
