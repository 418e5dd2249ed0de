/*
 * What the library costs, against the bare commands it cannot do without.
 * Both sides run in turn in one process, round by round; every figure is a
 * median of rounds and every comparison a median of the rounds' ratios, so
 * that a machine whose speed drifts drifts for both.
 *
 *     bench_library SOCKET PORT
 */
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "figure.h"
#include "latchkey.h"

#define CHECKS 2000 /* in a round */
#define CHANGES 300 /* in a round */
#define HEX "0123456789abcdef0123456789abcdef"

struct setup {
	const char *name; /* "tcp" or "unix" */
	const char *layout;
	redisContext *redis; /* the bare side, over the same transport */
	struct lk_settings *settings;
	struct lk_manager *m;
	struct lk_token token;
	char key[512]; /* where that token's session is */
};

/* ---- Set-up ------------------------------------------------------------ */

static void
settings_of(struct setup *s, const char *address)
{
	char path[] = "/tmp/latchkey-bench-XXXXXX";
	struct lk_error error;
	FILE *file;
	int fd = mkstemp(path);

	if (fd < 0 || (file = fdopen(fd, "w")) == NULL)
		die("cannot write settings");
	fprintf(file,
	    "store = { backend = \"redis\"; redis = { address = \"%s\"; "
	    "layout = \"%s\"; command_timeout_ms = 10000; }; };\n"
	    "session = { max_per_user = 0; };\n",
	    address, s->layout);
	if (fclose(file) != 0 ||
	    lk_settings_load(path, &s->settings, &error) != LK_OK)
		die(error.text);
	(void)unlink(path);
	if (lk_manager_new(s->settings, NULL, &s->m, &error) != LK_OK)
		die(error.text);
}

static void
find_key(struct setup *s)
{
	redisReply *keys;

	if (strcmp(s->layout, "gosession") == 0) {
		(void)snprintf(s->key, sizeof(s->key), "gosession-token_%.*s",
		    (int)s->token.len, s->token.text);
		return;
	}
	keys = redisCommand(s->redis, "KEYS latchkey:*:s:*");
	if (keys == NULL || keys->type != REDIS_REPLY_ARRAY ||
	    keys->elements != 1)
		die("cannot find the session's key");
	(void)snprintf(s->key, sizeof(s->key), "%s", keys->element[0]->str);
	freeReplyObject(keys);
}

static void
open_setup(struct setup *s, const char *name, const char *layout,
    const char *socket, int port)
{
	char address[160];

	memset(s, 0, sizeof(*s));
	s->name = name;
	s->layout = layout;
	if (strcmp(name, "unix") == 0) {
		(void)snprintf(address, sizeof(address), "unix:%s", socket);
		s->redis = redisConnectUnix(socket);
	} else {
		(void)snprintf(address, sizeof(address), "127.0.0.1:%d", port);
		s->redis = redisConnect("127.0.0.1", port);
	}
	if (s->redis == NULL || s->redis->err != 0)
		die("cannot reach Redis");
	freeReplyObject(redisCommand(s->redis, "FLUSHALL"));
	settings_of(s, address);
	if (lk_issue(s->m, "alice", NULL, &s->token, NULL) != LK_OK)
		die(lk_manager_error(s->m));
	find_key(s);
}

static void
close_setup(struct setup *s)
{
	lk_manager_free(s->m);
	lk_settings_free(s->settings);
	redisFree(s->redis);
}

/* ---- Checks ------------------------------------------------------------ */

static void
bare_gets(struct setup *s)
{
	redisReply *reply;
	int i;

	for (i = 0; i < CHECKS; i++) {
		reply = redisCommand(s->redis, "GET %s", s->key);
		if (reply == NULL || reply->type != REDIS_REPLY_STRING)
			die("a GET failed");
		freeReplyObject(reply);
	}
}

static void
checks(struct setup *s)
{
	struct lk_session session;
	int i;

	for (i = 0; i < CHECKS; i++) {
		if (lk_check(s->m, &s->token, &session) != LK_OK)
			die(lk_manager_error(s->m));
	}
}

static void
bench_check(struct setup *s, double goal)
{
	double ratio[ROUNDS], rate[ROUNDS], start, middle, end;
	char name[64];
	size_t i;

	bare_gets(s);
	checks(s);
	for (i = 0; i < ROUNDS; i++) {
		start = seconds();
		bare_gets(s);
		middle = seconds();
		checks(s);
		end = seconds();
		rate[i] = CHECKS / (end - middle);
		ratio[i] = (middle - start) / (end - middle);
	}
	(void)snprintf(name, sizeof(name), "check_%s_%s", s->layout, s->name);
	print_figure(name, median(rate, ROUNDS), "per_second");
	(void)snprintf(name, sizeof(name), "check_to_bare_get_%s_%s", s->layout,
	    s->name);
	print_goal(name, median(ratio, ROUNDS), ">=", goal);
}

