/*
 * What the gate is measured against: a stock libfcgi authorizer that decides
 * nothing.  Threads that accept, answer and finish as the library's own
 * example does.
 *
 * usage: noop /path/of/socket THREADS STATUS
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <fcgiapp.h>

#define THREADS_MAX 64
#define BACKLOG 4096

struct noop {
	int socket;
	const char *reply;
};

/* What the gate says: the web server has as much to read and to pass on. */
static const char denial[] =
    "Status: 401 Unauthorized\r\n"
    "Cache-Control: no-store\r\n"
    "WWW-Authenticate: Basic realm=\"latchkey\", charset=\"UTF-8\"\r\n"
    "WWW-Authenticate: Bearer realm=\"latchkey\"\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "\r\n"
    "A session token is needed.\n"
    "It is looked for in Authorization: Bearer, the cookie latchkey, the "
    "header X-Session-Token, the password of HTTP Basic.\n";
static const char allowance[] =
    "Status: 200 OK\r\n"
    "Variable-LATCHKEY_USER: alice\r\n"
    "Variable-LATCHKEY_SESSION: "
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"
    "Variable-LATCHKEY_EXPIRES: 1800000000\r\n"
    "Variable-REMOTE_USER: alice\r\n"
    "\r\n";

static void *
work(void *arg)
{
	static pthread_mutex_t accepting = PTHREAD_MUTEX_INITIALIZER;
	const struct noop *noop = arg;
	FCGX_Request request;
	int result;

	if (FCGX_InitRequest(&request, noop->socket, 0) != 0)
		return (NULL);
	for (;;) {
		(void)pthread_mutex_lock(&accepting);
		result = FCGX_Accept_r(&request);
		(void)pthread_mutex_unlock(&accepting);
		if (result < 0)
			return (NULL);
		(void)FCGX_PutS(noop->reply, request.out);
		FCGX_Finish_r(&request);
	}
}

int
main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	struct noop noop;
	int i, count;

	if (argc != 4 || (count = atoi(argv[2])) < 1 || count > THREADS_MAX) {
		(void)fprintf(stderr, "usage: noop SOCKET THREADS STATUS\n");
		return (2);
	}
	/* libfcgi would only interrupt an accept. */
	if (FCGX_Init() != 0 || signal(SIGTERM, SIG_DFL) == SIG_ERR)
		return (1);
	noop.reply = atoi(argv[3]) == 200 ? allowance : denial;
	if ((noop.socket = FCGX_OpenSocket(argv[1], BACKLOG)) < 0)
		return (1);
	for (i = 0; i < count; i++) {
		if (pthread_create(&threads[i], NULL, work, &noop) != 0)
			return (1);
	}
	for (i = 0; i < count; i++)
		(void)pthread_join(threads[i], NULL);
	return (0);
}
