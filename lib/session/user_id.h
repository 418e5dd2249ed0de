/* What may be the id of a user.  Pure. */
#ifndef LK_USER_ID_H_
#define LK_USER_ID_H_

#include <stdbool.h>

#include "latchkey.h"

#define LK_USER_ID_WANT                                                     \
	"1 to 256 bytes of UTF-8 without control characters, and no space " \
	"or invisible character at an end"

/**
 * lk_user_id_check(id):
 * LK_OK if ${id} is what a store may hold: 1 to LK_USER_ID_MAX bytes without
 * control characters (0x00-0x1f, 0x7f); else LK_E_INVAL.  Sessions of such an
 * id can be listed and ended.
 */
enum lk_status lk_user_id_check(const char *id) LK_MUST_CHECK;

/**
 * lk_user_id_fits(id):
 * Whether ${id} is LK_USER_ID_WANT, which everything it is told to takes for
 * the same id: sessions are issued, imported and let in under no other one,
 * and no user is looked up by it.  White space at an end is dropped from a
 * header on its way, bytes that are no UTF-8 all look alike where they are
 * shown, and U+0080 to U+009F are control characters too.
 */
bool lk_user_id_fits(const char *id);

#endif /* !LK_USER_ID_H_ */
