/*
 * What access tokens cost, against bare Ed25519 of libsodium over the same
 * bytes and against the check of a session's own token.  Both sides run in
 * turn, round by round; see figure.h.
 *
 *     bench_jwt DIRECTORY
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/base64url.h"
#include "base/buf.h"
#include "figure.h"
#include "jwt/jwt.h"
#include "jwt/keys.h"

#define TIMES 500 /* in a round */

struct setup {
	struct lk_settings *settings;
	struct lk_manager *m;
	struct lk_token token, access;
	uint8_t signature[crypto_sign_BYTES];
	size_t signed_len;
};

static void
write_file(const char *directory, const char *name, const char *text)
{
	char path[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	if ((file = fopen(path, "we")) == NULL || fputs(text, file) < 0 ||
	    fclose(file) != 0)
		die("cannot write a file");
}

static void
open_setup(struct setup *s, const char *directory)
{
	struct lk_buf jwk = LK_BUF_INIT(4096);
	struct lk_error error = { "" };
	char text[2048], path[512];
	const char *dot;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/jwt-key", directory);
	if (lk_jwt_keygen(path, &jwk, &error) != LK_OK)
		die(error.text);
	write_file(directory, "jwt-pub", jwk.data);
	(void)snprintf(text, sizeof(text),
	    "store = { sqlite = { path = \"%s/jwt.db\"; }; };\n"
	    "jwt = { issuer = \"https://id.example.org\"; "
	    "audience = [ \"https://api.example.org\" ]; ttl = 86400; "
	    "sign = \"%s\"; verify = [ \"%s/jwt-pub\" ]; };\n",
	    directory, path, directory);
	write_file(directory, "jwt.conf", text);
	(void)snprintf(path, sizeof(path), "%s/jwt.conf", directory);
	if (lk_settings_load(path, &s->settings, &error) != LK_OK ||
	    lk_manager_new(s->settings, NULL, &s->m, &error) != LK_OK)
		die(error.text);
	if (lk_issue(s->m, "alice", NULL, &s->token, NULL) != LK_OK ||
	    lk_access_issue(s->m, &s->token, NULL, &s->access, NULL) != LK_OK)
		die(lk_manager_error(s->m));
	if ((dot = strrchr(s->access.text, '.')) == NULL ||
	    lk_base64url_decode(dot + 1, strlen(dot + 1), s->signature,
	        sizeof(s->signature), &len) != LK_OK)
		die("no signature");
	s->signed_len = (size_t)(dot - s->access.text);
	lk_buf_free(&jwk);
}

static void
bare(struct setup *s)
{
	int i;

	for (i = 0; i < TIMES; i++) {
		if (crypto_sign_verify_detached(s->signature,
		        (const unsigned char *)s->access.text, s->signed_len,
		        s->settings->jwt.keys->v[0].public) != 0)
			die("the signature is wrong");
	}
}

static void
verify(struct setup *s)
{
	struct lk_session session;
	int i;

	for (i = 0; i < TIMES; i++) {
		if (lk_access_verify(s->settings, &s->access, 0, &session,
		        NULL) != LK_OK)
			die("the access token is refused");
	}
}

static void
check(struct setup *s, const struct lk_token *token)
{
	struct lk_session session;
	int i;

	for (i = 0; i < TIMES; i++) {
		if (lk_check(s->m, token, &session) != LK_OK)
			die(lk_manager_error(s->m));
	}
}

static void
issue(struct setup *s)
{
	struct lk_token access;
	int i;

	for (i = 0; i < TIMES; i++) {
		if (lk_access_issue(s->m, &s->token, NULL, &access, NULL) !=
		    LK_OK)
			die(lk_manager_error(s->m));
	}
}

int
main(int argc, char **argv)
{
	double cost[ROUNDS], ratio[ROUNDS], both[ROUNDS], rate[ROUNDS], at[6];
	struct setup s;
	size_t i;

	if (argc != 2)
		die("usage: bench_jwt DIRECTORY");
	open_setup(&s, argv[1]);
	for (i = 0; i < ROUNDS; i++) {
		at[0] = seconds();
		bare(&s);
		at[1] = seconds();
		verify(&s);
		at[2] = seconds();
		check(&s, &s.token);
		at[3] = seconds();
		check(&s, &s.access);
		at[4] = seconds();
		issue(&s);
		at[5] = seconds();
		cost[i] = (at[2] - at[1]) / TIMES * 1e6;
		ratio[i] = (at[2] - at[1]) / (at[1] - at[0]);
		both[i] = (at[4] - at[3]) / (at[3] - at[1]);
		rate[i] = TIMES / (at[5] - at[4]);
	}
	print_figure("jwt_verify", median(cost, ROUNDS), "us");
	print_goal("jwt_verify_to_bare_ed25519", median(ratio, ROUNDS),
	    "<=", 1.10);
	print_goal("jwt_check_to_opaque_check_and_verify", median(both, ROUNDS),
	    "<=", 1.10);
	print_figure("jwt_issue", median(rate, ROUNDS), "per_second");
	lk_manager_free(s.m);
	lk_settings_free(s.settings);
	return (0);
}
