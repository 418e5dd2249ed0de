#include <sys/socket.h>

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "support/test.h"
#include "store/redis/master/carried.h"

#define HISTORY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HISTORY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static enum lk_pending_result
keep(struct lk_redis_pending *pending, int number, const char *history,
    bool ended, bool durable)
{
	struct lk_redis_command command;
	const struct lk_redis_revocation revocation = { .command = &command,
		.history = history,
		.ended = ended,
		.durable = durable };

	lk_redis_command(&command, "EVAL");
	lk_redis_arg_int(&command, number);
	return (lk_redis_pending_add(pending, &revocation));
}

static enum lk_pending_result
add(struct lk_redis_pending *pending, int number, const char *history)
{
	return (keep(pending, number, history, true, false));
}

static void
test_redis_pending_same_revocation_is_kept_once(void **state)
{
	struct lk_redis_pending pending = { .n = 0 };

	assert_int_equal(add(&pending, 1, HISTORY_A), LK_PENDING_ADDED);
	assert_int_equal(add(&pending, 2, HISTORY_A), LK_PENDING_ADDED);
	assert_int_equal(add(&pending, 1, HISTORY_B), LK_PENDING_KNOWN);
	assert_int_equal(pending.n, 2);
	assert_string_equal(pending.first->history, HISTORY_B);
	assert_string_equal(pending.first->next->history, HISTORY_A);
	assert_null(pending.first->next->next);
	lk_redis_pending_clear(&pending);
	assert_int_equal(pending.n, 0);
	assert_null(pending.first);
}

static void
test_redis_pending_script_is_not_copied(void **state)
{
	static const char script[] = "return redis.call('DEL', KEYS[1])";
	static const char other[] = "return redis.call('GET', KEYS[1])";
	struct lk_redis_pending pending = { .n = 0 };
	struct lk_redis_command command;
	struct lk_redis_revocation revocation = { .command = &command,
		.script = script,
		.history = HISTORY_A,
		.ended = true };

	lk_redis_command(&command, "EVAL");
	lk_redis_arg_str(&command, script);
	lk_redis_arg_int(&command, 1);
	lk_redis_arg(&command, "a\0b", 3);
	assert_int_equal(lk_redis_pending_add(&pending, &revocation),
	    LK_PENDING_ADDED);
	assert_int_equal(lk_redis_pending_add(&pending, &revocation),
	    LK_PENDING_KNOWN);
	assert_ptr_equal(pending.first->script, script);
	assert_int_equal(pending.first->size, strlen("EVAL") + 1 + 3 + 3 * 2);
	/* The same arguments of another one are another revocation. */
	revocation.script = command.argv[1] = other;
	assert_int_equal(lk_redis_pending_add(&pending, &revocation),
	    LK_PENDING_ADDED);
	/* What a length has no room for is not kept. */
	lk_redis_arg(&command, HISTORY_A, 65536 + 4);
	assert_int_equal(lk_redis_pending_add(&pending, &revocation),
	    LK_PENDING_FULL);
	lk_redis_pending_clear(&pending);
	(void)state;
}

static void
test_redis_pending_history_that_is_none_is_not_remembered(void **state)
{
	struct lk_redis_pending pending = { .n = 0 };

	assert_int_equal(add(&pending, 1, ""), LK_PENDING_ADDED);
	assert_string_equal(pending.first->history, "");
	assert_int_equal(add(&pending, 2, "short"), LK_PENDING_ADDED);
	assert_string_equal(pending.first->next->history, "");
	lk_redis_pending_clear(&pending);
}

