#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/escape.h"
#include "base/json.h"
#include "session/user.h"

/* ---- Ids --------------------------------------------------------------- */

/* What is white or invisible (Unicode 15: White_Space, and format characters
 * that have no shape of their own), in ascending order. */
static const struct {
	uint32_t first, last;
} blanks[] = {
	{ 0x20, 0x20 },
	{ 0xa0, 0xa0 },
	{ 0xad, 0xad },
	{ 0x34f, 0x34f },
	{ 0x61c, 0x61c },
	{ 0x115f, 0x1160 },
	{ 0x1680, 0x1680 },
	{ 0x17b4, 0x17b5 },
	{ 0x180b, 0x180f },
	{ 0x2000, 0x200f },
	{ 0x2028, 0x202f },
	{ 0x205f, 0x206f },
	{ 0x2800, 0x2800 },
	{ 0x3000, 0x3000 },
	{ 0x3164, 0x3164 },
	{ 0xfe00, 0xfe0f },
	{ 0xfeff, 0xfeff },
	{ 0xffa0, 0xffa0 },
	{ 0xfff9, 0xfffb },
	{ 0xe0000, 0xe0fff },
};

static bool
is_blank(uint32_t code)
{
	size_t i;

	for (i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++) {
		if (code >= blanks[i].first && code <= blanks[i].last)
			return (true);
	}
	return (false);
}

enum lk_status
lk_user_id_check(const char *id)
{
	const size_t len = strnlen(id, LK_USER_ID_MAX + 1);

	return (len > 0 && len <= LK_USER_ID_MAX && !lk_has_control(id, len)
	        ? LK_OK
	        : LK_E_INVAL);
}

bool
lk_user_id_fits(const char *id)
{
	size_t left = strnlen(id, LK_USER_ID_MAX + 1), len;
	bool first = true;
	uint32_t code = 0;

	if (lk_user_id_check(id) != LK_OK)
		return (false);
	for (; left > 0; id += len, left -= len, first = false) {
		if ((len = lk_utf8_len(id, left)) == 0)
			return (false);
		code = lk_utf8_get(id, len);
		if ((code >= 0x80 && code < 0xa0) || (first && is_blank(code)))
			return (false);
	}
	return (!is_blank(code));
}

/* ---- Records ----------------------------------------------------------- */

void
lk_user_clear(struct lk_user *user)
{
	if (user == NULL)
		return;
	if (user->detail != NULL)
		sodium_memzero(user->detail, strlen(user->detail));
	free(user->detail);
	memset(user, 0, sizeof(*user));
}

void
lk_user_record_encode(const char *id, const char *detail, struct lk_buf *out)
{
	lk_buf_str(out, "{\"id\":");
	lk_json_bytes(id, out);
	lk_buf_str(out, ",\"detail\":");
	lk_buf_str(out, detail);
	lk_buf_str(out, "}");
}

enum lk_status
lk_user_record_decode(const char *text, size_t len, struct lk_user *user)
{
	struct lk_buf detail = LK_BUF_INIT(LK_DETAIL_MAX);
	enum lk_status status = LK_E_CORRUPT;
	const char *value;
	size_t value_len;

	memset(user, 0, sizeof(*user));
	/* An id is opaque: its bytes need not be UTF-8. */
	if (!lk_json_scan(text, len, LK_JSON_ANY_BYTES, NULL) ||
	    !lk_json_member(text, len, "id", &value, &value_len) ||
	    !lk_json_text(value, value_len, user->id, sizeof(user->id)) ||
	    user->id[0] == '\0')
		goto out;
	if (!lk_json_member(text, len, "detail", &value, &value_len)) {
		value = "null";
		value_len = strlen(value);
	}
	if (value_len > LK_DETAIL_MAX || !lk_json_valid(value, value_len))
		goto out;
	lk_json_compact(value, value_len, &detail);
	user->detail = lk_buf_take(&detail);
	status = user->detail != NULL ? LK_OK : LK_E_NOMEM;
out:
	lk_buf_free(&detail);
	if (status != LK_OK)
		memset(user, 0, sizeof(*user));
	return (status);
}
