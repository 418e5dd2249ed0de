#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "sqlite_file.h"

#define GROUP "latchkey"
#define GROUP_BUFFER 4096
struct file {
	const char *path;
	struct lk_error *error;
	struct stat folder;
};

static enum lk_status
complain(const struct file *file, const char *what)
{
	return (
	    lk_fail(file->error, LK_E_SETTINGS, "%s: %s", file->path, what));
}

static enum lk_status
complain_errno(const struct file *file, const char *what)
{
	return (lk_fail(file->error, LK_E_STORE, "%s: %s: %s", file->path, what,
	    strerror(errno)));
}

/* ---- The folder -------------------------------------------------------- */

/* Root shares a store with the group of that name, if there is one. */
static enum lk_status
share_folder(const struct file *file, const char *folder)
{
	char buffer[GROUP_BUFFER];
	struct group group, *found = NULL;

	if (geteuid() != 0 ||
	    getgrnam_r(GROUP, &group, buffer, sizeof(buffer), &found) != 0 ||
	    found == NULL)
		return (LK_OK);
	if (chown(folder, 0, found->gr_gid) != 0 ||
	    chmod(folder, S_ISGID | S_IRWXU | S_IRWXG) != 0)
		return (complain_errno(file, "cannot share its folder"));
	return (LK_OK);
}

static enum lk_status
prepare_folder(struct file *file, const char *folder)
{
	enum lk_status status = LK_FAULT;

	if (mkdir(folder, S_IRWXU) == 0) {
		if ((status = share_folder(file, folder)) != LK_OK)
			return (status);
	} else if (errno != EEXIST)
		return (complain_errno(file, "cannot make its folder"));
	if (lstat(folder, &file->folder) != 0)
		return (complain_errno(file, "its folder"));
	if (!S_ISDIR(file->folder.st_mode))
		return (complain(file, "expected a folder that is no link"));
	if (file->folder.st_uid != 0 && file->folder.st_uid != geteuid())
		return (complain(file,
		    "expected a folder of root's or of our own"));
	if ((file->folder.st_mode & S_IWOTH) != 0)
		return (complain(file,
		    "expected a folder that others cannot write to"));
	return (LK_OK);
}

/* ---- The file ---------------------------------------------------------- */

/*
 * O_PATH: closing any other descriptor of the file would release the locks
 * that another connection of this process holds on it.
 */
static enum lk_status
examine_file(const struct file *file)
{
	enum lk_status status = LK_OK;
	struct stat st;
	int fd;

	fd = open(file->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		status = complain_errno(file, "cannot examine");
	else if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		status = complain(file, "expected a regular file of one name");
	else if ((st.st_mode & S_IWOTH) != 0)
		status = complain(file,
		    "expected a file that others cannot write to");
	else if (st.st_uid != 0 && st.st_uid != geteuid() &&
	    st.st_gid != file->folder.st_gid)
		status = complain(file,
		    "expected a file of root's, our own, or its folder's "
		    "group");
	if (fd >= 0)
		(void)close(fd);
	return (status);
}

/*
 * Make the file, unless it is there, as private, or as shared with a group,
 * as its folder is.  It is never open here: see examine_file().
 */
static enum lk_status
make_file(const struct file *file)
{
	const mode_t mode = S_IRUSR | S_IWUSR |
	    (file->folder.st_mode & (S_IRGRP | S_IWGRP));

	if (mknod(file->path, S_IFREG | S_IRUSR | S_IWUSR, 0) != 0)
		return (errno == EEXIST
		        ? LK_OK
		        : complain_errno(file, "cannot make it"));
	if (chmod(file->path, mode) != 0)
		return (complain_errno(file, "cannot set its mode"));
	return (LK_OK);
}

enum lk_status
lk_sqlite_file_prepare(const char *path, struct lk_error *error)
{
	struct file file = { .path = path, .error = error };
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	enum lk_status status = LK_FAULT;

	if (path[0] != '/' || slash == path || slash[1] == '\0' ||
	    strlen(path) >= PATH_MAX)
		return (complain(&file,
		    "expected an absolute path of a file "
		    "in a folder"));
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	if ((status = prepare_folder(&file, folder)) != LK_OK ||
	    (status = make_file(&file)) != LK_OK)
		return (status);
	return (examine_file(&file));
}
