/*
 * Fuzz target: the PAM module between a host and a Redis that say anything,
 * while memory, system calls and libpam fail.  An input is text:
 *
 *     MMSSPP     hex: which allocation, system call, call of libpam fails (0:
 *                none); from the 128th on, counted again, all of them do
 *     options    separated by |
 *     user
 *     token
 *     what Redis answers, up to the end
 *
 * Whatever happens, nobody is let in but by a record of his token's digest and
 * his name, PAM_IGNORE is never authenticate's answer, and no token is in the
 * log.
 */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <security/pam_appl.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "fuzz.h"
#include "latchkey.h"
#include "session/token.h"

#define OPTIONS_MAX 12
#define FIELD_MAX 5000
#define REPLY_CHUNK 7000

unsigned long fuzz_pam_let_in;

/* Declared by no header: the linker hands calls to them. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
/* What _FORTIFY_SOURCE makes of two of them. */
ssize_t __wrap___recv_chk(int fd, void *bytes, size_t len, size_t room,
    int flags);
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout,
    size_t room);

/* Which one of its kind fails next, and from where on all do. */
struct failing {
	unsigned int left;
	bool always;
};

struct pam_handle {
	char asked[FIELD_MAX + 1]; /* who wants to log in */
	char user[FIELD_MAX + 1];  /* PAM_USER */
	char token[FIELD_MAX + 1];
	const uint8_t *reply;
	size_t reply_len;
	struct failing memory, system, pam;
	bool told;    /* the options hold the token */
	bool running; /* failures are for the module, not for the target */
	bool again;   /* the host wants to be asked again */
	char *authtok;
	char env[1024];
	void *data;
	void (*cleanup)(pam_handle_t *handle, void *data, int status);
};

static struct pam_handle now;

static bool
fails(struct failing *failing)
{
	if (!now.running || failing->left == 0)
		return (false);
	if (--failing->left > 0)
		return (false);
	failing->left = failing->always ? 1 : 0;
	return (true);
}

static void
insist(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_pam: %s\n", what);
	abort();
}

/* ---- Memory and system calls -------------------------------------------- */

void *
__wrap_malloc(size_t size)
{
	return (fails(&now.memory) ? NULL : __real_malloc(size));
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return (fails(&now.memory) ? NULL : __real_calloc(count, size));
}

char *
__wrap_strdup(const char *text)
{
	return (fails(&now.memory) ? NULL : __real_strdup(text));
}

int
__wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	(void)fd;
	(void)address;
	(void)len;
	if (!fails(&now.system))
		return (0);
	errno = ECONNREFUSED;
	return (-1);
}

ssize_t
__wrap_send(int fd, const void *bytes, size_t len, int flags)
{
	(void)fd;
	(void)bytes;
	insist((flags & MSG_NOSIGNAL) != 0, "a send that may raise SIGPIPE");
	if (!fails(&now.system))
		return ((ssize_t)len);
	errno = EPIPE;
	return (-1);
}

ssize_t
__wrap_recv(int fd, void *bytes, size_t len, int flags)
{
	size_t n = now.reply_len < len ? now.reply_len : len;

	(void)fd;
	if (fails(&now.system)) {
		errno = ECONNRESET;
		return (-1);
	}
	if (n > REPLY_CHUNK)
		n = REPLY_CHUNK;
	memcpy(bytes, now.reply, n);
	if ((flags & MSG_PEEK) == 0) {
		now.reply += n;
		now.reply_len -= n;
	}
	return ((ssize_t)n);
}

int
__wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	nfds_t i;

	(void)timeout;
	if (fails(&now.system))
		return (0);
	for (i = 0; i < count; i++)
		fds[i].revents = fds[i].events;
	return ((int)count);
}

ssize_t
__wrap___recv_chk(int fd, void *bytes, size_t len, size_t room, int flags)
{
	insist(len <= room, "a recv beyond its buffer");
	return (__wrap_recv(fd, bytes, len, flags));
}

int
__wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
	insist(count <= room / sizeof(*fds), "a poll beyond its array");
	return (__wrap_poll(fds, count, timeout));
}

/* ---- libpam ------------------------------------------------------------- */

/* As Linux-PAM answers: a host that wants to be asked again, or does not
 * answer, may be behind either question, and nothing else is. */
int
pam_get_user(pam_handle_t *handle, const char **user, const char *prompt)
{
	(void)prompt;
	*user = NULL;
	if (fails(&handle->pam)) {
		handle->again = true;
		return (PAM_INCOMPLETE);
	}
	*user = handle->user;
	return (PAM_SUCCESS);
}

