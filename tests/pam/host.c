/*
 * A PAM host that is hard to be a guest of: it exports functions of the names
 * that the module's libraries call, each of which ends the process; it keeps
 * an eye on what a guest may leave behind.
 *
 *     host CONFDIR SERVICE USER CYCLES   (the token on standard input, and
 *                                        below it other secrets)
 *
 * Each cycle logs in, twice over, and closes; the last line says what was left
 * behind after the first half as many, which load what is loaded once and give
 * memory the shape that it keeps:
 *
 *     code=0 fds=0 standard=same bytes=0 threads=1 signals=same maps=0 token=0
 *     secrets=0
 */
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <security/pam_appl.h>

#define MASK 0x55
#define TOKEN_MAX 4096
#define MAPS_MAX 512
#define SECRETS_MAX 4

/* ---- Traps ------------------------------------------------------------- */

#define TRAP(name)                                                    \
	__attribute__((visibility("default"))) void name(void);       \
	void name(void)                                               \
	{                                                             \
		static const char what[] = "the host's " #name        \
		                           " was called\n";           \
		(void)!write(STDERR_FILENO, what, sizeof(what) - 1);  \
		_exit(70);                                            \
	}

TRAP(redisConnectWithTimeout)
TRAP(redisFormatCommandArgv)
TRAP(redisFormatSdsCommandArgv)
TRAP(redisFreeCommand)
TRAP(redisReaderCreateWithFunctions)
TRAP(redisReaderFeed)
TRAP(redisReaderGetReply)
TRAP(redisReaderFree)
TRAP(cJSON_Parse)
TRAP(cJSON_CreateObject)
TRAP(cJSON_PrintUnformatted)
TRAP(cJSON_CreateStringReference)
TRAP(cJSON_Delete)
TRAP(config_init)
TRAP(config_read)
TRAP(config_read_string)
TRAP(config_destroy)
TRAP(sodium_init)
TRAP(sodium_memcmp)
TRAP(sodium_memzero)
TRAP(crypto_hash_sha256)
TRAP(sqlite3_open_v2)
TRAP(sqlite3_prepare_v2)
TRAP(sqlite3_step)
TRAP(lk_check)
TRAP(lk_settings_load)
TRAP(lk_manager_new)
TRAP(pam_decide)
TRAP(pthread_create)

/* The C library's own calls do not come here; a guest's would. */
__attribute__((visibility("default"))) char *
getenv(const char *name)
{
	fprintf(stderr, "the host's getenv(%s) was called\n", name);
	_exit(71);
}

/* ---- The conversation -------------------------------------------------- */

/* A secret, masked, so that it is found only where it was left behind. */
struct secret {
	char masked[TOKEN_MAX];
	size_t len;
};

/* The token, and those that the guest may read elsewhere. */
static struct secret token, secrets[SECRETS_MAX];

static char *
unmask(void)
{
	char *text = calloc(1, token.len + 1);
	size_t i;

	for (i = 0; text != NULL && i < token.len; i++)
		text[i] = (char)(token.masked[i] ^ MASK);
	return (text);
}

static int
converse(int count, const struct pam_message **messages,
    struct pam_response **responses, void *arg)
{
	struct pam_response *r = calloc((size_t)count, sizeof(*r));
	int i;

	(void)arg;
	if (r == NULL)
		return (PAM_BUF_ERR);
	for (i = 0; i < count; i++) {
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			r[i].resp = unmask();
	}
	*responses = r;
	return (PAM_SUCCESS);
}

/* ---- What a guest may leave behind -------------------------------------- */

struct traces {
	size_t fds;
	size_t bytes;
	size_t threads;
	size_t maps;
	size_t standard; /* descriptors 0 to 2, as bits */
	struct sigaction actions[NSIG];
};

static size_t
count_entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	if (dir != NULL)
		closedir(dir);
	return (n);
}

static size_t
count_lines(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t n = 0;
	int c;

	while (file != NULL && (c = getc(file)) != EOF)
		n += c == '\n';
	if (file != NULL)
		fclose(file);
	return (n);
}

static void
look(struct traces *t)
{
	int i;

	memset(t, 0, sizeof(*t));
	t->fds = count_entries("/proc/self/fd");
	t->threads = count_entries("/proc/self/task") - 2;
	t->maps = count_lines("/proc/self/maps");
	for (i = 1; i < NSIG; i++)
		(void)sigaction(i, NULL, &t->actions[i]);
	for (i = 0; i <= 2; i++)
		t->standard |= (size_t)(fcntl(i, F_GETFD) != -1) << i;
#ifdef __GLIBC__
	t->bytes = mallinfo2().uordblks;
#endif
}