/* ---- Changes ----------------------------------------------------------- */

static void
bench_changes(struct setup *s)
{
	static struct lk_token token[CHANGES];
	double issue[ROUNDS], refresh[ROUNDS], revoke[ROUNDS], start;
	struct lk_session session;
	char name[64], user[32];
	uint64_t revoked;
	size_t i, round;

	for (round = 0; round < ROUNDS; round++) {
		start = seconds();
		for (i = 0; i < CHANGES; i++) {
			(void)snprintf(user, sizeof(user), "user%zu", i);
			if (lk_issue(s->m, user, NULL, &token[i], NULL) !=
			    LK_OK)
				die(lk_manager_error(s->m));
		}
		issue[round] = CHANGES / (seconds() - start);
		start = seconds();
		for (i = 0; i < CHANGES; i++) {
			if (lk_refresh(s->m, &token[i], 0, &session) != LK_OK)
				die(lk_manager_error(s->m));
		}
		refresh[round] = CHANGES / (seconds() - start);
		start = seconds();
		for (i = 0; i < CHANGES; i++) {
			if (lk_revoke(s->m, &token[i], NULL, &revoked) !=
			        LK_OK ||
			    revoked != 1)
				die(lk_manager_error(s->m));
		}
		revoke[round] = CHANGES / (seconds() - start);
	}
	(void)snprintf(name, sizeof(name), "issue_%s", s->layout);
	print_figure(name, median(issue, ROUNDS), "per_second");
	(void)snprintf(name, sizeof(name), "refresh_%s", s->layout);
	print_figure(name, median(refresh, ROUNDS), "per_second");
	(void)snprintf(name, sizeof(name), "revoke_%s", s->layout);
	print_figure(name, median(revoke, ROUNDS), "per_second");
}

/* ---- Issue for users who have many sessions ----------------------------- */

/* Microseconds that an issue for ${user} takes; leaves no session behind. */
static double
issue_cost(struct setup *s, const char *user)
{
	static struct lk_token token[CHANGES];
	double start = seconds(), cost;
	uint64_t revoked;
	size_t i;

	for (i = 0; i < CHANGES; i++) {
		if (lk_issue(s->m, user, NULL, &token[i], NULL) != LK_OK)
			die(lk_manager_error(s->m));
	}
	cost = (seconds() - start) / CHANGES * 1e6;
	for (i = 0; i < CHANGES; i++) {
		if (lk_revoke(s->m, &token[i], NULL, &revoked) != LK_OK)
			die(lk_manager_error(s->m));
	}
	return (cost);
}

static void
bench_crowd(struct setup *s)
{
	static const struct {
		const char *user;
		size_t sessions;
	} crowd[] = { { "one", 1 }, { "hundred", 100 },
		{ "tenthousand", 10000 } };
	double cost[3][ROUNDS], ratio[ROUNDS];
	struct lk_token token;
	char name[64];
	size_t i, c;

	for (c = 0; c < 3; c++) {
		for (i = 0; i < crowd[c].sessions; i++) {
			if (lk_issue(s->m, crowd[c].user, NULL, &token, NULL) !=
			    LK_OK)
				die(lk_manager_error(s->m));
		}
	}
	for (i = 0; i < ROUNDS; i++) {
		for (c = 0; c < 3; c++)
			cost[c][i] = issue_cost(s, crowd[c].user);
		ratio[i] = cost[2][i] / cost[0][i];
	}
	for (c = 0; c < 3; c++) {
		(void)snprintf(name, sizeof(name), "issue_%s_beside_%zu",
		    s->layout, crowd[c].sessions);
		print_figure(name, median(cost[c], ROUNDS), "us");
	}
	(void)snprintf(name, sizeof(name), "issue_%s_10000_to_1", s->layout);
	if (strcmp(s->layout, "latchkey") == 0)
		print_goal(name, median(ratio, ROUNDS), "<=", 2.0);
	else
		print_figure(name, median(ratio, ROUNDS), "ratio");
}

int
main(int argc, char **argv)
{
	static const char *const layouts[] = { "latchkey", "gosession" };
	static const char *const transports[] = { "tcp", "unix" };
	static const double goals[] = { 0.90, 0.65 };
	struct setup s;
	size_t l, t;
	int port;

	if (argc != 3)
		die("usage: bench_library SOCKET PORT");
	port = atoi(argv[2]);
	for (l = 0; l < 2; l++) {
		for (t = 0; t < 2; t++) {
			open_setup(&s, transports[t], layouts[l], argv[1],
			    port);
			bench_check(&s, goals[l]);
			close_setup(&s);
		}
	}
	for (l = 0; l < 2; l++) {
		open_setup(&s, "unix", layouts[l], argv[1], port);
		bench_changes(&s);
		bench_crowd(&s);
		close_setup(&s);
	}
	return (0);
}
