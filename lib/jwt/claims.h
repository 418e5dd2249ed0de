/* What an access token says (RFC 7519, 9068).  Inside. */
#ifndef LK_JWT_CLAIMS_H_
#define LK_JWT_CLAIMS_H_

#include "jwt/jwt.h"

/**
 * lk_jwt_claims_read(settings, text, len, now, session, why):
 * Read the claims of a good signature and judge them at ${now}; see
 * lk_jwt_verify().
 */
enum lk_status lk_jwt_claims_read(const struct lk_settings *settings,
    const char *text, size_t len, int64_t now, struct lk_session *session,
    struct lk_error *why) LK_MUST_CHECK;

/**
 * lk_jwt_claims_write(settings, order, session, out, error):
 * Append the claims of an access token for ${session}, from now to its end.
 */
enum lk_status lk_jwt_claims_write(const struct lk_settings *settings,
    const struct lk_jwt_order *order, const struct lk_session *session,
    struct lk_buf *out, struct lk_error *error) LK_MUST_CHECK;

#endif /* !LK_JWT_CLAIMS_H_ */
