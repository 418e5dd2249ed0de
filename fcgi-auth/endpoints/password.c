#include <errno.h>
#include <string.h>
#include <strings.h>
#include <stdlib.h>

#include <sodium.h>

#include "base/error.h"
#include "base/stream.h"
#include "endpoints/password.h"
#include "jwt/jwt.h"
#include "session/token.h"
#include "session/user.h"
#include "user/run.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* ---- Before anybody is asked --------------------------------------------- */

/* Cut the realm of the settings off, if ${name} has that. */
static void
cut_realm(const char *realm, char *name)
{
	char *at = strrchr(name, '@');

	if (at != NULL && realm[0] != '\0' && strcasecmp(at + 1, realm) == 0)
		*at = '\0';
}

/* One character of UTF-8 may have another case, form or width; ASCII's letters
 * have but one other. */
static bool
is_plain(const char *name)
{
	return (name[0] != '\0' && name[0] != '-' &&
	    strspn(name, LOWER "0123456789._-") == strlen(name));
}

bool
gate_password_name(const struct lk_login_settings *login, const char *typed,
    char name[GATE_NAME_MAX + 1])
{
	char *c;

	name[0] = '\0';
	if (strlen(typed) > GATE_NAME_MAX || !lk_user_id_fits(typed))
		return (false);
	memcpy(name, typed, strlen(typed) + 1);
	/* A program says itself whose it is. */
	if (login->check == LK_LOGIN_EXEC || login->names == LK_NAMES_EXACT)
		return (true);
	if (login->names == LK_NAMES_FOLD) {
		cut_realm(login->realm, name);
		for (c = name; *c != '\0'; c++) {
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c - 'A' + 'a');
		}
	}
	return (is_plain(name));
}

bool
gate_password_may_be(const struct lk_settings *settings, const char *password)
{
	const size_t len = strlen(password);
	struct lk_token token;
	bool is_token;

	if (len == 0 || len > GATE_PASSWORD_MAX)
		return (false);
	is_token = lk_token_set(&token, password, len) == LK_OK &&
	    (lk_token_has_shape(&token) || lk_jwt_has_shape(settings, &token));
	lk_token_wipe(&token);
	return (!is_token);
}

/* ---- saslauthd -------------------------------------------------------------
 * What is asked are four strings, name, password, service and realm, and the
 * answer is one, each behind two bytes with its length. */

/* Longest answer: "OK" or "NO", and a reason. */
#define ANSWER_MAX 1024

static void
add_counted(struct lk_buf *out, const char *text)
{
	const size_t len = strlen(text);

	lk_buf_add(out, (const char[]){ (char)(len >> 8), (char)len }, 2);
	lk_buf_add(out, text, len);
}

/* Read ${len} bytes, all of them. */
static enum lk_status
receive(struct lk_stream *stream, char *bytes, size_t len,
    struct lk_deadline deadline, struct lk_error *error)
{
	size_t have = 0;
	ssize_t n;

	while (have < len) {
		n = lk_stream_receive(stream, bytes + have, len - have,
		    deadline);
		if (n <= 0)
			return (lk_fail(error,
			    n < 0 && errno == ETIMEDOUT ? LK_E_TIMEOUT
			                                : LK_E_STORE,
			    "saslauthd: %s",
			    n == 0 ? "half an answer" : strerror(errno)));
		have += (size_t)n;
	}
	return (LK_OK);
}

/* What an answer says.  "NO" also begins what it says of its own troubles. */
static enum lk_status
judge(const char *answer, struct lk_error *error)
{
	static const char *const troubles[] = { "internal error", "start error",
		"mechanism unavailable" };
	const bool ends = answer[0] != '\0' && answer[1] != '\0' &&
	    (answer[2] == '\0' || answer[2] == ' ');
	size_t i;

	if (ends && memcmp(answer, "OK", 2) == 0)
		return (LK_OK);
	if (!ends || memcmp(answer, "NO", 2) != 0)
		return (lk_fail(error, LK_E_CORRUPT,
		    "saslauthd: that is no answer"));
	for (i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
		if (strstr(answer, troubles[i]) != NULL)
			return (lk_fail(error, LK_E_STORE, "saslauthd: %s",
			    troubles[i]));
	}
	return (LK_NO_USER);
}

static enum lk_status
converse(struct lk_stream *stream, const struct lk_buf *question,
    struct lk_deadline deadline, struct lk_error *error)
{
	char answer[ANSWER_MAX + 1];
	unsigned char count[2];
	enum lk_status status = LK_FAULT;
	size_t sent, len;
	int why;

