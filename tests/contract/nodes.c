#include <sys/socket.h>
#include <sys/wait.h>

#include <unistd.h>

#include "nodes.h"
#include "store/redis/master/slots.h"

#define LINE_SIZE 256

/* Have a process that has them; they are named in ${line}. */
static void
start_process(struct nodes *nodes, char line[LINE_SIZE])
{
	int ends[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	nodes->pid = fork();
	assert_true(nodes->pid >= 0);
	if (nodes->pid == 0) {
		if (dup2(ends[1], 0) == 0 && dup2(ends[1], 1) == 1)
			(void)execlp("python3", "python3",
			    "tests/contract/nodes.py", NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	nodes->talk = fdopen(ends[0], "r");
	assert_non_null(nodes->talk);
	if (fgets(line, LINE_SIZE, nodes->talk) == NULL)
		fail_msg("nodes.py has ended");
}

bool
nodes_are_here(void)
{
	const char *lent = getenv("LK_TEST_REDIS_NODES");

	return (lent == NULL || lent[0] != '\0');
}

void
nodes_start(struct nodes *nodes)
{
	const char *lent = getenv("LK_TEST_REDIS_NODES");
	char line[LINE_SIZE];
	char *p = line;
	size_t i;

	if (lent == NULL)
		start_process(nodes, line);
	else
		(void)snprintf(line, sizeof(line), "%s", lent);
	for (i = 0; i < NODES; i++) {
		nodes->port[i] = (int)strtol(p, &p, 10);
		assert_true(nodes->port[i] > 0);
	}
}

void
nodes_stop(struct nodes *nodes)
{
	int status = -1;
	size_t i;

	for (i = 0; i < NODES; i++) {
		if (nodes->hand[i] != NULL)
			redisFree(nodes->hand[i]);
	}
	if (nodes->talk == NULL)
		return;
	(void)fclose(nodes->talk);
	assert_int_equal(waitpid(nodes->pid, &status, 0), nodes->pid);
	assert_int_equal(status, 0);
}

/* Ask one of them; the reply may be an error. */
static redisReply *
call(struct nodes *nodes, int node, const char *format, ...)
{
	redisContext **hand = &nodes->hand[node];
	redisReply *reply;
	va_list ap;

	if (*hand == NULL)
		*hand = redisConnect("127.0.0.1", nodes->port[node]);
	assert_non_null(*hand);
	assert_int_equal((*hand)->err, 0);
	va_start(ap, format);
	reply = redisvCommand(*hand, format, ap);
	va_end(ap);
	assert_non_null(reply);
	return (reply);
}

void
nodes_flush(struct nodes *nodes)
{
	int i;

	/* A replica will not, and need not. */
	for (i = 0; i < NODES; i++)
		freeReplyObject(call(nodes, i, "FLUSHALL"));
}

int
nodes_slot(const char *user, char text[LK_TAG_TEXT_LEN + 1])
{
	uint8_t tag[LK_TAG_LEN];

	lk_user_tag(user, tag);
	lk_base64url(tag, sizeof(tag), text);
	return (lk_redis_slot(text, LK_TAG_TEXT_LEN));
}

int
nodes_owner(struct nodes *nodes, const char *key)
{
	redisReply *reply;
	int type = REDIS_REPLY_ERROR, i;

	for (i = -1; i + 1 < MASTERS && type == REDIS_REPLY_ERROR;) {
		reply = call(nodes, ++i, "EXISTS %s", key);
		type = reply->type;
		freeReplyObject(reply);
	}
	assert_int_equal(type, REDIS_REPLY_INTEGER);
	return (i);
}

/* Tell one of them what to do with a slot, with regard to another. */
static void
set_slot(struct nodes *nodes, int node, int slot, const char *what, int other)
{
	redisReply *id = call(nodes, other, "CLUSTER MYID");
	redisReply *reply = call(nodes, node, "CLUSTER SETSLOT %d %s %s", slot,
	    what, id->str);

	if (reply->type == REDIS_REPLY_ERROR)
		fail_msg("SETSLOT %s: %s", what, reply->str);
	freeReplyObject(reply);
	freeReplyObject(id);
}

void
nodes_move_begin(struct nodes *nodes, int slot, int from, int to)
{
	set_slot(nodes, to, slot, "IMPORTING", from);
	set_slot(nodes, from, slot, "MIGRATING", to);
}

bool
nodes_move_key(struct nodes *nodes, int slot, int from, int to)
{
	redisReply *keys = call(nodes, from, "CLUSTER GETKEYSINSLOT %d 1",
	    slot);
	redisReply *reply;
	const bool more = keys->elements > 0;

	if (more) {
		reply = call(nodes, from, "MIGRATE 127.0.0.1 %d %b 0 20000",
		    nodes->port[to], keys->element[0]->str,
		    keys->element[0]->len);
		if (reply->type == REDIS_REPLY_ERROR)
			fail_msg("MIGRATE: %s", reply->str);
		freeReplyObject(reply);
	}
	freeReplyObject(keys);
	return (more);
}

void
nodes_move_end(struct nodes *nodes, int slot, int from, int to)
{
	set_slot(nodes, to, slot, "NODE", to);
	set_slot(nodes, from, slot, "NODE", to);
}

const char *
nodes_addresses(const struct nodes *nodes, const char *one)
{
	static char text[LINE_SIZE];

	if (strncmp(one, "unix:", 5) != 0)
		(void)snprintf(text, sizeof(text), "\"%s\"", one);
	else
		(void)snprintf(text, sizeof(text),
		    "\"127.0.0.1:%d\", \"127.0.0.1:%d\", \"127.0.0.1:%d\"",
		    nodes->port[5], nodes->port[1], nodes->port[0]);
	return (text);
}
