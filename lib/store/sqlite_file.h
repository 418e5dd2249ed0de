/*
 * The file under the embedded store, before SQLite may touch it.
 *
 * Trust comes from the folder.  Who may write there may do anything to the
 * store, so it must belong to root or to us and be closed to others; a file
 * in it may then belong to any member of its group, as when the gate, a mail
 * server and root share one store.
 */
#ifndef LK_SQLITE_FILE_H_
#define LK_SQLITE_FILE_H_

#include "error.h"

/**
 * lk_sqlite_file_prepare(path, error):
 * Make sure that ${path} is a file that we may trust, if not yet a store:
 * make its folder (2770 root:latchkey for root, else 0700) and the file if
 * they are missing, refuse a folder that others can write to or that belongs
 * to somebody else, and a file that is a link, has other names, can be written
 * to by others or belongs to a stranger.  LK_E_TIMEOUT while another process
 * makes it.
 */
enum lk_status lk_sqlite_file_prepare(const char *path,
    struct lk_error *error) LK_MUST_CHECK;

#endif /* !LK_SQLITE_FILE_H_ */
