/* What INFO says. */
#ifndef LK_REDIS_INFO_H_
#define LK_REDIS_INFO_H_

#include <stdbool.h>
#include <stddef.h>

/* Longest value that is looked at: a replica's, with the host name of 255
 * bytes that it may have announced. */
#define LK_REDIS_INFO_MAX 511
/* A replica that was silent for more seconds may have been cut off. */
#define LK_REDIS_LAG_MAX 1

/**
 * lk_redis_info(info, name, value):
 * Copy the value of a line `name:value`; false if there is none.
 */
bool lk_redis_info(const char *info, const char *name,
    char value[LK_REDIS_INFO_MAX + 1]);

/**
 * lk_redis_info_replicas(info):
 * How many replicas a master's INFO shows to be in step: connected, and heard
 * of within the last LK_REDIS_LAG_MAX seconds.
 */
size_t lk_redis_info_replicas(const char *info);

#endif /* !LK_REDIS_INFO_H_ */
