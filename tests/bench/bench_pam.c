/*
 * What a login by a session costs inside a host: one pam_authenticate() with
 * pam_latchkey, which reads the settings, connects, checks and closes, beside
 * one of another service: of pam_bare, which connects, asks and closes, or of
 * pam_latchkey by another way.  Both take turns, round by round.
 *
 *     bench_pam CONFDIR SERVICE OTHER-SERVICE NAME GOAL   (the token on stdin)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <security/pam_appl.h>

#include "figure.h"

#define LOGINS 200 /* in a round */
#define TOKEN_SIZE 512

static char token[TOKEN_SIZE];

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

static pam_handle_t *
start(const char *service, const char *confdir)
{
	static const struct pam_conv conv = { .conv = converse };
	pam_handle_t *handle = NULL;

	if (pam_start_confdir(service, "alice", &conv, confdir, &handle) !=
	    PAM_SUCCESS)
		die("cannot start PAM");
	return (handle);
}

/* Microseconds that a login takes. */
static double
log_in(pam_handle_t *handle)
{
	const double began = seconds();
	int i;

	for (i = 0; i < LOGINS; i++) {
		if (pam_authenticate(handle, 0) != PAM_SUCCESS)
			die("a login failed");
	}
	return ((seconds() - began) / LOGINS * 1e6);
}

static void
print_median(const char *other, const char *transport, double *values)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "pam_login%s%s_%s",
	    other[0] == '\0' ? "" : "_", other, transport);
	print_figure(name, median(values, ROUNDS), "us");
}

int
main(int argc, char **argv)
{
	double ratios[ROUNDS], logins[ROUNDS], bare[ROUNDS];
	pam_handle_t *ours, *theirs;
	char name[64];
	int i;

	if (argc != 6)
		die("usage: bench_pam CONFDIR SERVICE OTHER-SERVICE NAME GOAL");
	if (fgets(token, sizeof(token), stdin) == NULL)
		die("no token to read");
	token[strcspn(token, "\n")] = '\0';
	ours = start(argv[2], argv[1]);
	theirs = start(argv[3], argv[1]);
	(void)log_in(ours);
	(void)log_in(theirs);
	for (i = 0; i < ROUNDS; i++) {
		logins[i] = log_in(ours);
		bare[i] = log_in(theirs);
		ratios[i] = logins[i] / bare[i];
	}
	(void)pam_end(ours, PAM_SUCCESS);
	(void)pam_end(theirs, PAM_SUCCESS);
	print_median("", argv[4], logins);
	print_median(argv[3], argv[4], bare);
	(void)snprintf(name, sizeof(name), "pam_login_to_%s_%s", argv[3],
	    argv[4]);
	print_goal(name, median(ratios, ROUNDS), "<=", strtod(argv[5], NULL));
	return (0);
}