static void
test_redis_pending_full_list_takes_no_more(void **state)
{
	struct lk_redis_pending pending = { .n = 0 }, more = { .n = 0 };
	int i;

	for (i = 0; i < LK_REDIS_PENDING_MAX; i++)
		assert_int_equal(add(&pending, i, HISTORY_A), LK_PENDING_ADDED);
	assert_int_equal(add(&pending, i, HISTORY_A), LK_PENDING_FULL);
	assert_int_equal(add(&pending, 0, HISTORY_A), LK_PENDING_KNOWN);
	assert_int_equal(pending.n, LK_REDIS_PENDING_MAX);
	assert_int_equal(add(&more, 3, HISTORY_A), LK_PENDING_ADDED);
	assert_int_equal(add(&more, i + 1, HISTORY_A), LK_PENDING_ADDED);
	assert_int_equal(lk_redis_pending_move(&pending, &more), 1);
	assert_int_equal(more.n, 0);
	assert_int_equal(pending.n, LK_REDIS_PENDING_MAX);
	lk_redis_pending_clear(&pending);
}

static void
test_redis_pending_what_ended_nothing_makes_room(void **state)
{
	struct lk_redis_pending pending = { .n = 0 };
	int i;

	for (i = 0; i < LK_REDIS_PENDING_MAX; i++)
		assert_int_equal(
		    keep(&pending, i, HISTORY_A, i == 0, false),
		    LK_PENDING_ADDED);
	/* Another such one does not. */
	assert_int_equal(
	    keep(&pending, i, HISTORY_A, false, false), LK_PENDING_FULL);
	/* Number 1 goes, as number 0 has ended something, if not again. */
	assert_int_equal(
	    keep(&pending, 0, HISTORY_A, false, false), LK_PENDING_KNOWN);
	assert_int_equal(add(&pending, i, HISTORY_A), LK_PENDING_ADDED);
	assert_int_equal(pending.n, LK_REDIS_PENDING_MAX);
	assert_int_equal(add(&pending, 0, HISTORY_A), LK_PENDING_KNOWN);
	/* One that did so later is as good. */
	assert_int_equal(add(&pending, 2, HISTORY_A), LK_PENDING_KNOWN);
	assert_int_equal(add(&pending, 1, HISTORY_A), LK_PENDING_ADDED);
	assert_int_equal(add(&pending, 3, HISTORY_A), LK_PENDING_ADDED);
	assert_int_equal(add(&pending, 2, HISTORY_A), LK_PENDING_KNOWN);
	lk_redis_pending_clear(&pending);
}

static void
test_redis_pending_durable_one_makes_room_first(void **state)
{
	struct lk_redis_pending pending = { .n = 0 };
	int i;

	for (i = 0; i < LK_REDIS_PENDING_MAX; i++)
		assert_int_equal(keep(&pending, i, HISTORY_A, i > 0, i == 9),
		    LK_PENDING_ADDED);
	assert_int_equal(pending.owed, LK_REDIS_PENDING_MAX - 1);
	assert_int_equal(
	    keep(&pending, i, HISTORY_A, false, false), LK_PENDING_ADDED);
	assert_int_equal(pending.owed, LK_REDIS_PENDING_MAX);
	assert_int_equal(add(&pending, 0, HISTORY_A), LK_PENDING_KNOWN);
	assert_int_equal(add(&pending, 9, HISTORY_A), LK_PENDING_ADDED);
	lk_redis_pending_clear(&pending);
}

static void
test_redis_pending_settles_what_that_master_had_by_then(void **state)
{
	struct lk_redis_pending pending = { .n = 0 };
	int64_t then;

	assert_int_equal(add(&pending, 1, ""), LK_PENDING_ADDED);
	assert_int_equal(add(&pending, 2, HISTORY_A), LK_PENDING_ADDED);
	assert_int_equal(add(&pending, 3, HISTORY_B), LK_PENDING_ADDED);
	then = lk_monotonic_ns() + 1;
	while (lk_monotonic_ns() <= then)
		continue;
	assert_int_equal(add(&pending, 4, HISTORY_A), LK_PENDING_ADDED);
	assert_int_equal(lk_redis_pending_reached(&pending, "", then), 0);
	assert_int_equal(lk_redis_pending_reached(&pending, HISTORY_A, then),
	    1);
	assert_int_equal(lk_redis_pending_reached(&pending, HISTORY_A, then),
	    0);
	assert_int_equal(pending.n, 4);
	assert_int_equal(pending.owed, 3);
	assert_true(pending.first->next->durable);
	lk_redis_pending_clear(&pending);
	assert_int_equal(pending.owed, 0);
}

