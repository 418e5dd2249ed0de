/*
 * Refreshes and revocations a second, by the library or as gosession sends
 * them: a MULTI in one write, which asks for nothing and revives the dead.
 *
 *     bench_change ours SETTINGS THREADS
 *     bench_change multi SOCKET THREADS
 *
 * prints both rates.  Each thread has a connection of its own.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "figure.h"
#include "latchkey.h"

#define CHANGES 2000 /* of a thread */
#define THREADS_MAX 16
#define HEX "0123456789abcdef0123456789abcdef"

static pthread_barrier_t barrier;
static struct lk_settings *settings;
static const char *address;

/* Start all at once, or wait until all are done. */
static void
together(void)
{
	(void)pthread_barrier_wait(&barrier);
}

static void *
ours(void *arg)
{
	struct lk_token *token = calloc(CHANGES, sizeof(*token));
	struct lk_session session;
	struct lk_manager *m = NULL;
	struct lk_error error;
	char user[32];
	uint64_t n;
	size_t i;

	if (token == NULL)
		die("out of memory");
	if (lk_manager_new(settings, NULL, &m, &error) != LK_OK)
		die(error.text);
	for (i = 0; i < CHANGES; i++) {
		(void)snprintf(user, sizeof(user), "u%d-%zu", *(int *)arg, i);
		if (lk_issue(m, user, NULL, &token[i], NULL) != LK_OK)
			die(lk_manager_error(m));
	}
	together();
	for (i = 0; i < CHANGES; i++) {
		if (lk_refresh(m, &token[i], 0, &session) != LK_OK)
			die(lk_manager_error(m));
	}
	together();
	for (i = 0; i < CHANGES; i++) {
		if (lk_revoke(m, &token[i], NULL, &n) != LK_OK || n != 1)
			die(lk_manager_error(m));
	}
	together();
	lk_manager_free(m);
	free(token);
	return (NULL);
}

/* The answers to MULTI, ${commands} and EXEC, which were sent in one write. */
static void
replies(redisContext *redis, int commands)
{
	redisReply *reply;
	int i;

	for (i = 0; i < commands + 2; i++) {
		if (redisGetReply(redis, (void **)&reply) != REDIS_OK ||
		    reply->type == REDIS_REPLY_ERROR)
			die("a MULTI failed");
		freeReplyObject(reply);
	}
}

static void
set(redisContext *redis, const char *user)
{
	redisAppendCommand(redis, "MULTI");
	redisAppendCommand(redis,
	    "SETEX gosession-token_%s_" HEX " 604800 gosession-user_%s", user,
	    user);
	redisAppendCommand(redis,
	    "HSET gosession-token_%s %s_" HEX " 1900000000", user, user);
	redisAppendCommand(redis, "EXPIRE gosession-token_%s 2592000", user);
	redisAppendCommand(redis, "EXEC");
	replies(redis, 3);
}

static void *
multi(void *arg)
{
	redisContext *redis = redisConnectUnix(address);
	char user[32];
	size_t i, round;

	if (redis == NULL || redis->err != 0)
		die("cannot reach Redis");
	for (round = 0; round < 3; round++) {
		for (i = 0; i < CHANGES; i++) {
			(void)snprintf(user, sizeof(user), "u%d-%zu",
			    *(int *)arg, i);
			if (round < 2) {
				set(redis, user);
				continue;
			}
			redisAppendCommand(redis, "MULTI");
			redisAppendCommand(redis,
			    "DEL gosession-token_%s_" HEX, user);
			redisAppendCommand(redis,
			    "HDEL gosession-token_%s %s_" HEX, user, user);
			redisAppendCommand(redis, "EXEC");
			replies(redis, 2);
		}
		together();
	}
	redisFree(redis);
	return (NULL);
}

int
main(int argc, char **argv)
{
	const int threads = argc == 4 ? atoi(argv[3]) : 0;
	double at[3];
	pthread_t thread[THREADS_MAX];
	int i, number[THREADS_MAX];
	struct lk_error error;
	bool is_ours;

	if (threads < 1 || threads > THREADS_MAX)
		die("usage: bench_change ours|multi SETTINGS|SOCKET THREADS");
	is_ours = strcmp(argv[1], "ours") == 0;
	address = argv[2];
	if (is_ours && lk_settings_load(argv[2], &settings, &error) != LK_OK)
		die(error.text);
	if (pthread_barrier_init(&barrier, NULL, (unsigned int)threads + 1) !=
	    0)
		die("no barrier");
	for (i = 0; i < threads; i++) {
		number[i] = i;
		if (pthread_create(&thread[i], NULL, is_ours ? ours : multi,
		        &number[i]) != 0)
			die("no thread");
	}
	for (i = 0; i < 3; i++) {
		together();
		at[i] = seconds();
	}
	for (i = 0; i < threads; i++)
		(void)pthread_join(thread[i], NULL);
	printf("%.0f %.0f\n", threads * CHANGES / (at[1] - at[0]),
	    threads * CHANGES / (at[2] - at[1]));
	lk_settings_free(settings);
	return (0);
}
