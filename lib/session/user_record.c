#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/json.h"
#include "base/json_scan.h"
#include "session/user_record.h"

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