int
pam_get_item(const pam_handle_t *handle, int which, const void **text)
{
	*text = NULL;
	if (which == PAM_AUTHTOK)
		*text = handle->authtok;
	if (which == PAM_USER)
		*text = handle->user;
	return (PAM_SUCCESS);
}

int
pam_set_item(pam_handle_t *handle, int which, const void *text)
{
	insist(which == PAM_USER || which == PAM_AUTHTOK,
	    "another item is set");
	if (fails(&handle->pam))
		return (PAM_BUF_ERR);
	if (which == PAM_AUTHTOK) {
		free(handle->authtok);
		handle->authtok = __real_strdup(text);
		return (PAM_SUCCESS);
	}
	(void)snprintf(handle->user, sizeof(handle->user), "%s",
	    (const char *)text);
	return (PAM_SUCCESS);
}

int
pam_set_data(pam_handle_t *handle, const char *name, void *data,
    void (*cleanup)(pam_handle_t *handle, void *data, int status))
{
	(void)name;
	if (fails(&handle->pam))
		return (PAM_BUF_ERR);
	if (handle->data != NULL && handle->cleanup != NULL)
		handle->cleanup(handle, handle->data, 0);
	handle->data = data;
	handle->cleanup = cleanup;
	return (PAM_SUCCESS);
}

int
pam_get_data(const pam_handle_t *handle, const char *name, const void **data)
{
	(void)name;
	*data = handle->data;
	return (handle->data != NULL && !fails(&now.pam) ? PAM_SUCCESS
	                                                 : PAM_NO_MODULE_DATA);
}

int
pam_putenv(pam_handle_t *handle, const char *variable)
{
	if (fails(&handle->pam))
		return (PAM_BUF_ERR);
	(void)snprintf(handle->env, sizeof(handle->env), "%s",
	    strchr(variable, '=') != NULL ? variable : "");
	return (PAM_SUCCESS);
}

const char *
pam_getenv(pam_handle_t *handle, const char *name)
{
	const size_t len = strlen(name);

	return (strncmp(handle->env, name, len) == 0 &&
	            handle->env[len] == '='
	        ? handle->env + len + 1
	        : NULL);
}

int
pam_prompt(pam_handle_t *handle, int style, char **answer, const char *format,
    ...)
{
	(void)handle;
	(void)format;
	if (style == PAM_ERROR_MSG) {
		insist(answer == NULL, "a message with an answer");
		return (PAM_CONV_ERR);
	}
	insist(style == PAM_PROMPT_ECHO_OFF && answer != NULL,
	    "a token with an echo");
	*answer = NULL;
	if (fails(&handle->pam)) {
		handle->again = true;
		return (PAM_CONV_AGAIN);
	}
	/* A host may have nothing to say. */
	if (!fails(&handle->pam))
		*answer = __real_strdup(handle->token);
	return (PAM_SUCCESS);
}

/* Long enough to be no accident, and the part of a token that is secret. */
static bool
is_secret(const char *token)
{
	return (strlen(token) >= 60 && strncmp(token, "lk_", 3) == 0);
}

void
pam_syslog(const pam_handle_t *handle, int priority, const char *format, ...)
{
	char line[8192];
	va_list ap;

	(void)priority;
	va_start(ap, format);
	(void)vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	/* Who types the token as a name or an option has told it himself. */
	if (is_secret(handle->token) && strlen(handle->user) < 20 &&
	    !handle->told)
		insist(strstr(line, handle->token + 30) == NULL,
		    "a token in the log");
}

int
pam_fail_delay(pam_handle_t *handle, unsigned int us)
{
	(void)handle;
	insist(us <= 10000000, "a long delay");
	return (PAM_SUCCESS);
}

/* ---- An input ----------------------------------------------------------- */

/* Take a line as a string of at most FIELD_MAX bytes. */
static void
take_line(const uint8_t **bytes, size_t *len, char line[FIELD_MAX + 1])
{
	const uint8_t *end = *len > 0 ? memchr(*bytes, '\n', *len) : NULL;
	size_t n = end != NULL ? (size_t)(end - *bytes) : *len;
	size_t used = n < FIELD_MAX ? n : FIELD_MAX;

	if (used > 0)
		memcpy(line, *bytes, used);
	line[used] = '\0';
	n += end != NULL;
	*bytes += n;
	*len -= n;
}

