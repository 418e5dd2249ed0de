#include <sys/socket.h>

#include <stdlib.h>

#include "base/error.h"
#include "process/account.h"
#include "process/listen.h"
#include "process/peers.h"

static enum lk_status
read_one(const char *text, uid_t *uid, struct lk_error *error)
{
	struct gate_account account;
	enum lk_status status = LK_FAULT;

	/* A number need not be anybody's. */
	if (gate_account_number(text, uid))
		return (LK_OK);
	status = gate_account_find(text, &account, error);
	if (status == LK_OK)
		*uid = account.uid;
	return (status);
}

enum lk_status
gate_peers_read(const struct lk_strings *accounts, struct gate_peers *peers,
    struct lk_error *error)
{
	enum lk_status status = LK_OK;

	*peers = (struct gate_peers){ .anyone = accounts->n == 0 };
	if (peers->anyone)
		return (LK_OK);
	if ((peers->v = calloc(accounts->n, sizeof(*peers->v))) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	for (; peers->n < accounts->n && status == LK_OK; peers->n++)
		status = read_one(accounts->v[peers->n], &peers->v[peers->n],
		    error);
	if (status != LK_OK)
		gate_peers_free(peers);
	return (status);
}

bool
gate_peers_have(const struct gate_peers *peers, uid_t uid)
{
	size_t i;

	if (peers->anyone)
		return (true);
	for (i = 0; i < peers->n; i++) {
		if (peers->v[i] == uid)
			return (true);
	}
	return (false);
}

bool
gate_peers_admit(const struct gate_peers *peers, int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);

	if (peers->local_only && !gate_socket_is_local(fd))
		return (false);
	if (peers->anyone)
		return (true);
	/* Of a TCP connection it says -1, which is nobody's number. */
	return (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    peer.uid != (uid_t)-1 && gate_peers_have(peers, peer.uid));
}

void
gate_peers_free(struct gate_peers *peers)
{
	free(peers->v);
	*peers = (struct gate_peers){ 0 };
}