static bool
same_signals(const struct traces *a, const struct traces *b)
{
	int i;

	for (i = 1; i < NSIG; i++) {
		if (a->actions[i].sa_handler != b->actions[i].sa_handler ||
		    a->actions[i].sa_flags != b->actions[i].sa_flags)
			return (false);
	}
	return (true);
}

/* Whether the secret's last part stands at ${p}. */
static bool
is_secret(const struct secret *secret, const char *p, size_t from)
{
	size_t i;

	for (i = from; i < secret->len; i++) {
		if ((char)(p[i - from] ^ MASK) != secret->masked[i])
			return (false);
	}
	return (true);
}

/* How often the second half of a secret is in our writable memory. */
static size_t
find_secret(const struct secret *secret)
{
	const size_t from = secret->len / 2, len = secret->len - from;
	static struct range { char *start, *end; } ranges[MAPS_MAX];
	FILE *file = fopen("/proc/self/maps", "r");
	char line[512], mode[8];
	size_t n = 0, found = 0, i;
	char *p;

	/* First the list, and then the look: reading it moves memory. */
	while (file != NULL && n < MAPS_MAX &&
	    fgets(line, sizeof(line), file) != NULL) {
		void *start, *end;

		if (sscanf(line, "%p-%p %7s", &start, &end, mode) == 3 &&
		    mode[0] == 'r' && mode[1] == 'w' &&
		    strstr(line, "[vvar]") == NULL) {
			ranges[n].start = start;
			ranges[n++].end = end;
		}
	}
	if (file != NULL)
		fclose(file);
	for (i = 0; i < n; i++) {
		for (p = ranges[i].start; p + len <= ranges[i].end; p++)
			found += is_secret(secret, p, from);
	}
	return (found);
}

/* ---- Logging in -------------------------------------------------------- */

static int
log_in(const char *confdir, const char *service, const char *user)
{
	const struct pam_conv conv = { .conv = converse };
	pam_handle_t *handle = NULL;
	int code;

	code = pam_start_confdir(service, user, &conv, confdir, &handle);
	if (code != PAM_SUCCESS)
		return (code);
	if ((code = pam_authenticate(handle, 0)) == PAM_SUCCESS &&
	    (code = pam_setcred(handle, PAM_ESTABLISH_CRED)) == PAM_SUCCESS &&
	    (code = pam_acct_mgmt(handle, 0)) == PAM_SUCCESS &&
	    (code = pam_open_session(handle, 0)) == PAM_SUCCESS)
		code = pam_close_session(handle, 0);
	(void)pam_end(handle, code);
	return (code);
}

/* Read a line; false if there is none. */
static bool
read_secret(struct secret *secret)
{
	int c;

	while ((c = getchar()) != EOF && c != '\n' && secret->len < TOKEN_MAX)
		secret->masked[secret->len++] = (char)(c ^ MASK);
	return (secret->len > 0);
}

int
main(int argc, char **argv)
{
	struct traces first, before, after;
	int code = PAM_SUCCESS, last = PAM_SUCCESS, cycles, i;
	size_t found = 0, n = 0;

	if (argc != 5)
		return (2);
	cycles = (int)strtol(argv[4], NULL, 10);
	setvbuf(stdin, NULL, _IONBF, 0);
	(void)read_secret(&token);
	while (n < SECRETS_MAX && read_secret(&secrets[n]))
		n++;
	look(&first);
	for (i = 0; i < cycles / 2 + 1; i++)
		last = log_in(argv[1], argv[2], argv[3]);
	code = last;
	look(&before);
	for (i = 0; i < cycles && last == code; i++)
		last = log_in(argv[1], argv[2], argv[3]);
	look(&after);
	while (n > 0)
		found += find_secret(&secrets[--n]);
	printf("code=%d fds=%zd standard=%s bytes=%zd threads=%zu signals=%s "
	       "maps=%zd token=%zu secrets=%zu\n",
	    last, (ssize_t)(after.fds - before.fds),
	    after.standard == first.standard ? "same" : "changed",
	    (ssize_t)(after.bytes - before.bytes), after.threads,
	    same_signals(&before, &after) ? "same" : "changed",
	    (ssize_t)(after.maps - before.maps), find_secret(&token), found);
	return (0);
}
