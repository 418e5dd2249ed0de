/* The file under the embedded store, before SQLite may touch it. */
#ifndef LK_SQLITE_FILE_H_
#define LK_SQLITE_FILE_H_

#include "error.h"

/**
 * lk_sqlite_file_prepare(path, error):
 * Make sure that ${path} is a file that we may trust, if not yet a store:
 * make its folder (2770 root:latchkey for root, else 0700) and the file if
 * they are missing, refuse a folder that others can write to or that belongs
 * to somebody else, and a file that is a link, has other names, can be written
 * to by others or belongs to a stranger.
 */
enum lk_status lk_sqlite_file_prepare(const char *path,
    struct lk_error *error) LK_MUST_CHECK;

#endif /* !LK_SQLITE_FILE_H_ */
