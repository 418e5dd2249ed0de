#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>

#include "house/connection.h"

/* Groups that are told without asking for how many there are. */
#define GROUPS_USUAL 32

/* Room for the groups that take ${len} bytes, and one more. */
static bool
make_room(struct agent_caller *caller, socklen_t len)
{
	free(caller->groups);
	caller->groups = calloc(len / sizeof(gid_t) + 1, sizeof(gid_t));
	return (caller->groups != NULL);
}

static bool
find_caller(int fd, struct agent_caller *caller)
{
	socklen_t len = GROUPS_USUAL * sizeof(gid_t);
	socklen_t size = sizeof(struct ucred);
	struct ucred cred;
	int result;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0 ||
	    cred.uid == (uid_t)-1)
		return (false);
	do {
		if (!make_room(caller, len))
			return (false);
		result = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS,
		    caller->groups, &len);
	} while (result != 0 && errno == ERANGE);
	if (result != 0)
		return (false);
	caller->uid = cred.uid;
	caller->pid = cred.pid;
	caller->n = len / sizeof(gid_t);
	caller->groups[caller->n++] = cred.gid;
	return (true);
}

struct agent_connection *
agent_connection_new(int fd)
{
	struct agent_connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL)
		return (NULL);
	atomic_init(&connection->holders, 1);
	if (find_caller(fd, &connection->caller))
		return (connection);
	agent_connection_drop(connection);
	return (NULL);
}

void
agent_connection_hold(struct agent_connection *connection)
{
	(void)atomic_fetch_add(&connection->holders, 1);
}

void
agent_connection_drop(struct agent_connection *connection)
{
	if (connection == NULL ||
	    atomic_fetch_sub(&connection->holders, 1) != 1)
		return;
	free(connection->caller.groups);
	free(connection);
}
