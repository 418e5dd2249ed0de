#include <sys/socket.h>

#include <errno.h>
#include <grp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/name_service.h"
#include "process/account.h"
#include "process/listen.h"

bool
gate_account_number(const char *text, uid_t *uid)
{
	unsigned long long number;
	char *end;

	*uid = (uid_t)-1;
	if (text[0] < '0' || text[0] > '9')
		return (false);
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || number >= UINT32_MAX)
		return (false);
	*uid = (uid_t)number;
	return (true);
}

enum lk_status
gate_account_find(const char *text, struct gate_account *account,
    struct lk_error *error)
{
	struct lk_account found = { .data = NULL };
	enum lk_status status = LK_FAULT;
	uid_t uid;
	const bool is_number = gate_account_number(text, &uid);

	memset(account, 0, sizeof(*account));
	status = lk_account_find(is_number ? NULL : text, uid, &found, error);
	if (status == LK_NO_USER ||
	    (status == LK_OK &&
	        strlen(found.entry.pw_name) > GATE_ACCOUNT_NAME_MAX))
		status = lk_fail(error, LK_E_SETTINGS, "no user \"%s\"", text);
	if (status == LK_OK) {
		memcpy(account->name, found.entry.pw_name,
		    strlen(found.entry.pw_name) + 1);
		account->uid = found.entry.pw_uid;
		account->gid = found.entry.pw_gid;
	}
	lk_account_free(&found);
	return (status);
}

enum lk_status
gate_account_group(const char *text, gid_t *gid, struct lk_error *error)
{
	enum lk_status status = LK_FAULT;
	struct lk_group group;

	*gid = (gid_t)-1;
	if (text[0] == '\0' || gate_account_number(text, gid))
		return (LK_OK);
	status = lk_group_find(text, 0, &group, error);
	if (status == LK_OK)
		*gid = group.entry.gr_gid;
	else if (status == LK_NO_USER)
		status = lk_fail(error, LK_E_SETTINGS, "no group \"%s\"", text);
	lk_group_free(&group);
	return (status);
}

/* Whether all of the user's and the group's numbers are the account's. */
static bool
is_only(const struct gate_account *account)
{
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;

	return (getresuid(&uid, &euid, &suid) == 0 &&
	    getresgid(&gid, &egid, &sgid) == 0 && uid == account->uid &&
	    euid == uid && suid == uid && gid == account->gid && egid == gid &&
	    sgid == gid);
}

enum lk_status
gate_account_become(const struct gate_account *account, const char *group,
    struct lk_error *error)
{
	if (account->uid == 0)
		return (lk_fail(error, LK_E_SETTINGS,
		    "%s.user: expected another user than root, got \"%s\"",
		    group, account->name));
	if (initgroups(account->name, account->gid) != 0 ||
	    setresgid(account->gid, account->gid, account->gid) != 0 ||
	    setresuid(account->uid, account->uid, account->uid) != 0)
		return (lk_fail(error, LK_E_SETTINGS,
		    "%s.user: cannot become \"%s\": %s", group, account->name,
		    strerror(errno)));
	if (!is_only(account) || setuid(0) == 0)
		return (lk_fail(error, LK_E_SETTINGS,
		    "%s.user: became \"%s\", but not for good", group,
		    account->name));
	return (LK_OK);
}

/* ---- Who may connect ----------------------------------------------------- */

enum lk_status
gate_peers_read(const struct lk_strings *accounts, struct gate_peers *peers,
    struct lk_error *error)
{
	struct gate_account account;
	enum lk_status status = LK_OK;
	const char *text;

	*peers = (struct gate_peers){ .anyone = accounts->n == 0 };
	if (peers->anyone)
		return (LK_OK);
	if ((peers->v = calloc(accounts->n, sizeof(*peers->v))) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	for (; peers->n < accounts->n && status == LK_OK; peers->n++) {
		text = accounts->v[peers->n];
		/* A number need not be anybody's. */
		if (gate_account_number(text, &peers->v[peers->n]))
			continue;
		status = gate_account_find(text, &account, error);
		peers->v[peers->n] = account.uid;
	}
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
