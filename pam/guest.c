/*
 * What the libraries inside the module are not to do in somebody else's
 * process.  They are linked in whole and hidden, so that functions of the
 * host's with the same names are never called instead of theirs; the linker
 * hands their calls to these (see PAM_GUEST in the Makefile).
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "base/error.h"
#include "base/tls.h"
#include "store/module.h"
#include "user/source.h"

/** SQLite asks for folders of temporary files, which it never makes here. */
char *__wrap_getenv(const char *name);

/** SQLite sorts in threads of its own if it can, and by itself if not. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
    void *(*start)(void *), void *arg);

/** libconfig reads strings and prints nothing; Debian's static one could not
 * be part of a shared object if it named the C library's own streams. */
extern FILE *lk_guest_stdin, *lk_guest_stdout, *lk_guest_stderr;
FILE *lk_guest_stdin, *lk_guest_stdout, *lk_guest_stderr;

char *
__wrap_getenv(const char *name)
{
	(void)name;
	return (NULL);
}

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
    void *(*start)(void *), void *arg)
{
	(void)thread;
	(void)attributes;
	(void)start;
	(void)arg;
	return (EAGAIN);
}

/*
 * In the place of the library's, which is therefore not linked in: a program
 * would run under the eyes and the hands of whoever called a set-uid host, and
 * as a child that the host may take for its own.
 */
enum lk_status
lk_user_source_exec(const struct lk_settings *settings, const char *id,
    struct lk_buf *detail, struct lk_error *error)
{
	(void)settings;
	(void)id;
	(void)detail;
	return (lk_fail(error, LK_E_STORE,
	    "the user's detail is not cached, and no program is started for "
	    "it here; user.source is \"exec\": let the agent ask it "
	    "(store.backend = \"agent\")"));
}

/*
 * Nor is a store a module: its library would bring its own into somebody else's
 * process, and reads his environment.
 */
enum lk_status
lk_store_module_load(const char *name, const struct lk_store_module **module,
    struct lk_error *error)
{
	*module = NULL;
	return (lk_fail(error, LK_E_SETTINGS,
	    "store.backend: expected a store that the PAM module reaches by "
	    "itself, got \"%s\"; let it have settings of its own (conf=) with "
	    "store.backend \"agent\"",
	    name));
}

/*
 * Nor is there TLS: libssl, loaded into somebody else's process, meets the
 * OpenSSL that may be there, and cannot be left again.
 */
enum lk_status
lk_tls_new(const struct lk_tls_settings *settings, const char *group,
    struct lk_tls **tls, struct lk_error *error)
{
	*tls = NULL;
	if (settings->ca[0] == '\0')
		return (LK_OK);
	return (lk_fail(error, LK_E_SETTINGS,
	    "%s: the PAM module speaks no TLS; let it have settings of its own "
	    "(conf=) with store.backend = \"agent\", and latchkeyd these",
	    group));
}

void
lk_tls_free(struct lk_tls *tls)
{
	(void)tls;
}

bool
lk_tls_wrap(const struct lk_tls *tls, struct lk_stream *stream,
    const char *host)
{
	(void)tls;
	(void)stream;
	(void)host;
	return (false);
}

int64_t
lk_tls_peer_ends(const struct lk_stream *stream)
{
	(void)stream;
	return (0);
}
