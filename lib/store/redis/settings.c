/* What Redis asks of the settings, alone and behind Sentinel. */
#include <string.h>

#include "store/redis/redis.h"

/* Layout `gosession` separates with `_`; its prefixes have `-` instead. */
static void
normalise_prefix(char *prefix)
{
	for (; *prefix != '\0'; prefix++) {
		if (*prefix == '_')
			*prefix = '-';
	}
}

enum lk_status
lk_redis_check_settings(struct lk_settings *settings, struct lk_error *error)
{
	normalise_prefix(settings->session.token_prefix);
	normalise_prefix(settings->session.user_prefix);
	if (strcmp(settings->session.token_prefix,
	        settings->session.user_prefix) == 0)
		return (lk_settings_refuse(settings, "session.user_prefix",
		    "session.token_prefix", error,
		    "expected another prefix than session.token_prefix, got "
		    "the same"));
	if (settings->store.backend != LK_BACKEND_SQLITE &&
	    lk_redis_layout_of(settings)->unlimited &&
	    lk_settings_line(settings, "session.max_per_user") == 0)
		settings->session.max_per_user = 0;
	return (
	    lk_settings_read_secret(settings, "store.redis.password", error));
}

enum lk_status
lk_sentinel_check_settings(struct lk_settings *settings, struct lk_error *error)
{
	if (settings->store.backend != LK_BACKEND_SENTINEL)
		return (LK_OK);
	return (lk_settings_read_secret(settings, "store.sentinel.password",
	    error));
}
