/* What the settings say of sessions of one client kind. */
#include "settings/settings.h"

struct lk_policy
lk_settings_policy(const struct lk_settings *settings, const char *client)
{
	const struct lk_kinds *row = lk_kinds_find(&settings->session.clients,
	    client);
	struct lk_policy policy = { .row = row,
		.ttl = settings->session.ttl,
		.max_life = settings->session.max_life,
		.renew_below = settings->gate.renew_below,
		.row_refuses = settings->session.on_limit ==
		    LK_ON_LIMIT_REFUSE };

	if (row != NULL && row->ttl != LK_KINDS_UNSET)
		policy.ttl = row->ttl;
	if (row != NULL && row->max_life != LK_KINDS_UNSET)
		policy.max_life = row->max_life;
	if (row != NULL && row->renew_below != LK_KINDS_UNSET)
		policy.renew_below = row->renew_below;
	if (row != NULL && row->on_limit != LK_KINDS_UNSET)
		policy.row_refuses = row->on_limit == LK_ON_LIMIT_REFUSE;
	if (policy.max_life > 0 && policy.ttl > policy.max_life)
		policy.ttl = policy.max_life;
	return (policy);
}
