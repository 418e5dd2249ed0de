#include "support/test.h"
#include "session/cookie.h"

static char latchkey[] = "latchkey", host[] = "__Host-s", nowhere[] = "",
            root[] = "/", site[] = "a.example", app[] = "/app";

static void
test_cookie_is_set_for_as_long_as_its_session(void **state)
{
	struct lk_cookie cookie = { latchkey, nowhere, root,
		LK_SAME_SITE_LAX, true, true };
	struct lk_buf out = LK_BUF_INIT(256);

	lk_cookie_set(&cookie, "lk_x", 60, &out);
	assert_string_equal(out.data,
	    "latchkey=lk_x; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; "
	    "Secure");
	lk_buf_reset(&out);
	cookie.persistent = false;
	lk_cookie_set(&cookie, "lk_x", 60, &out);
	assert_string_equal(out.data,
	    "latchkey=lk_x; Path=/; HttpOnly; SameSite=Lax; Secure");
	lk_buf_free(&out);
}

/* It must change, not go, or a browser shows again what it has kept. */
static void
test_cookie_is_taken_back_as_an_empty_one_that_ends(void **state)
{
	struct lk_cookie cookie = { latchkey, site, app, LK_SAME_SITE_STRICT,
		false, false };
	struct lk_buf out = LK_BUF_INIT(256);

	lk_cookie_take_back(&cookie, latchkey, &out);
	assert_string_equal(out.data,
	    "latchkey=; Max-Age=1; Path=/app; Domain=a.example; HttpOnly; "
	    "SameSite=Strict");
	lk_buf_reset(&out);
	lk_cookie_take_back(&cookie, host, &out);
	assert_string_equal(out.data,
	    "__Host-s=; Max-Age=1; Path=/; HttpOnly; SameSite=Strict; "
	    "Secure");
	lk_buf_free(&out);
}

#include "support/suite.h"
