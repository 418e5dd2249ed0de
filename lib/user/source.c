#include "user/source.h"

lk_user_source *
lk_user_source_of(const struct lk_settings *settings)
{
	static lk_user_source *const sources[] = {
		[LK_SOURCE_NONE] = NULL,
		[LK_SOURCE_FILE] = lk_user_source_file,
		[LK_SOURCE_EXEC] = lk_user_source_exec,
		[LK_SOURCE_PASSWD] = lk_user_source_passwd,
	};
	size_t i = (size_t)settings->user.source;

	return (i < sizeof(sources) / sizeof(sources[0]) ? sources[i] : NULL);
}
