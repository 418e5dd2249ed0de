/* What the gate looks up in a user's detail, which is JSON.  Pure. */
#ifndef GATE_DETAIL_H_
#define GATE_DETAIL_H_

#include <stdbool.h>

#include "base/buf.h"
#include "session/rule.h"

/**
 * gate_requirement_holds(require, detail):
 * Whether the member that ${require} names is, in the JSON text ${detail},
 * one of its values, or an array that has one.  A string is equal to a
 * string after decoding escapes, a number or boolean to one with the same
 * text: 1 is not 1.0 and not "1".
 */
bool gate_requirement_holds(const struct lk_requirement *require,
    const char *detail);

/**
 * gate_told_value(field, detail, out):
 * Append the member ${field} of the JSON text ${detail} as the value of a
 * header: a string as it is, a number, true or false as its text, the
 * members of an array with commas between them.  Nothing if there is no such
 * member, or it is null or empty.  False if it cannot stand there so that
 * everybody reads it alike: an object, an array in an array, an empty member or
 * one with a comma, a text that could be no user id, which arrives unchanged as
 * well (lk_user_id_fits()), or more than LK_TOLD_VALUE_MAX bytes.
 */
bool gate_told_value(const char *field, const char *detail, struct lk_buf *out);

#endif /* !GATE_DETAIL_H_ */