static void
test_redis_pending_moved_ones_come_behind(void **state)
{
	struct lk_redis_pending to = { .n = 0 }, from = { .n = 0 };

	assert_int_equal(add(&to, 1, HISTORY_A), LK_PENDING_ADDED);
	assert_int_equal(add(&from, 2, HISTORY_B), LK_PENDING_ADDED);
	assert_int_equal(add(&from, 1, HISTORY_B), LK_PENDING_ADDED);
	assert_int_equal(lk_redis_pending_move(&to, &from), 0);
	assert_int_equal(from.n, 0);
	assert_null(from.first);
	assert_int_equal(to.n, 2);
	lk_redis_pending_clear(&to);
}

static void
test_redis_info_replicas_in_step_are_counted(void **state)
{
#define MASTER "# Replication\r\nrole:master\r\nconnected_slaves:1\r\n"
#define SLAVE0 "slave0:ip=10.0.0.1,port=6379,state="
#define LABEL "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg."
	static const struct {
		const char *info;
		size_t replicas;
	} cases[] = {
		{ MASTER, 0 },
		{ MASTER SLAVE0 "online,offset=1,lag=0\r\n", 1 },
		{ MASTER SLAVE0 "online,offset=1,lag=1\r\n", 1 },
		{ MASTER SLAVE0 "online,offset=1,lag=2\r\n", 0 },
		/* Redis says so at the turn of a second. */
		{ MASTER SLAVE0 "online,offset=1,lag=-1\r\n", 1 },
		{ MASTER SLAVE0 "online,offset=1,lag=-2\r\n", 0 },
		{ MASTER SLAVE0 "online,offset=1,lag=\r\n", 0 },
		{ MASTER SLAVE0 "online,offset=1\r\n", 0 },
		{ MASTER SLAVE0 "online,offset=1,lag=0,type=x\r\n", 1 },
		/* Announced by the longest of host names. */
		{ MASTER "slave0:ip=" LABEL LABEL LABEL LABEL ",port=6379,"
		         "state=online,offset=1234567890123456789,lag=1,"
		         "type=replica\r\n",
		    1 },
		{ MASTER SLAVE0 "wait_bgsave,offset=0,lag=0\r\n", 0 },
		{ MASTER SLAVE0 "send_bulk,offset=0,lag=0\r\n", 0 },
		{ MASTER SLAVE0 "wait_bgsave,offset=0,lag=0\r\n"
		         "slave1:ip=::1,port=1,state=online,offset=9,lag=1\r\n",
		    1 },
		{ "role:slave\r\n" SLAVE0 "online,offset=1,lag=0\r\n", 0 },
		{ SLAVE0 "online,offset=1,lag=0\r\n", 0 },
		{ "", 0 },
	};

	EACH(c, cases)
		if (lk_redis_info_replicas(c->info) != c->replicas)
			fail_msg("%s", c->info);
}

#define STATS(role, id, copies) \
	"role:" role "\r\nmaster_replid:" id "\r\n" copies "\r\n"