	why = lk_stream_send(stream, question->data, question->len, deadline,
	    &sent);
	if (why != 0)
		return (
		    lk_fail(error, why == ETIMEDOUT ? LK_E_TIMEOUT : LK_E_STORE,
		        "saslauthd: %s", strerror(why)));
	status = receive(stream, (char *)count, 2, deadline, error);
	len = (size_t)(count[0] << 8 | count[1]);
	if (status == LK_OK && len > ANSWER_MAX)
		return (lk_fail(error, LK_E_CORRUPT,
		    "saslauthd: that is no answer"));
	if (status == LK_OK)
		status = receive(stream, answer, len, deadline, error);
	if (status != LK_OK)
		return (status);
	answer[len] = '\0';
	return (judge(answer, error));
}

static enum lk_status
ask_saslauthd(const struct lk_login_settings *login, const char *name,
    const char *password, struct lk_deadline deadline, struct lk_error *error)
{
	struct lk_buf question = LK_BUF_INIT(4 * (UINT16_MAX + 2));
	struct lk_stream stream = { .ops = NULL };
	struct lk_address address = { .is_unix = true };
	enum lk_status status = LK_FAULT;
	const char *why;
	uid_t peer;

	/* The settings have taken no longer path. */
	memcpy(address.path, login->socket, strlen(login->socket) + 1);
	/* All in one piece, so that nothing of it stays elsewhere. */
	if (lk_buf_room(&question, 2048) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	status = lk_stream_connect(&stream, &address, deadline, &why);
	if (status != LK_OK)
		status = lk_fail(error, status, "%s: connect: %s",
		    login->socket, why);
	/* Whoever listens there hears passwords. */
	else if (!lk_stream_peer(&stream, &peer) || peer != 0)
		status = lk_fail(error, LK_E_SETTINGS,
		    "%s: who listens there is not root", login->socket);
	if (status == LK_OK) {
		add_counted(&question, name);
		add_counted(&question, password);
		add_counted(&question, login->service);
		add_counted(&question, login->realm);
		status = question.failed
		    ? lk_fail(error, LK_E_NOMEM, "out of memory")
		    : converse(&stream, &question, deadline, error);
	}
	lk_stream_close(&stream);
	lk_buf_free(&question);
	return (status);
}

/* ---- A program ----------------------------------------------------------- */

/* The one line that it has printed is whose the password is. */
static enum lk_status
read_user(const char *program, const struct lk_buf *printed,
    char user[LK_USER_ID_MAX + 1], struct lk_error *error)
{
	const char *text = printed->len == 0 ? "" : printed->data;
	const size_t len = strcspn(text, "\n");

	if (len <= LK_USER_ID_MAX && strlen(text) == printed->len &&
	    printed->len - len <= 1) {
		memcpy(user, text, len);
		user[len] = '\0';
		if (lk_user_id_fits(user))
			return (LK_OK);
	}
	user[0] = '\0';
	return (lk_fail(error, LK_E_CORRUPT,
	    "%s: expected a user id on its output", program));
}

static enum lk_status
ask_program(const struct lk_login_settings *login, const char *name,
    const char *password, struct lk_deadline deadline,
    char user[LK_USER_ID_MAX + 1], struct lk_error *error)
{
	char bytes[GATE_NAME_MAX + GATE_PASSWORD_MAX + 2];
	struct lk_child_input input = { bytes, 0 };
	const char *program = login->command.v[0];
	enum lk_status status = LK_FAULT;
	struct lk_buf printed;
	int code;

	char **argv = calloc(login->command.n + 1, sizeof(*argv));

	if (argv == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	memcpy(argv, login->command.v, login->command.n * sizeof(*argv));
	memcpy(bytes, name, strlen(name) + 1);
	input.len = strlen(name) + 1;
	memcpy(bytes + input.len, password, strlen(password) + 1);
	input.len += strlen(password) + 1;
	status = lk_run(argv, &input, deadline, LK_USER_ID_MAX + 1, &printed,
	    &code, error);
	sodium_memzero(bytes, sizeof(bytes));
	if (status == LK_OK && code == 1)
		status = LK_NO_USER;
	else if (status == LK_OK && code != 0)
		status = lk_fail(error, LK_E_STORE, "%s: exit status %d",
		    program, code);
	else if (status == LK_OK)
		status = read_user(program, &printed, user, error);
	lk_buf_free(&printed);
	free(argv);
	return (status);
}

enum lk_status
gate_password_check(const struct lk_login_settings *login, const char *name,
    const char *password, char user[LK_USER_ID_MAX + 1], struct lk_error *error)
{
	const struct lk_deadline deadline = lk_deadline_in(login->timeout_ms);
	enum lk_status status = LK_FAULT;

	user[0] = '\0';
	if (login->check == LK_LOGIN_EXEC)
		return (
		    ask_program(login, name, password, deadline, user, error));
	if (login->check != LK_LOGIN_SASLAUTHD)
		return (LK_FAULT);
	status = ask_saslauthd(login, name, password, deadline, error);
	if (status == LK_OK)
		memcpy(user, name, strlen(name) + 1);
	return (status);
}
