#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/name_service.h"
#include "store/sqlite/file.h"

#define GROUP "latchkey"
/* A file of this many bytes is given up for revocations on a full disk. */
#define RESERVE "-reserve"
#define RESERVE_SIZE 524288
/* Room for a path and what SQLite or we add to it. */
#define PATH_SIZE (PATH_MAX + 16)

struct file {
	const char *path;
	struct lk_error *error;
	char parent[PATH_MAX];
	struct stat folder;
	gid_t group; /* of the file, once it is examined, or of its folder */
};

static enum lk_status
complain(const struct file *file, const char *what)
{
	return (
	    lk_fail(file->error, LK_E_SETTINGS, "%s: %s", file->path, what));
}

enum lk_status
lk_sqlite_file_fail(const char *path, const char *what, int number,
    struct lk_error *error)
{
	const char *slash = strrchr(path, '/');
	struct lk_group group = { .data = NULL };
	char folder[PATH_MAX] = "";
	struct stat st;

	if (slash != NULL)
		(void)snprintf(folder, sizeof(folder), "%.*s",
		    (int)(slash - path), path);
	if (number != EACCES || stat(folder, &st) != 0 ||
	    lk_group_find(NULL, st.st_gid, &group, NULL) != LK_OK)
		return (lk_fail(error, LK_E_STORE, "%s: %s: %s", path, what,
		    strerror(number)));
	(void)lk_fail(error, LK_E_STORE,
	    "%s: %s: %s; its folder belongs to the group \"%s\"", path, what,
	    strerror(number), group.entry.gr_name);
	lk_group_free(&group);
	return (LK_E_STORE);
}

static enum lk_status
complain_errno(const struct file *file, const char *what)
{
	return (lk_sqlite_file_fail(file->path, what, errno, file->error));
}

/* ---- The folder -------------------------------------------------------- */

