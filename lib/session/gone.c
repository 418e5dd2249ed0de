#include <string.h>

#include "session/gone.h"

void
lk_gone_add(struct lk_gone *gone, const char *id)
{
	if (gone->count++ < LK_ISSUE_ENDED_MAX)
		lk_buf_add(&gone->ids, id, strlen(id) + 1);
}

void
lk_gone_add_ref(struct lk_gone *gone, const uint8_t handle[LK_HANDLE_LEN],
    const void *locator, size_t len)
{
	char id[LK_SESSION_ID_MAX + 1];

	lk_session_id(handle, locator, len, id);
	lk_gone_add(gone, id);
}

void
lk_gone_forget(struct lk_gone *gone)
{
	gone->count = 0;
	lk_buf_reset(&gone->ids);
}

struct lk_gone_mark
lk_gone_mark(const struct lk_gone *gone)
{
	return ((
	    struct lk_gone_mark){ .count = gone->count, .len = gone->ids.len });
}

void
lk_gone_undo(struct lk_gone *gone, struct lk_gone_mark mark)
{
	gone->count = mark.count;
	gone->ids.len = mark.len;
}
