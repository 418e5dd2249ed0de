#include <stdarg.h>
#include <string.h>

#include <sodium.h>

#include "store/redis/layout/gosession.h"
#include "store/redis/layout/latchkey.h"

static const struct lk_redis_layout *const layouts[] = {
	[LK_LAYOUT_LATCHKEY] = &lk_redis_latchkey,
	[LK_LAYOUT_GOSESSION] = &lk_redis_gosession,
};

const struct lk_redis_layout *
lk_redis_layout_of(const struct lk_settings *settings)
{
	return (layouts[settings->store.redis.layout]);
}

bool
lk_redis_asks_why(const struct lk_redis_layout *layout,
    const struct lk_settings *settings)
{
	return (!layout->first_tells || settings->session.reasons > 0);
}

void
lk_redis_key(struct lk_redis_key *key, ...)
{
	const char *part;
	size_t len;
	va_list ap;

	key->len = 0;
	va_start(ap, key);
	while ((part = va_arg(ap, const char *)) != NULL) {
		len = strlen(part);
		if (len > LK_REDIS_KEY_MAX - key->len) {
			key->len = 0;
			break;
		}
		memcpy(key->text + key->len, part, len);
		key->len += len;
	}
	va_end(ap);
	key->text[key->len] = '\0';
}

void
lk_redis_arg_key(struct lk_redis_command *command,
    const struct lk_redis_key *key)
{
	lk_redis_arg(command, key->text, key->len);
}

void
lk_redis_look_wipe(struct lk_redis_look *look)
{
	if (look->names.token != NULL)
		sodium_memzero(&look->names, sizeof(look->names));
}
