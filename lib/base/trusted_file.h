/* Files whose content we obey: settings, passwords, the user file. */
#ifndef LK_TRUSTED_FILE_H_
#define LK_TRUSTED_FILE_H_

#include <stdbool.h>

#include "base/buf.h"
#include "latchkey.h"

/**
 * lk_trusted_file_read(path, content, error):
 * Append the whole file to ${content}, whose cap is the size limit.  The
 * path must be absolute; the file regular, opened without blocking on a FIFO,
 * owned by root or the effective user, and not writable by group or others.
 * So must all directories be that lead to it, but for sticky ones, which others
 * may write to, since whoever writes there could put another file in its
 * place; and symbolic links on the way must be of the same owners.  The file
 * itself may be a link to one below its own directory.  LK_E_SETTINGS with
 * the path and what was expected in ${error} otherwise.
 */
enum lk_status lk_trusted_file_read(const char *path, struct lk_buf *content,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_trusted_file_read_secret(path, content, error):
 * The same for a file that is a secret: others must have no access to it at
 * all.  Its group may read it.
 */
enum lk_status lk_trusted_file_read_secret(const char *path,
    struct lk_buf *content, struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_trusted_file_absent(path):
 * Whether there surely is no such file: a name in the path does not exist.  A
 * link that leads nowhere is there, and so is what cannot be looked at.
 */
bool lk_trusted_file_absent(const char *path);

#endif /* !LK_TRUSTED_FILE_H_ */