/* Give the folder to ${group}. */
static enum lk_status
give_folder(const struct file *file, gid_t group)
{
	enum lk_status status = LK_OK;
	int fd;

	fd = lk_fd_above(open(file->parent,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	if (fd < 0 || fchown(fd, 0, group) != 0 ||
	    fchmod(fd, S_ISGID | S_IRWXU | S_IRWXG) != 0)
		status = complain_errno(file, "cannot share its folder");
	if (fd >= 0)
		(void)close(fd);
	return (status);
}

/* Root shares a store with the group of that name, if there is one. */
static enum lk_status
share_folder(const struct file *file)
{
	struct lk_group group = { .data = NULL };
	enum lk_status status = LK_FAULT;

	if (geteuid() != 0)
		return (LK_OK);
	status = lk_group_find(GROUP, 0, &group, file->error);
	if (status == LK_OK)
		status = give_folder(file, group.entry.gr_gid);
	else if (status == LK_NO_USER)
		status = LK_OK;
	lk_group_free(&group);
	return (status);
}

/* Read where the folder is. */
static enum lk_status
find_folder(struct file *file)
{
	const char *slash = strrchr(file->path, '/');

	if (file->path[0] != '/' || slash == file->path || slash[1] == '\0' ||
	    strlen(file->path) >= PATH_MAX)
		return (complain(file,
		    "expected an absolute path of a file in a folder"));
	memcpy(file->parent, file->path, (size_t)(slash - file->path));
	file->parent[slash - file->path] = '\0';
	return (LK_OK);
}

static enum lk_status
prepare_folder(struct file *file)
{
	enum lk_status status = LK_FAULT;

	if (mkdir(file->parent, S_IRWXU) == 0) {
		if ((status = share_folder(file)) != LK_OK) {
			/* Or it would be there, and never be shared. */
			(void)rmdir(file->parent);
			return (status);
		}
	} else if (errno != EEXIST)
		return (complain_errno(file, "cannot make its folder"));
	if (lstat(file->parent, &file->folder) != 0)
		return (complain_errno(file, "its folder"));
	if (!S_ISDIR(file->folder.st_mode))
		return (complain(file, "expected a folder that is no link"));
	if (file->folder.st_uid != 0 && file->folder.st_uid != geteuid())
		return (complain(file,
		    "expected a folder of root's or of our own"));
	if ((file->folder.st_mode & S_IWOTH) != 0)
		return (complain(file,
		    "expected a folder that others cannot write to"));
	file->group = file->folder.st_gid;
	return (LK_OK);
}

/* ---- The file ---------------------------------------------------------- */

/*
 * Examine the file, or what SQLite or we keep beside it, if it is there: a
 * FIFO would hang who opens it, and a name that leads elsewhere would let us
 * write to a file of somebody else's.
 *
 * O_PATH: closing any other descriptor of the file would release the locks
 * that another connection of this process holds on it.
 */
static enum lk_status
examine_file(struct file *file, const char *suffix)
{
	char path[PATH_SIZE];
	const char *wrong = NULL;
	struct stat st = { .st_mode = 0 };
	int fd, error = 0;

	(void)snprintf(path, sizeof(path), "%s%s", file->path, suffix);
	fd = lk_fd_above(open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC));
	if (fd < 0 || fstat(fd, &st) != 0)
		error = errno;
	/* Who closes a store may remove what is beside it at any time. */
	else if (!S_ISREG(st.st_mode) || st.st_nlink > 1)
		wrong = "expected a regular file of one name";
	else if ((st.st_mode & S_IWOTH) != 0)
		wrong = "expected a file that others cannot write to";
	/* Its own group can write to the file itself. */
	else if (st.st_uid != 0 && st.st_uid != geteuid() &&
	    st.st_gid != file->folder.st_gid && st.st_gid != file->group)
		wrong = "expected a file of root's, our own, or its folder's "
		        "group";
	if (fd >= 0)
		(void)close(fd);
	if (wrong != NULL)
		return (
		    lk_fail(file->error, LK_E_SETTINGS, "%s: %s", path, wrong));
	if (error == 0 && suffix[0] == '\0')
		file->group = st.st_gid;
	if (error == 0 || (error == ENOENT && suffix[0] != '\0'))
		return (LK_OK);
	return (lk_fail(file->error, LK_E_STORE, "%s: cannot examine: %s", path,
	    strerror(error)));
}

/* Examine all there is. */
static enum lk_status
examine_files(struct file *file)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal",
		RESERVE };
	enum lk_status status = LK_OK;
	size_t i;

	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		status = examine_file(file, suffixes[i]);
		if (status != LK_OK)
			break;
	}
	return (status);
}

/* Remove what a store that is gone may have left beside its path. */
static enum lk_status
remove_beside(const struct file *file, const char *suffix)
{
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s%s", file->path, suffix);
	if (unlink(path) != 0 && errno != ENOENT)
		return (complain_errno(file,
		    "cannot remove what a lost store left beside it"));
	return (LK_OK);
}

/* As private, or as shared with a group, as its folder is. */
static int
share_file(const struct file *file, int fd)
{
	const mode_t shared = file->folder.st_mode & (S_IRGRP | S_IWGRP);

	if ((shared & S_IWGRP) == 0)
		return (fchmod(fd, S_IRUSR | S_IWUSR));
	if (fchown(fd, (uid_t)-1, file->folder.st_gid) != 0)
		return (-1);
	return (fchmod(fd, S_IRUSR | S_IWUSR | shared));
}

/* Make an empty file, all of it before it has its name. */
static enum lk_status
make_whole(const struct file *file)
{
	char fresh[PATH_SIZE];
	enum lk_status status = LK_FAULT;
	int fd;

	if ((status = remove_beside(file, "-new")) != LK_OK ||
	    (status = remove_beside(file, "-wal")) != LK_OK ||
	    (status = remove_beside(file, "-shm")) != LK_OK ||
	    (status = remove_beside(file, "-journal")) != LK_OK)
		return (status);
	(void)snprintf(fresh, sizeof(fresh), "%s-new", file->path);
	fd = lk_fd_above(
	    open(fresh, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	        S_IRUSR | S_IWUSR));
	if (fd < 0)
		return (complain_errno(file, "cannot make it"));
	if (share_file(file, fd) != 0)
		status = complain_errno(file, "cannot set its mode");
	/* Once it has its name, another thread may hold locks on it that
	 * would go with this descriptor. */
	(void)close(fd);
	if (status == LK_OK && rename(fresh, file->path) != 0)
		status = complain_errno(file, "cannot make it");
	if (status != LK_OK)
		(void)unlink(fresh);
	return (status);
}