/* What a replica tells is another's, and cut short it is nobody's. */
static void
test_redis_past_is_that_of_a_master_alone(void **state)
{
	static const struct {
		const char *info;
		bool past;
	} cases[] = {
		{ STATS("master", HISTORY_A, "sync_full:7"), true },
		{ STATS("slave", HISTORY_A, "sync_full:7"), false },
		{ STATS("master", "aaaa", "sync_full:7"), false },
		{ STATS("master", HISTORY_A "a", "sync_full:7"), false },
		{ STATS("master", HISTORY_A, "sync_part:7"), false },
		{ "role:master\r\nsync_full:7\r\n", false },
		{ "", false },
	};
	struct lk_redis_past past;
	char text[128];

	EACH(c, cases) {
		(void)snprintf(text, sizeof(text), "%s", c->info);
		assert_int_equal(lk_redis_past_read(&(struct lk_redis_reply){
		    .type = LK_REDIS_STRING, .text = text,
		    .len = strlen(text) }, &past), c->past);
		assert_string_equal(past.history, c->past ? HISTORY_A : "");
		assert_int_equal(past.copies, c->past ? 7 : 0);
	}
}

/* ---- Telling a master -------------------------------------------------- */

#define TOLD 16

/* A master of another history. */
struct peer {
	int fd;
	char heard[4096];
};

static size_t
count(const char *text, const char *word)
{
	size_t n = 0;

	while ((text = strstr(text, word)) != NULL) {
		text += strlen(word);
		n++;
	}
	return (n);
}

/* Say nothing before all is there that it is to be told. */
static void *
be_told(void *arg)
{
	static const char info[] = STATS("master", HISTORY_B, "sync_full:7");
	struct peer *peer = arg;
	char said[256];
	size_t len = 0, i;
	ssize_t n = 1;

	if (read(peer->fd, peer->heard, sizeof(peer->heard)) <= 0)
		return (NULL);
	(void)snprintf(said, sizeof(said), "$%zu\r\n%s\r\n", sizeof(info) - 1,
	    info);
	(void)send(peer->fd, said, strlen(said), MSG_NOSIGNAL);
	memset(peer->heard, 0, sizeof(peer->heard));
	while (n > 0 && count(peer->heard, "EVAL") < TOLD) {
		n = read(peer->fd, peer->heard + len,
		    sizeof(peer->heard) - len - 1);
		len += n > 0 ? (size_t)n : 0;
	}
	for (i = 0; n > 0 && i < TOLD; i++)
		(void)send(peer->fd, ":1\r\n", 4, MSG_NOSIGNAL);
	return (NULL);
}

/* What nobody else has first, and all in one write. */
static void
test_redis_carried_new_master_is_told_at_once(void **state)
{
	static const struct lk_redis_topology_ops ops = { .is_at = NULL };
	const struct lk_redis_settings settings = { .command_timeout_ms =
		                                        60000 };
	const struct lk_redis_manners manners = { .settings = &settings };
	struct lk_redis_topology topology = { .ops = &ops };
	struct lk_redis_carried carried;
	struct lk_redis_wire wire;
	struct lk_error error = { "" };
	struct peer peer = { .heard = "" };
	const char *first, *owed;
	pthread_t thread;
	int fd[2], i;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	peer.fd = fd[1];
	lk_redis_wire_init(&wire, &manners, &error);
	assert_int_equal(lk_redis_wire_take(&wire, fd[0]), LK_OK);
	lk_redis_carried_init(&carried, &topology);
	for (i = 0; i < TOLD; i++)
		assert_int_equal(keep(&carried.pending, 100 + i, HISTORY_A,
		                     true, i != TOLD - 1),
		    LK_PENDING_ADDED);
	assert_int_equal(pthread_create(&thread, NULL, be_told, &peer), 0);
	assert_int_equal(lk_redis_carried_tell(&carried, &wire,
	                     lk_deadline_in(5000)),
	    LK_OK);
	lk_redis_wire_drop(&wire);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(fd[1]);
	owed = strstr(peer.heard, "115");
	first = strstr(peer.heard, "100");
	assert_true(owed != NULL && first != NULL && owed < first);
	assert_true(lk_redis_carried_is_told(&carried, &wire, HISTORY_B));
	assert_int_equal(carried.pending.n, TOLD);
	assert_int_equal(carried.pending.owed, TOLD);
	lk_redis_pending_clear(&carried.pending);
	lk_redis_carried_destroy(&carried);
}

#include "support/suite.h"
