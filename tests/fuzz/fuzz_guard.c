/*
 * The guard and the parser behind it.  Whatever the bytes: the guard must not
 * stumble, must judge the same bytes the same way however they are cut, and
 * what it lets through libfcgi must read to the end, without waiting, as the
 * very parameters that the guard has counted.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fastcgi.h>
#include <fcgiapp.h>

#include "fuzz.h"
#include "guard.h"

/* Not assert(): this must hold in every build. */
#define MUST(condition)                                                 \
	do {                                                            \
		if (!(condition)) {                                     \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__,  \
			    __LINE__, #condition);                      \
			abort();                                        \
		}                                                       \
	} while (0)

/* A copy of exactly this length, so that a sanitizer sees overruns. */
static struct gate_finding
look(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct gate_finding finding;

	MUST(copy != NULL);
	if (len > 0)
		memcpy(copy, bytes, len);
	finding = gate_guard_look(copy, len);
	free(copy);
	return (finding);
}

/* A prefix may say "more", or what the whole says, or refuse as it does. */
static void
check_prefix(const uint8_t *bytes, size_t len, struct gate_finding whole)
{
	struct gate_finding part = look(bytes, len);

	switch (part.guard) {
	case GATE_GUARD_NEED_MORE:
		break;
	case GATE_GUARD_COMPLETE:
		MUST(whole.guard == GATE_GUARD_COMPLETE);
		MUST(whole.params == part.params);
		MUST(whole.request_id == part.request_id);
		break;
	case GATE_GUARD_REFUSED:
		MUST(whole.guard == GATE_GUARD_REFUSED);
		MUST(part.reason != NULL);
		break;
	}
}

/* A socket in which these bytes wait, and after them the end. */
static int
socket_with(const uint8_t *bytes, size_t len, int *other)
{
	int pair[2], size = 4 * GATE_REQUEST_MAX;

	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	while (len > 0) {
		ssize_t n = send(pair[1], bytes, len,
		    MSG_DONTWAIT | MSG_NOSIGNAL);

		MUST(n > 0 || errno == EINTR);
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	MUST(shutdown(pair[1], SHUT_WR) == 0);
	*other = pair[1];
	return (pair[0]);
}

/* The number of parameters; each must be NAME=VALUE. */
static size_t
count_params(char *const *env)
{
	size_t n = 0;

	for (; env[n] != NULL; n++) {
		const char *equals = strchr(env[n], '=');

		MUST(equals != NULL && equals != env[n]);
	}
	return (n);
}

/* Hand it to libfcgi as a worker does. */
static void
parse(const uint8_t *bytes, size_t len, struct gate_finding finding)
{
	FCGX_Request request;
	int other;

	MUST(FCGX_InitRequest(&request, -1, 0) == 0);
	request.ipcFd = socket_with(bytes, len, &other);
	request.keepConnection = 1;
	(void)FCGX_Detach(&request);
	MUST(FCGX_Accept_r(&request) == 0);
	/* libfcgi puts a FCGI_ROLE of its own in front. */
	MUST(count_params(request.envp) == finding.params + 1);
	MUST(request.requestId == finding.request_id);
	(void)FCGX_PutS("Status: 200 OK\r\n\r\n", request.out);
	request.keepConnection = 1;
	FCGX_Finish_r(&request);
	if (request.ipcFd >= 0)
		(void)close(request.ipcFd);
	(void)close(other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static int ready;
	struct gate_finding whole;

	if (!ready)
		MUST(FCGX_Init() == 0);
	ready = 1;
	/* The door peeks no further. */
	if (len > GATE_REQUEST_MAX)
		len = GATE_REQUEST_MAX;
	whole = look(bytes, len);
	if (len > 0) {
		check_prefix(bytes, len - 1, whole);
		check_prefix(bytes, bytes[len / 2] * len / 256, whole);
	}
	MUST(!whole.keep || whole.guard == GATE_GUARD_COMPLETE);
	if (whole.guard == GATE_GUARD_COMPLETE)
		parse(bytes, len, whole);
	return (0);
}
