#include <sys/socket.h>
#include <sys/wait.h>

#include <unistd.h>

#include "nodes.h"

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

	if (nodes->talk == NULL)
		return;
	(void)fclose(nodes->talk);
	assert_int_equal(waitpid(nodes->pid, &status, 0), nodes->pid);
	assert_int_equal(status, 0);
}

void
nodes_flush(const struct nodes *nodes)
{
	redisContext *hand;
	size_t i;

	for (i = 0; i < NODES; i++) {
		hand = redisConnect("127.0.0.1", nodes->port[i]);
		assert_non_null(hand);
		assert_int_equal(hand->err, 0);
		/* A replica will not, and need not. */
		freeReplyObject(redisCommand(hand, "FLUSHALL"));
		redisFree(hand);
	}
}

const char *
nodes_addresses(const struct nodes *nodes)
{
	static char text[LINE_SIZE];

	(void)snprintf(text, sizeof(text),
	    "addresses = [ \"127.0.0.1:%d\", \"127.0.0.1:%d\", "
	    "\"127.0.0.1:%d\" ];",
	    nodes->port[5], nodes->port[1], nodes->port[0]);
	return (text);
}
