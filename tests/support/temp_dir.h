/* A private folder for one test, and files in it. */
#ifndef TEMP_DIR_H_
#define TEMP_DIR_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <unistd.h>

#include "support/test.h"

struct temp_dir {
	char path[64];
	char file[PATH_MAX]; /* what temp_path() answered last */
};

/** temp_dir_make(dir): a new empty folder; the test fails if it cannot. */
static inline void
temp_dir_make(struct temp_dir *dir)
{
	(void)snprintf(dir->path, sizeof(dir->path), "/tmp/latchkey-XXXXXX");
	assert_non_null(mkdtemp(dir->path));
}

/** temp_path(dir, name): the path of ${name} in it, until the next call. */
static inline const char *
temp_path(struct temp_dir *dir, const char *name)
{
	(void)snprintf(dir->file, sizeof(dir->file), "%s/%s", dir->path, name);
	return (dir->file);
}

/** temp_write(dir, name, bytes, len, mode): a file, and its path. */
static inline const char *
temp_write(struct temp_dir *dir, const char *name, const void *bytes,
    size_t len, mode_t mode)
{
	const char *path = temp_path(dir, name);
	int fd;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd != -1);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
	return (path);
}

static inline int
temp_remove(const char *path, const struct stat *st, int type,
    struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return (remove(path));
}

/** temp_dir_remove(dir): Remove the folder and all that is in it. */
static inline void
temp_dir_remove(struct temp_dir *dir)
{
	(void)chmod(dir->path, 0700);
	assert_int_equal(nftw(dir->path, temp_remove, 8, FTW_DEPTH | FTW_PHYS),
	    0);
}

#endif /* !TEMP_DIR_H_ */
