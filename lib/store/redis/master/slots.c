#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis/master/slots.h"

/* Longest decimal port and slot. */
#define NUMBER_DIGITS 5

/* ---- Keys -------------------------------------------------------------- */

int
lk_redis_slot(const char *key, size_t len)
{
	const char *open = memchr(key, '{', len);
	const char *close = open == NULL
	    ? NULL
	    : memchr(open + 1, '}', len - (size_t)(open + 1 - key));
	unsigned int crc = 0, bit;
	size_t i;

	/* `{}` is no tag. */
	if (close != NULL && close > open + 1) {
		key = open + 1;
		len = (size_t)(close - key);
	}
	for (i = 0; i < len; i++) {
		crc ^= (unsigned int)(unsigned char)key[i] << 8;
		for (bit = 0; bit < 8; bit++)
			crc = ((crc << 1) ^ ((crc & 0x8000) ? 0x1021 : 0)) &
			    0xffff;
	}
	return ((int)(crc % LK_REDIS_SLOTS));
}

const char *
lk_redis_key_of(const struct lk_redis_command *command, size_t *len)
{
	static const char *const keyless[] = { "PING", "INFO", "TIME", "ROLE",
		"SCAN", "WAIT", "CLUSTER", "CONFIG" };
	const char *name = command->argv[0];
	int at = 1;
	size_t i;

	for (i = 0; i < sizeof(keyless) / sizeof(keyless[0]); i++) {
		if (strcmp(name, keyless[i]) == 0)
			return (NULL);
	}
	if (strncmp(name, "EVAL", 4) == 0)
		at = 3;
	else if (strcmp(name, "MEMORY") == 0)
		at = 2;
	if (at >= command->argc)
		return (NULL);
	*len = command->len[at];
	return (command->argv[at]);
}

int
lk_redis_slot_of(const struct lk_redis_command *command)
{
	size_t len;
	const char *key = lk_redis_key_of(command, &len);

	return (key == NULL ? LK_REDIS_NO_SLOT : lk_redis_slot(key, len));
}

/* ---- Names ------------------------------------------------------------- */

/*
 * Make a name of a host and a port, or of ${asked}'s host if that is empty.
 * What is no host of a network is refused: a path, above all.
 */
static bool
make_name(const char *host, size_t len, int64_t port, const char *asked,
    char name[LK_REDIS_NAME_SIZE])
{
	struct lk_address address;
	int needed;

	if (port < 1 || port > 65535 || len > LK_HOST_MAX ||
	    memchr(host, '\0', len) != NULL)
		return (false);
	if (len == 0) {
		if (lk_address_parse(asked, &address) != LK_OK ||
		    address.is_unix)
			return (false);
		host = address.host;
		len = strlen(host);
	}
	needed = snprintf(name, LK_REDIS_NAME_SIZE,
	    memchr(host, ':', len) != NULL ? "[%.*s]:%lld" : "%.*s:%lld",
	    (int)len, host, (long long)port);
	return (needed > 0 && needed < LK_REDIS_NAME_SIZE &&
	    lk_address_parse(name, &address) == LK_OK && !address.is_unix);
}

/* ---- CLUSTER SLOTS ------------------------------------------------------ */

/* The number of a master, which is added if it is new; NOBODY if there is no
 * room. */
static uint16_t
number_of(struct lk_redis_slots *slots, const char *name, size_t replicas)
{
	size_t i;

	for (i = 0; i < slots->n; i++) {
		if (strcmp(slots->nodes[i].name, name) == 0)
			return ((uint16_t)i);
	}
	if (slots->n == LK_REDIS_NODES_MAX)
		return (LK_REDIS_NOBODY);
	memcpy(slots->nodes[slots->n].name, name, LK_REDIS_NAME_SIZE);
	slots->nodes[slots->n].replicas = replicas;
	return ((uint16_t)slots->n++);
}