static struct failing
plan_of(const char *hex)
{
	char two[3] = { hex[0], hex[0] != '\0' ? hex[1] : '\0', '\0' };
	unsigned int n = (unsigned int)strtoul(two, NULL, 16);

	return ((struct failing){ n & 0x7f, n >= 0x80 });
}

/* The settings file, once. */
static const char *
settings_option(void)
{
	static char option[64];
	char path[] = "/tmp/latchkey-fuzz-XXXXXX";
	static const char text[] =
	    "store = { backend = \"redis\"; redis = { address = "
	    "\"127.0.0.1:1\"; }; };\n";
	int fd;

	if (option[0] != '\0')
		return (option);
	fd = mkstemp(path);
	insist(fd >= 0 &&
	        write(fd, text, sizeof(text) - 1) == sizeof(text) - 1,
	    "no settings file");
	(void)close(fd);
	(void)snprintf(option, sizeof(option), "conf=%s", path);
	return (option);
}

static void
remove_settings(void)
{
	(void)unlink(settings_option() + strlen("conf="));
}

/* Split the options, behind the one that names the settings. */
static int
split_options(char *text, const char *argv[OPTIONS_MAX + 1])
{
	int argc = 1;
	char *p;

	argv[0] = settings_option();
	for (p = text; p != NULL && *p != '\0' && argc < OPTIONS_MAX;) {
		argv[argc++] = p;
		if ((p = strchr(p, '|')) != NULL)
			*p++ = '\0';
	}
	return (argc);
}

/* Whether Redis has said the whole record of this token and user. */
static bool
was_told(const uint8_t *reply, size_t len)
{
	struct lk_token token;
	struct lk_token_key key;
	char digest[LK_DIGEST_TEXT_LEN + 1];

	if (lk_token_set(&token, now.token, strlen(now.token)) != LK_OK ||
	    lk_token_parse(&token, &key) != LK_OK)
		return (false);
	lk_base64url(key.digest, LK_DIGEST_LEN, digest);
	return (memmem(reply, len, digest, strlen(digest)) != NULL &&
	    memmem(reply, len, now.asked, strlen(now.asked)) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static char plan[FIELD_MAX + 1], options[FIELD_MAX + 1];
	const char *argv[OPTIONS_MAX + 1];
	const uint8_t *reply;
	size_t reply_len;
	static bool ready;
	int argc, code;

	if (!ready && atexit(remove_settings) == 0)
		ready = true;
	memset(&now, 0, sizeof(now));
	take_line(&bytes, &len, plan);
	take_line(&bytes, &len, options);
	take_line(&bytes, &len, now.user);
	memcpy(now.asked, now.user, sizeof(now.asked));
	take_line(&bytes, &len, now.token);
	/* What a module before has asked for. */
	if (strstr(options, "first_pass") != NULL)
		now.authtok = __real_strdup(now.token);
	now.reply = reply = bytes;
	now.reply_len = reply_len = len;
	now.told = strlen(now.token) > 30 &&
	    strstr(options, now.token + 30) != NULL;
	argc = split_options(options, argv);
	now.memory = plan_of(plan);
	now.system = plan_of(plan[0] != '\0' && plan[1] != '\0' ? plan + 2
	                                                        : "");
	now.pam = plan_of(strlen(plan) >= 4 ? plan + 4 : "");

	now.running = true;
	code = pam_sm_authenticate(&now, 0, argc, argv);
	insist(code != PAM_IGNORE, "PAM_IGNORE for an answer");
	insist(!now.again || code == PAM_INCOMPLETE,
	    "a host that wants to be asked again is refused");
	if (code == PAM_SUCCESS) {
		insist(was_told(reply, reply_len), "let in for no reason");
		insist(now.data != NULL && now.env[0] != '\0',
		    "let in and forgotten");
		fuzz_pam_let_in++;
	} else
		insist(now.data == NULL && now.env[0] == '\0',
		    "refused and remembered");
	insist(pam_sm_setcred(&now, PAM_ESTABLISH_CRED, argc, argv) ==
	        PAM_SUCCESS,
	    "setcred has an opinion");
	code = pam_sm_acct_mgmt(&now, 0, argc, argv);
	insist(code != PAM_IGNORE || (now.data == NULL && now.env[0] == '\0'),
	    "PAM_IGNORE for a session");
	(void)pam_sm_open_session(&now, 0, argc, argv);
	(void)pam_sm_close_session(&now, 0, argc, argv);
	now.running = false;
	if (now.data != NULL && now.cleanup != NULL)
		now.cleanup(&now, now.data, 0);
	free(now.authtok);
	return (0);
}
