#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "fd.h"
#include "trusted_file.h"

#define CHUNK 8192

/* What to open, and what to say if it cannot be trusted. */
struct trusted_file {
	const char *path;
	const char *base; /* its last component */
	bool secret;
	int dir_fd;
	int fd;
	size_t size; /* when it was examined; it may change */
	struct lk_error *error;
};

static enum lk_status
split_path(struct trusted_file *file, char dir[PATH_MAX])
{
	const char *slash;
	size_t dir_len;

	if (file->path == NULL || file->path[0] != '/')
		return (lk_fail(file->error, LK_E_SETTINGS,
		    "%s: expected an absolute path",
		    file->path == NULL ? "(null)" : file->path));
	if (strlen(file->path) >= PATH_MAX)
		return (lk_fail(file->error, LK_E_SETTINGS,
		    "%.100s...: expected a path of at most %d bytes",
		    file->path, PATH_MAX - 1));
	slash = strrchr(file->path, '/');
	file->base = slash + 1;
	dir_len = slash == file->path ? 1 : (size_t)(slash - file->path);
	memcpy(dir, file->path, dir_len);
	dir[dir_len] = '\0';
	return (LK_OK);
}

/* Open ${name}; an open that a signal interrupts is begun again. */
static int
open_at(int dir_fd, const char *name, int flags)
{
	int fd;

	do {
		fd = lk_fd_above(openat(dir_fd, name, flags | O_CLOEXEC));
	} while (fd == -1 && errno == EINTR);
	return (fd);
}

/*
 * O_PATH: a directory that may be searched need not be readable.  The file
 * is then opened relative to the very directory that was examined.
 */
static enum lk_status
open_directory(struct trusted_file *file, const char *dir)
{
	struct stat st;

	file->dir_fd = open_at(AT_FDCWD, dir, O_PATH | O_DIRECTORY);
	if (file->dir_fd == -1 || fstat(file->dir_fd, &st) == -1)
		return (lk_fail(file->error, LK_E_SETTINGS,
		    "%s: cannot open its directory: %s", file->path,
		    strerror(errno)));
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 &&
	    (st.st_mode & S_ISVTX) == 0)
		return (lk_fail(file->error, LK_E_SETTINGS,
		    "%s: expected a directory that group and others cannot "
		    "write, got mode %04o",
		    file->path, (unsigned int)(st.st_mode & 07777)));
	return (LK_OK);
}

static const char *
kind_of(mode_t mode)
{
	if (S_ISDIR(mode))
		return ("a directory");
	if (S_ISFIFO(mode))
		return ("a FIFO");
	if (S_ISSOCK(mode))
		return ("a socket");
	return ("a device");
}

static enum lk_status
examine(struct trusted_file *file, size_t max)
{
	struct stat st;
	unsigned int mode;

	if (fstat(file->fd, &st) == -1)
		return (lk_fail(file->error, LK_E_SETTINGS,
		    "%s: cannot examine: %s", file->path, strerror(errno)));
	mode = (unsigned int)(st.st_mode & 07777);
	if (!S_ISREG(st.st_mode))
		return (lk_fail(file->error, LK_E_SETTINGS,
		    "%s: expected a regular file, got %s", file->path,
		    kind_of(st.st_mode)));
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return (lk_fail(file->error, LK_E_SETTINGS,
		    "%s: expected a file of root or of uid %u, got uid %u",
		    file->path, (unsigned int)geteuid(),
		    (unsigned int)st.st_uid));
	if ((mode & (S_IWGRP | S_IWOTH)) != 0)
		return (lk_fail(file->error, LK_E_SETTINGS,
		    "%s: expected a file that group and others cannot write, "
		    "got mode %04o",
		    file->path, mode));
	if (file->secret && (mode & S_IRWXO) != 0)
		return (lk_fail(file->error, LK_E_SETTINGS,
		    "%s: expected a file that others cannot read, got mode "
		    "%04o",
		    file->path, mode));
	if (st.st_size > 0 && (uintmax_t)st.st_size > max)
		return (lk_fail(file->error, LK_E_SETTINGS,
		    "%s: expected at most %zu bytes, got %jd", file->path, max,
		    (intmax_t)st.st_size));
	file->size = (size_t)st.st_size;
	return (LK_OK);
}

static enum lk_status
open_file(struct trusted_file *file)
{
	file->fd = open_at(file->dir_fd, file->base,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (file->fd != -1)
		return (LK_OK);
	if (errno == ELOOP)
		return (lk_fail(file->error, LK_E_SETTINGS,
		    "%s: expected a regular file, got a symbolic link",
		    file->path));
	return (lk_fail(file->error, LK_E_SETTINGS, "%s: cannot open: %s",
	    file->path, strerror(errno)));
}

/* read(2), begun again whenever a signal interrupts it. */
static ssize_t
read_some(int fd, char *bytes, size_t len)
{
	ssize_t got;

	do {
		got = read(fd, bytes, len);
	} while (got == -1 && errno == EINTR);
	return (got);
}

/* Read to the end, which may have moved since the size was looked at. */
static enum lk_status
read_all(const struct trusted_file *file, struct lk_buf *content)
{
	/* A file that stays as it is takes no more room than it needs, which
	 * is also what is wiped in the end. */
	size_t left, want, chunk = file->size < CHUNK ? file->size + 1 : CHUNK;
	char *room, beyond;
	ssize_t got;

	for (;; chunk = CHUNK) {
		left = content->max - content->len;
		want = left < chunk ? left : chunk;
		if ((room = lk_buf_room(content, want)) == NULL)
			return (lk_fail(file->error, LK_E_NOMEM,
			    "%s: out of memory", file->path));
		if (left > 0)
			got = read_some(file->fd, room, want);
		else
			got = read_some(file->fd, &beyond, 1);
		if (got == -1)
			return (lk_fail(file->error, LK_E_SETTINGS,
			    "%s: cannot read: %s", file->path,
			    strerror(errno)));
		if (got == 0)
			return (LK_OK);
		if (left == 0)
			return (lk_fail(file->error, LK_E_SETTINGS,
			    "%s: expected at most %zu bytes, got more",
			    file->path, content->max));
		lk_buf_grew(content, (size_t)got);
	}
}

static enum lk_status
trusted_file_read(const char *path, bool secret, struct lk_buf *content,
    struct lk_error *error)
{
	struct trusted_file file = { .path = path,
		.secret = secret,
		.dir_fd = -1,
		.fd = -1,
		.error = error };
	char dir[PATH_MAX];
	enum lk_status status = LK_FAULT;

	if ((status = split_path(&file, dir)) != LK_OK)
		goto out;
	if ((status = open_directory(&file, dir)) != LK_OK)
		goto out;
	if ((status = open_file(&file)) != LK_OK)
		goto out;
	status = examine(&file, content->max - content->len);
	if (status != LK_OK)
		goto out;
	status = read_all(&file, content);
out:
	if (file.fd != -1)
		close(file.fd);
	if (file.dir_fd != -1)
		close(file.dir_fd);
	return (status);
}

enum lk_status
lk_trusted_file_read(const char *path, struct lk_buf *content,
    struct lk_error *error)
{
	return (trusted_file_read(path, false, content, error));
}

enum lk_status
lk_trusted_file_read_secret(const char *path, struct lk_buf *content,
    struct lk_error *error)
{
	return (trusted_file_read(path, true, content, error));
}
