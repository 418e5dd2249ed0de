/*
 * The guard and the parser behind it.  Whatever the bytes: the guard must not
 * stumble, must judge the same bytes the same way however they are cut, and
 * what it lets through libfcgi must read to the end, without waiting, as the
 * very parameters that are in these bytes.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fastcgi.h>
#include <fcgiapp.h>

#include "door/guard.h"
#include "fuzz.h"

/* A copy of exactly this length, so that a sanitizer sees overruns. */
static struct gate_seen
look(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct gate_seen seen;

	MUST(copy != NULL);
	if (len > 0)
		memcpy(copy, bytes, len);
	seen = gate_guard_look(copy, len);
	free(copy);
	return (seen);
}

/* What is found in all ${len} bytes by who has found ${seen} in fewer. */
static struct gate_seen
look_on(struct gate_seen seen, const uint8_t *bytes, size_t len)
{
	do {
		seen = gate_guard_look_on(&seen,
		    bytes + (seen.from < len ? seen.from : len), len);
	} while (seen.guard == GATE_GUARD_NEED_MORE && seen.need <= len);
	return (seen);
}

static bool
is_same(struct gate_seen a, struct gate_seen b)
{
	return (a.guard == b.guard && a.reason == b.reason &&
	    a.request_id == b.request_id && a.params == b.params &&
	    a.end == b.end && a.need == b.need && a.keep == b.keep &&
	    (a.guard != GATE_GUARD_NEED_MORE || a.from == b.from));
}

/* Nothing else is found with less than ${part} of ${len} bytes needs. */
static void
check_need(const uint8_t *bytes, size_t len, struct gate_seen part)
{
	struct gate_seen later;

	MUST(part.need > len && part.need <= GATE_REQUEST_MAX);
	later = look_on(part, bytes, len);
	MUST(is_same(later, part));
}

/* A prefix may say "more", or what the whole says, or refuse as it does. */
static void
check_prefix(const uint8_t *bytes, size_t len, size_t all,
    struct gate_seen whole)
{
	struct gate_seen part = look(bytes, len);

	MUST(part.guard != GATE_GUARD_NEED_MORE ||
	    is_same(look_on(part, bytes, all), whole));
	switch (part.guard) {
	case GATE_GUARD_NEED_MORE:
		check_need(bytes, len, part);
		MUST(part.end == 0 || part.params == whole.params);
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

/* The contents of all PARAMS records of a good request, one after another. */
static size_t
join_params(const uint8_t *bytes, uint8_t *joined)
{
	size_t pos = 16, n = 0, content;

	for (;; pos += 8 + content + bytes[pos + 6]) {
		content = (size_t)(bytes[pos + 4] << 8 | bytes[pos + 5]);
		if (content == 0)
			return (n);
		memcpy(joined + n, bytes + pos + 8, content);
		n += content;
	}
}

static size_t
take_length(const uint8_t **at)
{
	const uint8_t *p = *at;

	if (p[0] < 0x80) {
		*at += 1;
		return (p[0]);
	}
	*at += 4;
	return ((size_t)(p[0] & 0x7f) << 24 | (size_t)p[1] << 16 |
	    (size_t)p[2] << 8 | p[3]);
}

/* Each NAME=VALUE of ${env} must be, in its order, what ${bytes} hold. */
static void
compare_params(const uint8_t *bytes, char *const *env, size_t count)
{
	static uint8_t joined[GATE_REQUEST_MAX];
	const uint8_t *at = joined, *end = joined + join_params(bytes, joined);
	size_t i, name, value;

	for (i = 0; i < count; i++) {
		MUST(at < end && env[i] != NULL);
		name = take_length(&at);
		value = take_length(&at);
		MUST(strlen(env[i]) == name + 1 + value);
		MUST(memcmp(env[i], at, name) == 0 && env[i][name] == '=');
		MUST(memcmp(env[i] + name + 1, at + name, value) == 0);
		at += name + value;
	}
	MUST(at == end && env[count] == NULL);
}

/* Hand it to libfcgi as a worker does. */
static void
parse(const uint8_t *bytes, size_t len, struct gate_seen seen)
{
	FCGX_Request request;
	int other;

	MUST(FCGX_InitRequest(&request, -1, 0) == 0);
	request.ipcFd = socket_with(bytes, len, &other);
	request.keepConnection = 1;
	(void)FCGX_Detach(&request);
	MUST(FCGX_Accept_r(&request) == 0);
	/* libfcgi puts a FCGI_ROLE of its own in front. */
	MUST(strncmp(request.envp[0], "FCGI_ROLE=", 10) == 0);
	compare_params(bytes, request.envp + 1, seen.params);
	MUST(request.requestId == seen.request_id);
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
	struct gate_seen whole;

	if (!ready)
		MUST(FCGX_Init() == 0);
	ready = 1;
	/* The door peeks no further. */
	if (len > GATE_REQUEST_MAX)
		len = GATE_REQUEST_MAX;
	whole = look(bytes, len);
	if (len > 0) {
		check_prefix(bytes, len - 1, len, whole);
		check_prefix(bytes, bytes[len / 2] * len / 256, len, whole);
	}
	MUST(!whole.keep || whole.guard == GATE_GUARD_COMPLETE);
	if (whole.guard == GATE_GUARD_COMPLETE)
		parse(bytes, len, whole);
	return (0);
}
