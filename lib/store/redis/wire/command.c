#include <stdio.h>
#include <string.h>

#include <hiredis/hiredis.h>
#include <sodium.h>

#include "store/redis/wire/command.h"

void
lk_redis_arg(struct lk_redis_command *command, const void *bytes, size_t len)
{
	command->argv[command->argc] = bytes;
	command->len[command->argc++] = len;
}

void
lk_redis_arg_str(struct lk_redis_command *command, const char *text)
{
	lk_redis_arg(command, text, strlen(text));
}

void
lk_redis_arg_int(struct lk_redis_command *command, int64_t number)
{
	char *text = command->number[command->argc];

	(void)snprintf(text, sizeof(command->number[0]), "%lld",
	    (long long)number);
	lk_redis_arg_str(command, text);
}

void
lk_redis_command(struct lk_redis_command *command, const char *name)
{
	command->argc = 0;
	lk_redis_arg_str(command, name);
}

bool
lk_redis_command_auth(struct lk_redis_command *command, const char *username,
    const char *password)
{
	if (password[0] == '\0')
		return (false);
	lk_redis_command(command, "AUTH");
	if (username[0] != '\0')
		lk_redis_arg_str(command, username);
	lk_redis_arg_str(command, password);
	return (true);
}

enum lk_status
lk_redis_command_format(const struct lk_redis_command *commands, size_t count,
    struct lk_buf *out)
{
	const char *argv[LK_REDIS_ARGS_MAX];
	const struct lk_redis_command *c;
	char *text = NULL;
	size_t i;
	int len;

	for (i = 0; i < count; i++) {
		c = &commands[i];
		memcpy(argv, c->argv, (size_t)c->argc * sizeof(argv[0]));
		len = (int)redisFormatCommandArgv(&text, c->argc, argv, c->len);
		if (len < 0)
			return (LK_E_NOMEM);
		lk_buf_add(out, text, (size_t)len);
		sodium_memzero(text, (size_t)len);
		redisFreeCommand(text);
	}
	return (out->failed ? LK_E_NOMEM : LK_OK);
}
