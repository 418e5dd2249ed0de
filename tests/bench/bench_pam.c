/*
 * What a login by a session costs inside a host: one pam_authenticate(), which
 * reads the settings, connects, checks and closes, beside the bare connect,
 * GET and close that it cannot do without.  Both take turns, round by round.
 *
 *     bench_pam CONFDIR SERVICE ADDRESS   (the token and the key, a line each,
 *                                          on standard input)
 *
 * ADDRESS is a path or a port of 127.0.0.1.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hiredis/hiredis.h>
#include <security/pam_appl.h>

#include "figure.h"

#define LOGINS 200 /* in a round */
#define LINE_MAX_ 512

static char token[LINE_MAX_], key[LINE_MAX_];

static void
read_line(char line[LINE_MAX_])
{
	if (fgets(line, LINE_MAX_, stdin) == NULL)
		die("no token and key to read");
	line[strcspn(line, "\n")] = '\0';
}

static int
converse(int count, const struct pam_message **messages,
    struct pam_response **responses, void *arg)
{
	struct pam_response *r = calloc((size_t)count, sizeof(*r));

	(void)arg;
	if (r == NULL)
		return (PAM_BUF_ERR);
	if (count == 1 && messages[0]->msg_style == PAM_PROMPT_ECHO_OFF)
		r[0].resp = strdup(token);
	*responses = r;
	return (PAM_SUCCESS);
}

static void
log_in(pam_handle_t *handle)
{
	int i;

	for (i = 0; i < LOGINS; i++) {
		if (pam_authenticate(handle, 0) != PAM_SUCCESS)
			die("a login failed");
	}
}

/* What any client has to do: connect, ask, read, close. */
static void
ask(const char *address)
{
	redisContext *redis;
	redisReply *reply;
	int i;

	for (i = 0; i < LOGINS; i++) {
		redis = address[0] == '/'
		    ? redisConnectUnix(address)
		    : redisConnect("127.0.0.1",
		          (int)strtol(address, NULL, 10));
		if (redis == NULL || redis->err != 0)
			die("cannot reach Redis");
		reply = redisCommand(redis, "GET %s", key);
		if (reply == NULL || reply->type != REDIS_REPLY_STRING)
			die("a GET failed");
		freeReplyObject(reply);
		redisFree(redis);
	}
}

int
main(int argc, char **argv)
{
	const struct pam_conv conv = { .conv = converse };
	double ratios[ROUNDS], logins[ROUNDS], asks[ROUNDS], start;
	const char *transport;
	pam_handle_t *handle = NULL;
	char name[64];
	int i;

	if (argc != 4)
		die("usage: bench_pam CONFDIR SERVICE ADDRESS");
	transport = argv[3][0] == '/' ? "unix" : "tcp";
	read_line(token);
	read_line(key);
	if (pam_start_confdir(argv[2], "alice", &conv, argv[1], &handle) !=
	    PAM_SUCCESS)
		die("cannot start PAM");
	log_in(handle);
	ask(argv[3]);
	for (i = 0; i < ROUNDS; i++) {
		start = seconds();
		log_in(handle);
		logins[i] = (seconds() - start) / LOGINS * 1e6;
		start = seconds();
		ask(argv[3]);
		asks[i] = (seconds() - start) / LOGINS * 1e6;
		ratios[i] = logins[i] / asks[i];
	}
	(void)pam_end(handle, PAM_SUCCESS);
	(void)snprintf(name, sizeof(name), "pam_login_%s", transport);
	print_figure(name, median(logins, ROUNDS), "us");
	(void)snprintf(name, sizeof(name), "bare_connect_get_close_%s",
	    transport);
	print_figure(name, median(asks, ROUNDS), "us");
	(void)snprintf(name, sizeof(name), "pam_login_to_bare_%s", transport);
	print_goal(name, median(ratios, ROUNDS), "<=", 1.3);
	return (0);
}
