/* The socket that web servers connect to. */
#ifndef GATE_LISTEN_H_
#define GATE_LISTEN_H_

#include <sys/types.h>

#include <stdbool.h>

#include "base/address.h"
#include "latchkey.h"

/** The sockets that a process may listen on. */
enum gate_listeners {
	GATE_LISTENER_MAIN = 0, /* always */
	GATE_LISTENER_HTTP,     /* for the gate's second protocol, if any */
	GATE_LISTENER_COUNT
};

struct gate_listener {
	int fd;      /* -1: none */
	bool passed; /* by whoever started us */
	/* Of the socket file to remove; path is "" if there is none. */
	char path[LK_UNIX_PATH_MAX + 1];
	dev_t dev;
	ino_t ino;
};

/**
 * What is done to a socket before it listens, for the connections that inherit
 * it; false, and errno, if that cannot be had.  NULL is nothing.
 */
typedef bool gate_listener_prepare(int fd);

/** gate_listener_inherited(fd): whether ${fd} is a listening stream socket. */
bool gate_listener_inherited(int fd);

/**
 * gate_listener_adopt(fd, prepare, listener, error):
 * Listen on ${fd}, which whoever started us left as a listening socket.  A
 * socket file is theirs to remove.
 */
enum lk_status gate_listener_adopt(int fd, gate_listener_prepare *prepare,
    struct gate_listener *listener, struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_listener_open(text, mode, group, prepare, listener, error):
 * Listen on "unix:/path" or "host:port".  A socket file gets exactly the
 * permissions ${mode} and, unless it is (gid_t)-1, the group ${group}, before
 * anybody can connect to it, and takes the place of one that nobody listens on;
 * anything else in its place is an error.  LK_E_SETTINGS if it cannot be
 * done.  The calling process must have one thread, for umask(2).
 */
enum lk_status gate_listener_open(const char *text, mode_t mode, gid_t group,
    gate_listener_prepare *prepare, struct gate_listener *listener,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_socket_is_local(fd):
 * Whether the address that the listener or connection ${fd} is really bound
 * to is out of reach of other machines: a unix socket or a loopback address.
 */
bool gate_socket_is_local(int fd);

/**
 * gate_listener_give(listener, uid, gid, error):
 * Let the socket file, if there is one, belong to ${uid} and ${gid}, of which
 * -1 stays what it is.
 */
enum lk_status gate_listener_give(const struct gate_listener *listener,
    uid_t uid, gid_t gid, struct lk_error *error) LK_MUST_CHECK;

/* Room for the name of an address. */
#define GATE_LISTEN_NAME_MAX (LK_UNIX_PATH_MAX + 64)

/**
 * gate_listener_name(listener, name):
 * The address it is really bound to, as `gate.listen` has it.
 */
void gate_listener_name(const struct gate_listener *listener,
    char name[GATE_LISTEN_NAME_MAX]);

/**
 * gate_listener_close(listener):
 * Remove the socket file, if it is still the one that was made here, and
 * close the socket.  Doing it twice is fine.
 */
void gate_listener_close(struct gate_listener *listener);

#endif /* !GATE_LISTEN_H_ */
