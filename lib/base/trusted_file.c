#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/trusted_file.h"

#define CHUNK 8192
/* Most links that are followed, as many as Linux does. */
#define LINKS_MAX 40

/* What to open, and what to say if it cannot be trusted. */
struct trusted_file {
	const char *path;
	bool secret;
	int dir_fd; /* the directory that was reached so far */
	int fd;
	size_t size; /* when it was examined; it may change */
	struct lk_error *error;
};

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

/* Whether whoever owns it may put anything in our place anyway. */
static bool
is_owner_trusted(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid());
}

/*
 * Examine the directory that was reached, which is ${st}, and of which ${last}
 * says that it is the file's own.  Others may write to one that is sticky: what
 * is in there is theirs only if they own it.
 */
static enum lk_status
examine_directory(const struct trusted_file *file, const struct stat *st,
    bool last)
{
	const char *which = last ? "a directory" : "directories above it";

	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0 &&
	    (st->st_mode & S_ISVTX) == 0)
		return (lk_fail(file->error, LK_E_SETTINGS,
		    "%s: expected %s that group and others cannot "
		    "write, got mode %04o",
		    file->path, which, (unsigned int)(st->st_mode & 07777)));
	if (!is_owner_trusted(st))
		return (lk_fail(file->error, LK_E_SETTINGS,
		    "%s: expected %s of root or of uid %u, got uid %u",
		    file->path, which, (unsigned int)geteuid(),
		    (unsigned int)st->st_uid));
	return (LK_OK);
}

/* Put what the link ${fd} says before what is ${left} to walk. */
static enum lk_status
follow(struct trusted_file *file, int fd, char left[PATH_MAX])
{
	char target[PATH_MAX];
	struct stat st;
	ssize_t len;

	if (fstat(fd, &st) == -1 || !is_owner_trusted(&st))
		return (lk_fail(file->error, LK_E_SETTINGS,
		    "%s: expected links of root or of uid %u in its path",
		    file->path, (unsigned int)geteuid()));
	len = readlinkat(fd, "", target, sizeof(target));
	if (len <= 0 || (size_t)len + strlen(left) + 2 > PATH_MAX)
		return (lk_fail(file->error, LK_E_SETTINGS,
		    "%s: cannot follow a link in its path", file->path));
	memmove(left + len + 1, left, strlen(left) + 1);
	memcpy(left, target, (size_t)len);
	left[len] = '/';
	return (LK_OK);
}

/* Whether the next step of the walk leads to the root or one up. */
static bool
leaves(const char *left)
{
	return (left[0] == '/' ||
	    (strncmp(left, "..", 2) == 0 && strchr("/", left[2]) != NULL));
}

/* Take the next name from what is ${left}; whether it is the last one. */
static bool
next_name(char left[PATH_MAX], char name[PATH_MAX])
{
	size_t len = strcspn(left, "/"), rest;

	memcpy(name, left, len);
	name[len] = '\0';
	rest = len + strspn(left + len, "/");
	memmove(left, left + rest, strlen(left + rest) + 1);
	return (left[0] == '\0');
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
	if (!is_owner_trusted(&st))
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

/*
 * Walk ${left} from the directory that was reached, up to its last name.  Each
 * directory on the way must be one in which only those whom we trust can put
 * something in another one's place, and each link one of theirs.
 */
static enum lk_status
walk(struct trusted_file *file, char left[PATH_MAX], char name[PATH_MAX])
{
	enum lk_status status = LK_OK;
	unsigned int links = 0;
	struct stat st;
	bool last;
	int fd;

	while (status == LK_OK) {
		if (left[0] == '/') {
			fd = open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
			(void)next_name(left, name);
			last = strchr(left, '/') == NULL;
		} else if (next_name(left, name)) {
			return (LK_OK);
		} else {
			fd = open_at(file->dir_fd, name, O_PATH | O_NOFOLLOW);
			last = strchr(left, '/') == NULL;
		}
		if (fd == -1 || fstat(fd, &st) == -1 ||
		    (S_ISLNK(st.st_mode) && ++links > LINKS_MAX)) {
			status = lk_fail(file->error, LK_E_SETTINGS,
			    "%s: cannot open its directory: %s", file->path,
			    strerror(fd == -1 ? errno : ELOOP));
		} else if (S_ISLNK(st.st_mode)) {
			status = follow(file, fd, left);
		} else if (!S_ISDIR(st.st_mode)) {
			status = lk_fail(file->error, LK_E_SETTINGS,
			    "%s: cannot open its directory: %s", file->path,
			    strerror(ENOTDIR));
		} else {
			if (file->dir_fd != -1)
				close(file->dir_fd);
			file->dir_fd = fd;
			status = examine_directory(file, &st, last);
			continue;
		}
		if (fd != -1)
			close(fd);
	}
	return (status);
}

/*
 * A final link may lead to a file below its own folder, by whatever links
 * there: so do the files that Kubernetes mounts.
 */
static enum lk_status
open_file(struct trusted_file *file)
{
	char left[PATH_MAX], name[PATH_MAX];
	enum lk_status status = LK_FAULT;
	unsigned int links = 0;
	int fd;

	memcpy(left, file->path, strlen(file->path) + 1);
	for (;;) {
		if ((status = walk(file, left, name)) != LK_OK)
			return (status);
		file->fd = open_at(file->dir_fd, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
		if (file->fd != -1)
			return (LK_OK);
		if (errno != ELOOP || ++links > LINKS_MAX)
			return (lk_fail(file->error, LK_E_SETTINGS,
			    "%s: cannot open: %s", file->path,
			    strerror(errno)));
		fd = open_at(file->dir_fd, name, O_PATH | O_NOFOLLOW);
		status = follow(file, fd, left);
		if (fd != -1)
			close(fd);
		if (status != LK_OK)
			return (status);
		left[strlen(left) - 1] = '\0';
		if (leaves(left) || strstr(left, "/../") != NULL)
			return (lk_fail(file->error, LK_E_SETTINGS,
			    "%s: expected a regular file, got a symbolic "
			    "link that leaves its directory",
			    file->path));
	}
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
	size_t left, want, done = 0;
	char *room, beyond;
	ssize_t got;

	for (;;) {
		left = content->max - content->len;
		want = done <= file->size ? file->size - done + 1 : CHUNK;
		want = want < CHUNK ? want : CHUNK;
		want = want < left ? want : left;
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
		done += (size_t)got;
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
	enum lk_status status = LK_FAULT;

	if (path == NULL || path[0] != '/')
		return (lk_fail(error, LK_E_SETTINGS,
		    "%s: expected an absolute path",
		    path == NULL ? "(null)" : path));
	if (strlen(path) >= PATH_MAX)
		return (lk_fail(error, LK_E_SETTINGS,
		    "%.100s...: expected a path of at most %d bytes", path,
		    PATH_MAX - 1));
	status = open_file(&file);
	if (status == LK_OK)
		status = examine(&file, content->max - content->len);
	if (status == LK_OK)
		status = read_all(&file, content);
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

bool
lk_trusted_file_absent(const char *path)
{
	char prefix[PATH_MAX];
	const char *end = path;
	struct stat st;

	while (*end != '\0') {
		end += strspn(end, "/");
		end += strcspn(end, "/");
		if ((size_t)(end - path) >= sizeof(prefix))
			return (false);
		memcpy(prefix, path, (size_t)(end - path));
		prefix[end - path] = '\0';
		if (lstat(prefix, &st) == -1)
			return (errno == ENOENT);
		if (stat(prefix, &st) == -1)
			return (false);
	}
	return (false);
}
