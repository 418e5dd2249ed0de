#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "process/environment.h"

/* Where a service manager leaves its sockets, from sd_listen_fds(3). */
#define LISTEN_FDS_START 3

/* The value of variable ${name} as a small number; 0 if it is none. */
static long
read_number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long number;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return (0);
	errno = 0;
	number = strtol(text, &end, 10);
	return (errno != 0 || *end != '\0' ? 0 : number);
}

struct gate_environment
gate_environment_read(void)
{
	static const char *const names[] = { "LISTEN_PID", "LISTEN_FDS",
		"LISTEN_FDNAMES", "NOTIFY_SOCKET" };
	const char *notify = getenv("NOTIFY_SOCKET");
	const char *fdnames = getenv("LISTEN_FDNAMES");
	struct gate_environment environment = { 0 };
	size_t i;

	if (read_number("LISTEN_PID") == (long)getpid())
		environment.sockets = (int)read_number("LISTEN_FDS");
	if (fdnames != NULL)
		(void)snprintf(environment.names, GATE_SOCKET_NAMES_MAX,
		    "%s:", fdnames);
	if (notify != NULL)
		(void)snprintf(environment.notify, GATE_NOTIFY_MAX, "%s",
		    notify);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unsetenv(names[i]);
	return (environment);
}

/* Whether the name of the passed socket ${i} is "http". */
static bool
is_http(const struct gate_environment *environment, int i)
{
	static const char http[] = "http:";
	const char *name = environment->names;

	for (; i > 0 && name != NULL; i--) {
		name = strchr(name, ':');
		name = name == NULL ? NULL : name + 1;
	}
	return (name != NULL && strncmp(name, http, strlen(http)) == 0);
}

enum lk_status
gate_environment_adopt(const struct gate_environment *environment,
    gate_listener_prepare *prepare, bool http, struct gate_listener *listeners,
    struct lk_error *error)
{
	enum lk_status status = LK_OK;
	enum gate_listeners which;
	int i, fd;

	for (i = 0; i < environment->sockets && status == LK_OK; i++) {
		fd = LISTEN_FDS_START + i;
		which = http && is_http(environment, i)
		    ? GATE_LISTENER_HTTP
		    : GATE_LISTENER_MAIN;
		if (i > 1 || listeners[which].fd != -1 ||
		    !gate_listener_inherited(fd))
			return (lk_fail(error, LK_E_SETTINGS,
			    "LISTEN_FDS: "
			    "expected one listening stream socket%s",
			    http ? ", and one of the name \"http\"" : ""));
		status = gate_listener_adopt(fd,
		    which == GATE_LISTENER_MAIN ? prepare : NULL,
		    &listeners[which], error);
	}
	return (status);
}
