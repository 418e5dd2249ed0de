/* What the environment says to a process that a service manager starts. */
#ifndef GATE_ENVIRONMENT_H_
#define GATE_ENVIRONMENT_H_

#include "process/listen.h"

#define GATE_NOTIFY_MAX 128
#define GATE_SOCKET_NAMES_MAX 64

struct gate_environment {
	int sockets;                       /* passed to it */
	char names[GATE_SOCKET_NAMES_MAX]; /* of these, a colon behind each */
	char notify[GATE_NOTIFY_MAX]; /* where it wants to be told; "": nowhere
	                               */
};

/**
 * gate_environment_read():
 * Read what is meant for this process, and leave it to no other.
 */
struct gate_environment gate_environment_read(void);

/**
 * gate_environment_adopt(environment, prepare, http, listeners, error):
 * Take the sockets that were passed: if ${http}, one of the name "http" as
 * GATE_LISTENER_HTTP, and another one as GATE_LISTENER_MAIN, which is to be
 * fit by ${prepare}.  LK_E_SETTINGS if there are others.
 */
enum lk_status gate_environment_adopt(
    const struct gate_environment *environment, gate_listener_prepare *prepare,
    bool http, struct gate_listener *listeners,
    struct lk_error *error) LK_MUST_CHECK;

#endif /* !GATE_ENVIRONMENT_H_ */
