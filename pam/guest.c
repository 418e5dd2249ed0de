/*
 * What the libraries inside the module are not to do in somebody else's
 * process.  They are linked in whole and hidden, so that functions of the
 * host's with the same names are never called instead of theirs; the linker
 * hands their calls to these (see PAM_GUEST in the Makefile).
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

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
