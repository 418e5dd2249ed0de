#include <string.h>

#include "base/json.h"
#include "name.h"
#include "session/user.h"

void
pam_names_of(const struct lk_session *session, const char *detail,
    const char *field, struct pam_names *names)
{
	const char *value;
	size_t len;

	names->own = session->user;
	names->account[0] = '\0';
	if (!lk_user_id_fits(session->user))
		return;
	if (field == NULL || field[0] == '\0') {
		memcpy(names->account, session->user, sizeof(names->account));
		return;
	}
	if (detail == NULL || !lk_json_is_object(detail, strlen(detail)) ||
	    !lk_json_member(detail, strlen(detail), field, &value, &len))
		return;
	/* What is no string, or no id, leaves the account empty. */
	if (!lk_json_text(value, len, names->account, sizeof(names->account)) ||
	    !lk_user_id_fits(names->account))
		names->account[0] = '\0';
}

bool
pam_names_include(const struct pam_names *names, const char *name, bool own_too)
{
	if (names->account[0] == '\0')
		return (false);
	return (strcmp(name, names->account) == 0 ||
	    (own_too && strcmp(name, names->own) == 0));
}
