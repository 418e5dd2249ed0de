#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis/wire/info.h"

/* More than Redis keeps. */
#define REPLICAS_MAX 64

bool
lk_redis_info(const char *info, const char *name,
    char value[LK_REDIS_INFO_MAX + 1])
{
	size_t name_len = strlen(name), len;
	const char *line;

	for (line = info; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, name_len) != 0 || line[name_len] != ':')
			continue;
		line += name_len + 1;
		len = strcspn(line, "\r\n");
		if (len > LK_REDIS_INFO_MAX)
			len = LK_REDIS_INFO_MAX;
		memcpy(value, line, len);
		value[len] = '\0';
		return (true);
	}
	return (false);
}

/*
 * Whether `ip=...,port=...,state=online,offset=...,lag=0` is in step.  Redis
 * takes the time of the last word from a finer clock than the present, so that
 * at the turn of a second the lag can be -1.
 */
static bool
is_in_step(const char *replica)
{
	static const char lag[] = ",lag=";
	const char *p = strstr(replica, lag);
	char *end;
	long seconds;

	if (strstr(replica, ",state=online,") == NULL || p == NULL)
		return (false);
	p += sizeof(lag) - 1;
	seconds = strtol(p, &end, 10);
	return (end != p && seconds >= -1 && seconds <= LK_REDIS_LAG_MAX);
}

size_t
lk_redis_info_replicas(const char *info)
{
	char value[LK_REDIS_INFO_MAX + 1], name[16];
	size_t i, n = 0;

	if (!lk_redis_info(info, "role", value) || strcmp(value, "master") != 0)
		return (0);
	for (i = 0; i < REPLICAS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "slave%zu", i);
		if (lk_redis_info(info, name, value))
			n += is_in_step(value);
	}
	return (n);
}