/* Make the file unless it is there; whoever has locked the folder does. */
static enum lk_status
make_file(const struct file *file)
{
	enum lk_status status = LK_OK;
	struct stat st;
	int fd;

	if (lstat(file->path, &st) == 0)
		return (LK_OK);
	if (errno != ENOENT)
		return (complain_errno(file, "cannot examine"));
	fd = lk_fd_above(open(file->parent,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	if (fd < 0)
		return (complain_errno(file, "its folder"));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		status = errno == EWOULDBLOCK
		    ? lk_fail(file->error, LK_E_TIMEOUT,
		          "%s: another process makes it", file->path)
		    : complain_errno(file, "cannot lock its folder");
	else if (lstat(file->path, &st) != 0)
		status = make_whole(file);
	(void)close(fd);
	return (status);
}

/* ---- The reserve ------------------------------------------------------- */

/* Whether the system lets us have a file of that size at all. */
static bool
may_reserve(void)
{
	struct rlimit limit;

	/* Beyond it a signal comes, which may end the program. */
	return (getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	    (limit.rlim_cur == RLIM_INFINITY ||
	        limit.rlim_cur >= RESERVE_SIZE));
}

/*
 * Make it anew, whatever has its name by now; 0 or an errno.  Its mode and its
 * bytes are given to no file that is somebody's already.
 */
static int
make_reserve(const struct file *file, const char *path)
{
	int fd, error;

	(void)unlink(path);
	fd = lk_fd_above(
	    open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	        S_IRUSR | S_IWUSR));
	if (fd < 0)
		return (errno);
	(void)share_file(file, fd);
	error = posix_fallocate(fd, 0, RESERVE_SIZE);
	(void)close(fd);
	if (error != 0)
		(void)unlink(path);
	return (error);
}

enum lk_status
lk_sqlite_file_reserve(const char *path, struct lk_error *error)
{
	struct file file = { .path = path, .error = error };
	char reserve[PATH_SIZE];
	enum lk_status status = LK_FAULT;
	struct stat st;
	int why;

	(void)snprintf(reserve, sizeof(reserve), "%s" RESERVE, path);
	if ((lstat(reserve, &st) == 0 && S_ISREG(st.st_mode) &&
	        st.st_size >= RESERVE_SIZE) ||
	    !may_reserve())
		return (LK_OK);
	if ((status = find_folder(&file)) != LK_OK ||
	    (status = prepare_folder(&file)) != LK_OK ||
	    (status = examine_file(&file, RESERVE)) != LK_OK)
		return (status);
	why = make_reserve(&file, reserve);
	if (why == ENOSPC || why == EDQUOT)
		return (lk_fail(error, LK_E_STORE,
		    "%s: the disk is full, but for revocations", path));
	return (LK_OK);
}

void
lk_sqlite_file_give_reserve(const char *path)
{
	char reserve[PATH_SIZE];

	(void)snprintf(reserve, sizeof(reserve), "%s" RESERVE, path);
	(void)unlink(reserve);
}

bool
lk_sqlite_file_is_tight(const char *path)
{
	struct statvfs fs;

	return (statvfs(path, &fs) == 0 &&
	    fs.f_bavail < RESERVE_SIZE / fs.f_frsize);
}

/* ---- All of it --------------------------------------------------------- */

enum lk_status
lk_sqlite_file_prepare(const char *path, struct lk_error *error)
{
	struct file file = { .path = path, .error = error };
	enum lk_status status = LK_FAULT;

	if ((status = find_folder(&file)) != LK_OK ||
	    (status = prepare_folder(&file)) != LK_OK ||
	    (status = make_file(&file)) != LK_OK)
		return (status);
	return (examine_files(&file));
}
