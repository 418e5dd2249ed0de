/*
 * The file under the embedded store, before SQLite may touch it.
 *
 * Trust comes from the folder.  Who may write there may do anything to the
 * store, so it must belong to root or to us and be closed to others; a file
 * in it may then belong to any member of its group, as when the gate, a mail
 * server and root share one store.  What lies beside the file under the names
 * that SQLite uses is held to the same, each time before it is opened.  Between
 * that look and SQLite's opening there is a moment, in which only who may write
 * to the folder could put something else there: its group, which is trusted
 * with every session there is.
 */
#ifndef LK_SQLITE_FILE_H_
#define LK_SQLITE_FILE_H_

#include "base/error.h"

/**
 * lk_sqlite_file_fail(path, what, number, error):
 * Say what could not be done by the errno ${number}, and if it is permission,
 * also the group that may; returns LK_E_STORE.
 */
enum lk_status lk_sqlite_file_fail(const char *path, const char *what,
    int number, struct lk_error *error);

/**
 * lk_sqlite_file_prepare(path, error):
 * Make sure that ${path} is a file that we may trust, if not yet a store:
 * make its folder (2770 root:latchkey for root, else 0700) and the file if
 * they are missing, refuse a folder that others can write to or that belongs
 * to somebody else, and a file, or one of SQLite's beside it, that is a link or
 * not regular, has other names, can be written to by others or belongs to a
 * stranger.  LK_E_TIMEOUT while another process
 * makes it.
 */
enum lk_status lk_sqlite_file_prepare(const char *path,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_sqlite_file_reserve(path, error):
 * Keep half a megabyte of the disk in a file beside ${path}, which was
 * prepared, for revocations to take when there is no room left; nothing may
 * be added to the store without it.  LK_E_STORE if there is no room for it;
 * LK_OK also where the system lets us have no such file.
 */
enum lk_status lk_sqlite_file_reserve(const char *path,
    struct lk_error *error) LK_MUST_CHECK;

/** lk_sqlite_file_give_reserve(path): Give it up. */
void lk_sqlite_file_give_reserve(const char *path);

/**
 * lk_sqlite_file_is_tight(path):
 * Whether there is so little room on the disk that it must do for what has to
 * be written: less than half a megabyte.
 */
bool lk_sqlite_file_is_tight(const char *path);

#endif /* !LK_SQLITE_FILE_H_ */