/* Read one range: where it begins and ends, its master, and the replicas. */
static bool
read_range(const struct lk_redis_reply *range, const char *asked,
    struct lk_redis_slots *slots)
{
	const struct lk_redis_reply *master, *host;
	char name[LK_REDIS_NAME_SIZE] = "";
	int64_t from, to;
	uint16_t number;

	if (range->type != LK_REDIS_ARRAY || range->elements < 3 ||
	    range->element[0]->type != LK_REDIS_INTEGER ||
	    range->element[1]->type != LK_REDIS_INTEGER)
		return (false);
	from = range->element[0]->integer;
	to = range->element[1]->integer;
	master = range->element[2];
	if (from < 0 || from > to || to >= LK_REDIS_SLOTS ||
	    master->type != LK_REDIS_ARRAY || master->elements < 2 ||
	    master->element[1]->type != LK_REDIS_INTEGER)
		return (false);
	host = master->element[0];
	if ((host->type != LK_REDIS_NIL && host->type != LK_REDIS_STRING) ||
	    !make_name(host->type == LK_REDIS_NIL ? "" : host->text, host->len,
	        master->element[1]->integer, asked, name))
		return (false);
	number = number_of(slots, name, range->elements - 3);
	if (number == LK_REDIS_NOBODY)
		return (false);
	for (; from <= to; from++) {
		if (slots->owner[from] != LK_REDIS_NOBODY)
			return (false);
		slots->owner[from] = number;
	}
	return (true);
}

bool
lk_redis_slots_read(const struct lk_redis_reply *reply, const char *asked,
    struct lk_redis_slots *slots)
{
	size_t i;

	slots->n = 0;
	for (i = 0; i < LK_REDIS_SLOTS; i++)
		slots->owner[i] = LK_REDIS_NOBODY;
	if (reply->type != LK_REDIS_ARRAY)
		return (false);
	for (i = 0; i < reply->elements; i++) {
		if (!read_range(reply->element[i], asked, slots))
			return (false);
	}
	return (slots->n > 0);
}

/* ---- Being sent on ------------------------------------------------------ */

/* Read digits up to ${end}; -1 if there are none, too many or others. */
static int
read_digits(const char **p, char end)
{
	int number = 0, digits = 0;

	for (; **p >= '0' && **p <= '9' && digits <= NUMBER_DIGITS; (*p)++) {
		number = number * 10 + (**p - '0');
		digits++;
	}
	if (digits == 0 || digits > NUMBER_DIGITS || **p != end)
		return (-1);
	return (number);
}

bool
lk_redis_is_elsewhere(const struct lk_redis_reply *reply)
{
	return (lk_redis_reply_is_error(reply, "MOVED ") ||
	    lk_redis_reply_is_error(reply, "ASK ") ||
	    lk_redis_reply_is_error(reply, "TRYAGAIN") ||
	    lk_redis_reply_is_error(reply, "CLUSTERDOWN"));
}

enum lk_redis_redirect
lk_redis_redirect(const struct lk_redis_reply *reply, int slot,
    const char *asked, char name[LK_REDIS_NAME_SIZE])
{
	enum lk_redis_redirect redirect = LK_REDIRECT_NONE;
	const char *p, *host, *colon;

	if (lk_redis_reply_is_error(reply, "MOVED "))
		redirect = LK_REDIRECT_MOVED;
	else if (lk_redis_reply_is_error(reply, "ASK "))
		redirect = LK_REDIRECT_ASK;
	if (redirect == LK_REDIRECT_NONE || strlen(reply->text) != reply->len)
		return (LK_REDIRECT_NONE);
	p = strchr(reply->text, ' ') + 1;
	if (read_digits(&p, ' ') != slot || slot < 0)
		return (LK_REDIRECT_NONE);
	host = ++p;
	colon = strrchr(host, ':');
	if (colon == NULL)
		return (LK_REDIRECT_NONE);
	p = colon + 1;
	return (make_name(host, (size_t)(colon - host), read_digits(&p, '\0'),
	            asked, name)
	        ? redirect
	        : LK_REDIRECT_NONE);
}
