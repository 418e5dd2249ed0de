/* The lines of JSON that an export is made of; doc/export.md specifies them. */
#ifndef LK_EXPORT_LINE_H_
#define LK_EXPORT_LINE_H_

#include "base/buf.h"
#include "base/error.h"
#include "session/stored.h"

/* What they are called, and the one version so far. */
#define LK_EXPORT_FORMAT "latchkey-sessions"
#define LK_EXPORT_VERSION 1

/**
 * lk_export_line_header(store, tokens, out), lk_export_line_end(out):
 * Append the first and the last line of lines from ${store}.
 */
void lk_export_line_header(const char *store, bool tokens, struct lk_buf *out);
void lk_export_line_end(struct lk_buf *out);

/**
 * lk_export_line_encode(stored, tokens, out):
 * Append the line of a session, with its token if it is known and ${tokens},
 * or of a user.  LK_E_CORRUPT, and nothing is appended, if a user's record is
 * none.
 */
enum lk_status lk_export_line_encode(const struct lk_stored *stored,
    bool tokens, struct lk_buf *out) LK_MUST_CHECK;

/**
 * lk_export_line_decode(line, len, stored, record, error):
 * Read one line, without its end.  Everything is checked, also that digest
 * and token belong together and to the user.  A user's record is appended to
 * ${record}, which lends it to ${stored}.  LK_E_INVAL, with what was expected
 * in ${error}, unless it is such a line.
 */
enum lk_status lk_export_line_decode(const char *line, size_t len,
    struct lk_stored *stored, struct lk_buf *record,
    struct lk_error *error) LK_MUST_CHECK;

#endif /* !LK_EXPORT_LINE_H_ */
